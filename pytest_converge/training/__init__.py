"""Everything that trains: what a training is, how it runs, and how it is changed."""
