"""What a training changes and must put back: variables, optimizer, random state, settings."""
