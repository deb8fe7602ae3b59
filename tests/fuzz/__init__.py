"""Damaged and hostile files for every reader: one line, in a bounded time, and nothing executed."""
