"""When work that goes on will end, in words."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

DAY = timedelta(days=1)


def duration(seconds: float) -> str:
    """``90.0`` to ``2 min``, ``7500.0`` to ``2 h 5 min``."""
    minutes = _minutes(seconds)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _minutes(seconds: float) -> int:
    return max(1, round(seconds / 60))


def ending(seconds: float, now: datetime) -> str:
    """What is left, and the time of day when it ends; the date too where that is a day away.

    >>> ending(700, datetime(2026, 3, 1, 14, 20))
    'about 12 min left (ends 14:32)'
    >>> ending(100_000, datetime(2026, 3, 1, 14, 20))
    'about 27 h 47 min left (ends 2026-03-02 18:07)'
    """
    left = timedelta(minutes=_minutes(seconds))
    end = f"{now + left:%Y-%m-%d %H:%M}" if left >= DAY else f"{now + left:%H:%M}"
    return f"about {duration(seconds)} left (ends {end})"


class Pace:
    """How fast work goes on.

    Args:
        clock: seconds that only grow.
        now: the time of day.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._clock, self._now = clock, now
        self._first, self._since = 0, clock()

    def begin(self, done: int = 0) -> None:
        """Work begins, or goes on after so much that was done before and tells nothing of speed."""
        self._first, self._since = done, self._clock()

    def seconds_left(self, done: int, total: int) -> float | None:
        """Seconds that the rest takes at the speed so far; None where nothing is done yet."""
        made = done - self._first
        return (total - done) * (self._clock() - self._since) / made if made > 0 else None

    def words(self, done: int, total: int) -> str:
        """The same for people; empty where it is not known, or nothing is left."""
        left = self.seconds_left(done, total)
        return "" if not left else ending(left, self._now())
