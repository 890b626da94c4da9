"""Several preparations of the same features, compared by training."""
