"""The loop behind a launch, with an engine that does what the test says."""

import os
import signal

import pytest

from fewshot_bench.errors import Interrupted
from fewshot_bench.launch.drive import drive
from fewshot_bench.launch.job import Job, Outcome
from fewshot_bench.launch.plan import waves


class Scripted:
    """Ends one job at each look, the one that was started last, as ``answers`` say."""

    ordered = False

    def __init__(self, slots, answers=None):
        self.slots, self.answers = slots, answers or {}
        self.running, self.started, self.most, self.stopped = [], [], 0, False

    def start(self, jobs):
        self.running += jobs
        self.started += [job.id for job in jobs]
        self.most = max(self.most, len(self.running))

    def ended(self, seconds):
        job = self.running.pop()
        answers = self.answers.get(job.id)
        return [answers.pop(0) if answers else Outcome(job.id, seconds=1.0)]

    def stop(self):
        self.stopped = True


def job(name, *needs):
    return Job(name, "cell", f"job {name}", {}, needs)


def test_jobs_start_when_what_they_need_is_done_and_fill_the_slots():
    jobs = [job("s"), job("a", "s"), job("b"), job("c", "s"), job("d")]
    engine = Scripted(2)
    progress = drive([jobs], engine, 0)
    assert engine.most == 2
    assert engine.started.index("s") < min(map(engine.started.index, "ac"))
    assert sorted(engine.started) == sorted("sabcd")
    assert set(progress.states.values()) == {"done"}
    assert engine.stopped


def test_a_failure_fails_what_needs_it_and_nothing_else():
    jobs = [job("s"), job("t", "s"), job("a", "t"), job("b")]
    engine = Scripted(1, {"s": [Outcome("s", "it diverged")]})
    progress = drive([jobs], engine, 3)
    assert engine.started == ["s", "b"]
    assert progress.states == {"s": "failed", "t": "failed", "a": "failed", "b": "done"}
    assert [one.error for one in progress.failures()] == [
        "it diverged",
        "job s failed, which comes first",
        "job t failed, which comes first",
    ]


def test_a_lost_job_is_tried_again_as_often_as_allowed():
    gone = Outcome("a", "killed", lost=True)
    engine = Scripted(1, {"a": [gone, gone]})
    assert drive([[job("a")]], engine, 2).states == {"a": "done"}
    assert engine.started == ["a", "a", "a"]
    engine = Scripted(1, {"a": [gone, gone]})
    assert [one.error for one in drive([[job("a")]], engine, 1).failures()] == ["killed"]


def test_an_engine_that_keeps_the_order_itself_gets_all_groups_at_once():
    engine = Scripted(None)
    engine.ordered = True
    groups = waves([job("s"), job("t", "s"), job("a", "s", "t"), job("b")])
    assert [[one.id for one in group] for group in groups] == [["s", "b"], ["t"], ["a"]]
    drive(groups, engine, 0)
    assert engine.most == 4
    assert engine.started == ["s", "b", "t", "a"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_engine_and_the_rest_is_not_started(number):
    engine = Scripted(1)
    with pytest.raises(Interrupted):
        drive([[job("a"), job("b")]], engine, 0, lambda _: os.kill(os.getpid(), number))
    assert engine.started == ["a"]
    assert engine.stopped
