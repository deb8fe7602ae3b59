"""Lines of progress in a log file."""

import io

from rich.console import Console

from fewshot_bench.cli.progress import MinuteLines, TrainingDisplay


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def lines_of(console, steps, seconds, done=0):
    """Work of so many steps that take so many seconds each; what was printed."""
    clock = Clock()
    lines = MinuteLines(console, clock)
    lines.begin("[work]", done)
    for step in range(done + 1, steps + 1):
        clock.now += seconds
        lines.at(step, steps)
    return console.file.getvalue().splitlines()


def log_file():
    return Console(file=io.StringIO(), soft_wrap=True)


def test_a_line_each_minute_tells_when_it_ends_and_the_first_comes_early():
    assert lines_of(log_file(), 10, 20.0) == [
        "[work]: 1/10  about 3 min left",
        "[work]: 4/10  about 2 min left",
        "[work]: 7/10  about 1 min left",
        "[work]: 10/10  about 0 min left",
    ]
    assert lines_of(log_file(), 1000, 1.0)[0] == "[work]: 10/1000  about 16 min left"


def test_what_was_done_before_does_not_count_for_the_speed():
    [first, *_] = lines_of(log_file(), 400, 60.0, done=100)
    assert first == "[work]: 101/400  about 4 h 59 min left"


def test_short_work_and_a_terminal_get_no_lines():
    assert lines_of(log_file(), 10, 5.0) == []
    terminal = Console(file=io.StringIO(), force_terminal=True)
    assert lines_of(terminal, 10, 20.0) == []


def test_training_without_validations_is_heard_of(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("fewshot_bench.cli.progress.time.monotonic", clock)
    console = log_file()
    display = TrainingDisplay(console)
    display._lines._clock = clock
    display.begin("meta-training", 300, 4)
    for step in (101, 102, 103):
        display.step(step, 4, 0.5)
        clock.now += 30
    display.step(104, 4, 0.5)
    assert console.file.getvalue().splitlines() == [
        "meta-training: 102/300  about 1 h 39 min left",
        "meta-training: 104/300  about 1 h 38 min left",
    ]
