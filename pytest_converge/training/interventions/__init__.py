"""The same training with one thing changed."""
