"""Features of images that were computed before, as files and as a benchmark."""
