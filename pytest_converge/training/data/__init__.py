"""What users pass as data, as the batches of each step."""
