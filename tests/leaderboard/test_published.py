"""The published numbers: complete, plausible, and refused where a line is not as it must be."""

import collections
import re
from pathlib import Path

import pytest

from fewshot_bench.errors import DataError
from fewshot_bench.leaderboard.published import COLUMNS, read_published

FILE = Path(__file__).parents[2] / "leaderboards" / "published.csv"
ROWS = read_published(FILE)


def find(method, benchmark, shot, backbone=""):
    [row] = [
        row
        for row in ROWS
        if (row.method, row.benchmark, row.shot) == (method, benchmark, shot)
        and row.backbone.startswith(backbone)
    ]
    return row


def test_values_are_plausible():
    for row in ROWS:
        assert 1 / row.way < row.accuracy < 0.95, row
        if row.low is not None:
            assert 0.0005 < row.high - row.low < 0.1, row
        assert (row.way, row.shot in (1, 5), row.rank) == (5, True, None)
        assert row.benchmark in {"mini-imagenet", "tiered-imagenet", "cifar-fs", "fc100", "cub"}


def test_five_shots_are_better_than_one():
    by_shot = collections.defaultdict(dict)
    for row in ROWS:
        by_shot[row.method, row.backbone, row.benchmark][row.shot] = row.accuracy
    both = [pair for pair in by_shot.values() if len(pair) == 2]
    assert len(both) > 150
    assert all(pair[5] > pair[1] for pair in both)


def test_every_source_can_be_looked_up():
    for row in ROWS:
        assert re.search(r"arXiv \d{4}\.\d{5}|github [\w-]+/[\w-]+", row.source), row


def test_numbers_of_the_methods_own_papers_are_preferred():
    maml = find("MAML", "mini-imagenet", 1, "conv4-32")
    assert (maml.accuracy, maml.low, maml.source) == (0.487, 0.4686, "arXiv 1703.03400")
    assert maml.flags == ()
    proto = find("ProtoNet", "mini-imagenet", 5, "conv4")
    assert (proto.accuracy, proto.source) == (0.682, "arXiv 1703.05175")
    quoted = find("MAML", "cifar-fs", 5, "resnet12")
    assert (quoted.accuracy, quoted.flags) == (0.7707, ("quoted",))


def test_settings_are_told_apart():
    assert find("NPBML", "fc100", 1, "resnet12").setting == "transductive"
    assert find("NPBML", "fc100", 1, "resnet12").pre_trained is True
    assert find("TPN", "mini-imagenet", 1).setting == "transductive"
    assert find("ProtoNet", "fc100", 1, "conv4").setting == "inductive"
    assert find("MetaOptNet-SVM (train+val)", "fc100", 1, "resnet12").train_val is True


GOOD = "A,conv4-64,mini-imagenet,5,1,50.0,0.5,ci95,inductive,no,no,no,own,arXiv 1703.03400,n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD.replace("50.0", "0.5x"), "0.5x"),
        (GOOD.replace("50.0", "150"), "percentage"),
        (GOOD.replace("ci95", ""), "fill both"),
        (GOOD.replace("inductive", "maybe"), "setting"),
        (GOOD.replace("arXiv 1703.03400", ""), "source is empty"),
        (GOOD + ",more", "cells"),
        (f"{GOOD}\n{GOOD}", "two lines"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, reason):
    file = tmp_path / "published.csv"
    file.write_text(",".join(COLUMNS) + f"\n{line}\n")
    with pytest.raises(DataError, match=reason) as caught:
        read_published(file)
    assert str(file) in str(caught.value)


def test_other_tables_are_refused(tmp_path):
    file = tmp_path / "published.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="columns"):
        read_published(file)
