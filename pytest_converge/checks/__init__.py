"""Gates and notes: pure functions from a record and an expectation to findings."""
