"""The flows of the studies: from a call of a verb to what is reported, one a module."""
