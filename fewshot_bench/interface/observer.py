"""Progress of a training, told to nobody."""


class Quiet:
    """An observer that shows nothing."""

    def begin(self, what: str, steps: int, per_step: int) -> None:
        """Nothing."""

    def step(self, step: int, per_step: int, loss: float) -> None:
        """Nothing."""

    def validation(self, step: int, accuracy: float, best: float) -> None:
        """Nothing."""
