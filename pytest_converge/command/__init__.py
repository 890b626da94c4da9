"""The command `converge`: shows, compares and clears away recorded baselines."""
