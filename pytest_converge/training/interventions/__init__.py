"""Interventions: each makes of a training the same training with one thing changed."""
