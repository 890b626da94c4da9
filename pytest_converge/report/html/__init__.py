"""The page about a session: values in, one document out that needs no network."""
