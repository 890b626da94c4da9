"""Recorded baselines: the gate, its files, and what a session does with them."""
