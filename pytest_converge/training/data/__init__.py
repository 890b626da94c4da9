"""The data of a training: what users pass, as the batches of each step."""
