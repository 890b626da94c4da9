"""Results to text, JSON and pictures: pure functions of value, width and encoding."""
