"""Lines of progress in a log file."""

import io
import re
from datetime import datetime, timedelta
from unittest import mock

from rich.console import Console

from fewshot_bench.cli.progress import MinuteLines, TimeLeft, TrainingDisplay


class Clock:
    """Seconds, and the time of day that belongs to them: work begins at 12:00."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def day(self):
        return datetime(2026, 3, 1, 12) + timedelta(seconds=self.now - 1000.0)


def lines_of(console, steps, seconds, done=0):
    """Work of so many steps that take so many seconds each; what was printed."""
    clock = Clock()
    lines = MinuteLines(console, clock, clock.day)
    lines.begin("[work]", done)
    for step in range(done + 1, steps + 1):
        clock.now += seconds
        lines.at(step, steps)
    return console.file.getvalue().splitlines()


def log_file():
    return Console(file=io.StringIO(), soft_wrap=True)


def test_a_line_each_minute_tells_when_it_ends():
    assert lines_of(log_file(), 10, 20.0) == [
        "[work]: 1/10  about 3 min left (ends 12:03)",
        "[work]: 4/10  about 2 min left (ends 12:03)",
        "[work]: 7/10  about 1 min left (ends 12:03)",
        "[work]: 10/10",
    ]


def test_the_first_estimate_comes_after_seconds():
    first, second, *_ = lines_of(log_file(), 3000, 1.0)
    assert first == "[work]: 5/3000  about 50 min left (ends 12:50)"
    assert second == "[work]: 65/3000  about 49 min left (ends 12:50)"


def test_work_that_ends_another_day_says_which():
    first, *_ = lines_of(log_file(), 30, 3600.0)
    assert first == "[work]: 1/30  about 29 h 0 min left (ends 2026-03-02 18:00)"


def test_what_was_done_before_does_not_count_for_the_speed():
    [first, *_] = lines_of(log_file(), 400, 60.0, done=100)
    assert first == "[work]: 101/400  about 4 h 59 min left (ends 17:00)"


def test_short_work_and_a_terminal_get_no_lines():
    assert lines_of(log_file(), 10, 5.0) == []
    terminal = Console(file=io.StringIO(), force_terminal=True)
    assert lines_of(terminal, 10, 20.0) == []


def test_training_without_validations_is_heard_of(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("fewshot_bench.cli.progress.time.monotonic", clock)
    console = log_file()
    display = TrainingDisplay(console)
    display._lines = MinuteLines(console, clock, clock.day)
    display.begin("meta-training", 300, 4)
    for step in (101, 102, 103):
        display.step(step, 4, 0.5)
        clock.now += 30
    display.step(104, 4, 0.5)
    assert console.file.getvalue().splitlines() == [
        "meta-training: 102/300  about 1 h 39 min left (ends 13:39)",
        "meta-training: 104/300  about 1 h 38 min left (ends 13:39)",
    ]


def test_the_bar_of_a_terminal_tells_when_it_ends():
    task = mock.Mock(time_remaining=700.0, get_time=lambda: 0.0)
    text = TimeLeft().render(task).plain
    assert re.fullmatch(r"about 12 min left \(ends \d\d:\d\d\)", text)
    task.time_remaining = None
    assert TimeLeft().render(task).plain == ""
