"""What pytest sees: options, the marker, the fixture, and the results across worker processes."""
