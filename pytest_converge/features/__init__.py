"""The fixture `preprocessing`: data checked, pipelines tried, preparations compared."""
