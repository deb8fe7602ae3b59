"""Results side by side: stored and published rows, ranked where they may be, and how to show them.

Nothing here imports torch.
"""
