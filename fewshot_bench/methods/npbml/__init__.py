"""NPBML: a start, an optimiser and a loss that are learned together, and adapted to the task."""
