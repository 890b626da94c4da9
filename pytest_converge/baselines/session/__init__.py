"""Baselines in a session: which runs are made, and what is recorded or compared with them."""
