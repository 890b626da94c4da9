"""The files of baselines: named, read strictly, and replaced whole."""
