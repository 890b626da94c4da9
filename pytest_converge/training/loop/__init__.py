"""All steps of a training in one compiled loop, and one run from start to record."""
