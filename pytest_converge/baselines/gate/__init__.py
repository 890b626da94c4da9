"""The statistical gate against recorded runs; pure."""
