"""Checks of measured data: pure functions from column profiles to findings."""
