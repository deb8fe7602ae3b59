"""Ordinary supervised training on small data sets, which losses are found for and compared on."""
