"""What a column, a target and a repeated row are; NumPy only."""
