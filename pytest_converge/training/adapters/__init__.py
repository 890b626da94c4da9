"""The three ways in: `fit`, `minimize` and `step` as trainings."""
