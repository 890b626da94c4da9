"""Mutations: changes for the worse, by which it is measured what a test would notice."""
