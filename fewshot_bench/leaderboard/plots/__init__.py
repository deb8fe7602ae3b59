"""Pictures of results; each is a function that returns a matplotlib Figure."""
