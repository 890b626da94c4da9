"""What a test would notice, and which bounds suit it."""
