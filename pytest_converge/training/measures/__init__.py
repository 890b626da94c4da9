"""Measurements at given weights, which change nothing."""
