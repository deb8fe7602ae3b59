"""A common bound for what several threads hold in memory at once."""

import contextlib
import threading
from collections.abc import Iterator


class Budget:
    """So many units for all threads together.

    Args:
        most: units. Who asks for more than that is let in alone.
    """

    def __init__(self, most: int) -> None:
        self._most, self._used = most, 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def holding(self, units: int) -> Iterator[None]:
        """Wait until there are so many units, and give them back at the end of the block."""
        units = min(units, self._most)
        with self._changed:
            self._changed.wait_for(lambda: self._used + units <= self._most)
            self._used += units
        try:
            yield
        finally:
            with self._changed:
                self._used -= units
                self._changed.notify_all()
