"""What the tool costs and how often it is right; run with `python -m benchmarks.NAME`."""
