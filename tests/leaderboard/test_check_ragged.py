"""Results on episodes of unequal shape are stored, cut and checked like any others."""

import numpy as np
import pytest

from fewshot_bench.data.episodes import Task
from fewshot_bench.data.pool import Pool
from fewshot_bench.data.samplers.base import make_sampler
from fewshot_bench.evaluation.columns import episode_columns
from fewshot_bench.evaluation.describe import describe_protocol, describe_summary
from fewshot_bench.evaluation.document import Facts
from fewshot_bench.evaluation.identity import config_sha256
from fewshot_bench.evaluation.result import make_result, read_result, write_result
from fewshot_bench.leaderboard.build import build_leaderboard
from fewshot_bench.leaderboard.check import check_result, check_stored
from fewshot_bench.leaderboard.datasets import Dataset
from fewshot_bench.leaderboard.measured import place, read_stored
from fewshot_bench.leaderboard.plots.boards import board_pictures
from fewshot_bench.leaderboard.render import render
from tests.leaderboard.synthetic import forged, losses, synthetic

LIMITS = {"min_way": 2, "max_way": 5, "max_support": 20, "max_query": 4}
SAMPLERS = [("dirichlet", {"alpha": 3}), ("varied", LIMITS)]
EPISODES = 600


def measured(mode, options):
    """A result on the list of a registered sampler; about 7 of 10 queries are right."""
    table = synthetic(episodes=50).document.table()
    data = table["dataset"]
    sizes = np.array(data["pool_sizes"])
    pool = Pool("test", tuple(data["class_names"]), sizes, data["fingerprint"])
    sampler = make_sampler(mode, pool, Task(5, 1, 15), 0, options)
    blocks = [sampler(t, 1) for t in range(EPISODES)]
    columns = episode_columns(blocks, sampler)
    counts = np.array([ids.query_ids.shape[1] for ids in blocks])
    labels = columns["query_labels"]
    pred = np.where(np.random.default_rng(0).random(len(labels)) < 0.7, labels, 0)
    starts = np.cumsum(counts) - counts
    right = np.add.reduceat((pred == labels).astype(np.uint16), starts)
    columns |= {
        "pred": pred.astype(np.uint8),
        "n_query": counts.astype(np.uint16),
        "n_correct": right,
        **losses(1 - right / counts, np.random.default_rng(1)),
    }
    table["protocol"] = describe_protocol(sampler, columns).table()
    config = table["method"]["config"]
    config["evaluate"] = {"sampler": mode, "sampler_options": options, "episodes": EPISODES}
    table["method"]["config_sha256"] = config_sha256(config)
    table["summary"] = describe_summary(columns, 0.95).table()
    return make_result(Facts.model_validate(table), columns)


@pytest.fixture(scope="module", params=SAMPLERS, ids=lambda sampler: sampler[0])
def result(request):
    return measured(*request.param)


def test_they_are_read_as_written_and_cut_at_episodes(result, tmp_path):
    write_result(result, tmp_path)
    again = read_result(tmp_path)
    for name, values in result.columns.items():
        np.testing.assert_array_equal(again.columns[name], values, err_msg=name)
    seven = again.first(7)
    np.testing.assert_array_equal(seven.accuracy, result.accuracy[:7])
    assert len(seven.columns["pred"]) == result.columns["n_query"][:7].sum()


def test_an_honest_one_is_accepted(result):
    assert list(check_result(result)) == []


def test_it_stands_on_a_board_of_its_own_that_names_the_sampler(result, tmp_path):
    for one in (result, synthetic(seed=1)):
        write_result(one, tmp_path / place(one))
    stored = read_stored(tmp_path)
    known = {"glyphs": {"f" * 64: Dataset(20, 800)}}
    assert check_stored(stored, tmp_path, known) == []
    leaderboard = build_leaderboard(stored, [])
    [own] = [board for board in leaderboard.boards if board.sampler]
    assert [board.id for board in leaderboard.boards if board != own] == ["glyphs/5-1/inductive"]
    limits = "max_class_support 100, max_query 4, max_support 20, max_way 5, min_way 2"
    titles = {"5-way 1-shot, dirichlet (alpha 3)", f"varied ({limits})"}
    assert own.task in titles
    assert own.id in {"glyphs/5-1-dirichlet-3/inductive", "glyphs/varied-100-4-20-5-2/inductive"}
    assert own.id.split("/")[1] == place(result).parts[1]
    [row] = own.measured
    assert row.accuracy == pytest.approx(result.accuracy.mean(), abs=1e-6)
    files = {path: data.decode() for path, data in render(leaderboard).items()}
    assert f"## {own.task}" in files["tables/glyphs.md"].replace("\\_", "_")
    assert f'"task":"{own.task}"' in files["index.html"]
    assert {name.split("-inductive")[0] for name, _ in board_pictures(leaderboard)} == {
        "glyphs-5-1",
        own.id.removesuffix("/inductive").replace("/", "-"),
    }


def renamed(table, _):
    table["protocol"]["id"] = "test/5-way-1-shot-15-query"


def reshaped(table, _):
    table["protocol"].update(way=5, shot=1, query=None)


def one_class_less(_, columns):
    columns["class_ids"] = columns["class_ids"][:-1]
    columns["n_way"][-1] -= 1
    for name in ("pred", "query_labels", "support_labels"):
        columns[name][:] = 0


def right_after_the_fact(_, columns):
    columns["query_labels"][:] = columns["pred"]
    columns["n_correct"][:] = columns["n_query"]


def uniform_by_name(table, _):
    sampler = {"name": "philox", "version": 1, "mode": "uniform", "seed": 0}
    table["protocol"].update(way=5, shot=1, query=15, sampler=sampler)


def uniform_by_hash(table, columns):
    uniform_by_name(table, columns)
    columns["episode_hash"] = synthetic(episodes=EPISODES).columns["episode_hash"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (renamed, "its protocol is called test/5-way-1-shot-15-query, but is test/"),
        (reshaped, "its shape is given as {'way': 5, 'shot': 1, 'query': None}, but is"),
        (one_class_less, "class_ids does not follow from its seed"),
        (right_after_the_fact, "query_labels does not follow from its seed"),
        (uniform_by_name, "episode_hash of episode 0 does not follow from its seed"),
        (uniform_by_hash, "class_ids does not follow from its seed"),
    ],
)
def test_what_was_altered_is_named(result, change, reason):
    assert any(line.startswith(reason) for line in check_result(forged(result, change)))
