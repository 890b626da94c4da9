"""Which repairs to try on a failed training, and what follows from them."""
