"""Feature pipelines of several libraries, and what is tried with them."""
