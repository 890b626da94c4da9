"""Text from results, for a given width and encoding: pure functions without pytest."""
