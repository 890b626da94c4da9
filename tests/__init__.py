"""The tests of pytest-converge, which mirror its rooms."""
