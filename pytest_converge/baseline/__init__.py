"""Recorded baselines: the statistical gate, which is pure, and the store of files."""
