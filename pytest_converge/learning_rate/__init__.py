"""The fixture `learning_rate`: the range of learning rates that pass."""
