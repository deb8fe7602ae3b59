"""Rows, pools and ranks: what may be compared is compared, and nothing else."""

import dataclasses
import itertools
import re

import numpy as np
import pytest

from fewshot_bench.evaluation.compare import compare_entrants
from fewshot_bench.evaluation.entrants import Entrant
from fewshot_bench.evaluation.result import EPISODES, RESULT, write_result
from fewshot_bench.leaderboard.board_file import dump_board
from fewshot_bench.leaderboard.build import build_leaderboard, read_leaderboard
from fewshot_bench.leaderboard.measured import place, read_stored
from fewshot_bench.leaderboard.published import read_published
from fewshot_bench.leaderboard.render import render
from fewshot_bench.stats import seed_episode_ci
from tests.leaderboard.synthetic import synthetic, write_forged
from tests.leaderboard.test_published import FILE

METHODS = {"protonet": 0.0, "maml": 0.01, "anil": -0.1, "boil": 0.0}


def store(root, results):
    for result in results:
        write_result(result, root / "results" / place(result))
    return read_stored(root / "results")


def seeds_of(method, skill, n=3, **choices):
    group = range(n)
    return [synthetic(method, skill, seed, seeds=group, **choices) for seed in group]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("leaderboards")
    for method, skill in METHODS.items():
        store(root, seeds_of(method, skill))
    return root


@pytest.fixture(scope="module")
def board(root):
    leaderboard, problems = read_leaderboard(root)
    assert problems == ()
    [board] = leaderboard.boards
    return leaderboard, board


def test_seeds_of_one_configuration_are_one_row(root, board):
    _, table = board
    assert [row.seeds for row in table.measured] == [3] * 4
    row = next(row for row in table.measured if row.method == "anil")
    results = next(r for r in read_stored(root).rows.values() if r[0].document.method.id == "anil")
    expected = seed_episode_ci(np.stack([result.accuracy for result in results]))
    assert row.accuracy == pytest.approx(expected.mean, abs=1e-6)
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    assert row.interval == "method"
    assert row.results == tuple(result.document.result_id for result in results)
    assert (row.time_s, row.train_s, row.memory, row.episodes) == (0.01, 120, 500_000_000, 1000)


def test_ranks_and_differences_are_those_of_compare(root, board):
    leaderboard, table = board
    [pool] = leaderboard.pools
    stored = read_stored(root)
    entrants = [Entrant(rows[0].document.method.id, rows) for rows in stored.rows.values()]
    comparison = compare_entrants(entrants)
    assert [row.method for row in table.measured] == list(comparison.names)
    assert tuple(row.rank for row in table.measured) == comparison.ranks
    ids = {row.method: row.id for row in table.measured}
    for pair in comparison.pairs:
        ours = pool.pair(ids[pair.a], ids[pair.b])
        assert ours.difference == pytest.approx(pair.difference.mean, abs=1e-6)
        assert (ours.low, ours.high) == pytest.approx(
            (pair.difference.low, pair.difference.high), abs=2e-6
        )
        assert ours.p_holm == pytest.approx(pair.p_holm, rel=5e-3)
        assert ours.estimand == "method"
    leader, last = table.measured[0], table.measured[-1]
    assert leader.mde80 is None
    [against] = [p for p in comparison.pairs if {p.a, p.b} == {leader.method, last.method}]
    assert last.mde80 == pytest.approx(against.mde80, abs=1e-6)
    assert last.mde80 > against.difference.half_width
    assert leader.leads
    assert not last.leads


def test_rows_of_other_data_or_episodes_are_never_ranked_together(tmp_path):
    a, b = seeds_of("maml", 0.0), seeds_of("anil", 0.2, fingerprint="e" * 64)
    c = seeds_of("boil", 0.2, query=10)
    leaderboard = build_leaderboard(store(tmp_path, [*a, *b, *c]), [])
    [board] = leaderboard.boards
    assert len(leaderboard.pools) == 3
    assert [row.rank for row in board.measured] == [None] * 3


def test_settings_have_boards_of_their_own_but_can_be_compared(tmp_path):
    a, b = seeds_of("protonet", 0.0), seeds_of("maml", 0.2, setting="transductive_bn")
    leaderboard = build_leaderboard(store(tmp_path, [*a, *b]), [])
    assert [board.setting for board in leaderboard.boards] == ["inductive", "transductive_bn"]
    rows = [row for board in leaderboard.boards for row in board.measured]
    assert [row.rank for row in rows] == [None, None]
    [pool] = leaderboard.pools
    assert pool.pair(rows[1].id, rows[0].id).p_holm < 0.01


def test_a_single_seed_is_not_ranked_beside_methods_with_several(tmp_path):
    stored = store(tmp_path, [*seeds_of("maml", 0.0), synthetic("anil", 0.3), synthetic("boil", 0)])
    leaderboard = build_leaderboard(stored, [])
    rows = {row.method: row for row in leaderboard.rows().values()}
    assert rows["anil"].rank is None
    assert "single_seed" in rows["anil"].flags
    assert (rows["anil"].interval, rows["maml"].interval) == ("closed", "method")
    assert rows["maml"].rank is None  # nothing stands beside it
    pair = leaderboard.pools[0].pair(rows["anil"].id, rows["maml"].id)
    assert pair.estimand == "closed"


def test_single_seeds_alone_are_ranked_as_trained_models(tmp_path):
    stored = store(tmp_path, [synthetic("anil", 0.3), synthetic("boil", 0)])
    rows = build_leaderboard(stored, []).rows().values()
    assert [row.rank for row in rows] == [(1, 1), (2, 2)]


def test_few_episodes_are_shown_but_not_ranked(tmp_path):
    stored = store(tmp_path, [*seeds_of("maml", 0.0), *seeds_of("anil", 0.1, episodes=300)])
    leaderboard = build_leaderboard(stored, [])
    rows = {row.method: row for row in leaderboard.rows().values()}
    assert rows["anil"].rank is None
    assert "few_episodes" in rows["anil"].flags
    assert leaderboard.pool(rows["maml"]).episodes == 1000


def test_lists_of_other_lengths_are_compared_on_what_they_share(tmp_path):
    stored = store(tmp_path, [*seeds_of("maml", 0.0), *seeds_of("anil", 0.1, episodes=700)])
    leaderboard = build_leaderboard(stored, [])
    assert [pool.episodes for pool in leaderboard.pools] == [700]
    assert {row.episodes for row in leaderboard.rows().values()} == {700, 1000}
    assert {row.rank for row in leaderboard.rows().values()} == {(1, 1), (2, 2)}


def test_rows_of_one_name_say_what_they_differ_in(tmp_path):
    stored = store(
        tmp_path, [synthetic(options={"lr": 0.1}), synthetic(options={"lr": 0.2, "steps": 3})]
    )
    notes = {row.note for row in build_leaderboard(stored, []).rows().values()}
    assert notes == {"options.lr=0.1, options.steps=unset", "options.lr=0.2, options.steps=3"}


def test_published_rows_stand_beside_measured_ones_unranked(tmp_path):
    published = [row for row in read_published(FILE) if row.benchmark == "fc100"]
    stored = store(tmp_path, [synthetic("protonet", benchmark="fc100", shot=5)])
    leaderboard = build_leaderboard(stored, published)
    board = next(b for b in leaderboard.boards if b.id == "fc100/5-5/inductive")
    assert len(board.measured) == 1
    assert {"ProtoNet", "MetaOptNet-SVM"} <= {row.method for row in board.published}
    means = [row.accuracy for row in board.published]
    assert means == sorted(means, reverse=True)
    assert all(row.rank is None and row.pool == "" for row in board.published)
    everything = [row.id for b in leaderboard.boards for row in (*b.measured, *b.published)]
    assert len(everything) == len(set(everything)) == len(published) + 1


def test_nothing_depends_on_the_order_of_files(tmp_path):
    results = list(itertools.chain(*(seeds_of(m, s) for m, s in METHODS.items())))
    stored = store(tmp_path, results)
    backwards = dataclasses.replace(stored, rows=dict(reversed(stored.rows.items())))
    assert dump_board(build_leaderboard(stored, [])) == dump_board(build_leaderboard(backwards, []))


def test_broken_files_are_named_in_one_line_each_and_the_rest_is_built(root, tmp_path):
    results = tmp_path / "results"
    store(tmp_path, seeds_of("maml", 0.0))
    good = next(results.rglob(RESULT))
    for name in ("truncated", "foreign", "newer", "empty", "binary", "partial", "lone", "list"):
        (results / name).mkdir()
        for file in (RESULT, EPISODES):
            (results / name / file).write_bytes(good.with_name(file).read_bytes())
    (results / "truncated" / EPISODES).write_bytes(good.with_name(EPISODES).read_bytes()[:500])
    (results / "foreign" / RESULT).write_text('{"accuracy": 0.9}')
    (results / "newer" / RESULT).write_text('{"schema_version": 99}')
    (results / "empty" / RESULT).write_text("")
    (results / "binary" / RESULT).write_bytes(bytes(range(256)))
    (results / "partial" / RESULT).write_bytes(good.read_bytes()[:900])
    (results / "lone" / EPISODES).unlink()
    (results / "list" / RESULT).write_text('{"schema_version": 2, "dataset": [1], "result_id": 5}')
    leaderboard, problems = read_leaderboard(tmp_path)
    assert len(leaderboard.rows()) == 1
    names = [path.name for path in sorted(results.iterdir()) if path.name != "glyphs"]
    assert len(problems) == len(names) == 8
    for name, line in zip(sorted(names), sorted(problems), strict=True):
        assert f"results/{name}" in line
        assert "\n" not in line


@pytest.mark.parametrize(
    "change",
    [
        lambda i, c: i.update(tool=[1]),
        lambda i, c: i.update(timing={"per_episode_s": "fast"}),
        lambda i, c: i.update(timing={"per_episode_s": "5"}),
        lambda i, c: i.update(timing={"peak_gpu_bytes": 10**400}),
        lambda i, c: i["checkpoint"].update(n_params=10**400),
        lambda i, c: i["method"].update(id=""),
        lambda i, c: i["method"].update(setting="magic"),
        lambda i, c: i["method"]["config"].update(train=None),
        lambda i, c: i["summary"]["interval"].update(level=1.0),
        lambda i, c: i["checkpoint"].update(training_seed=-1),
        lambda i, c: i["dataset"].update(pool_sizes="many"),
        lambda i, c: i["protocol"].update(way=10**9),
        lambda i, c: i["training"].update(curve=[1, 2]),
        lambda i, c: c.update(n_query=c["n_query"][:5]),
        lambda i, c: c.update(nll=np.full(650, np.nan)),
        lambda i, c: c.update(pred=c["pred"] + 9),
        lambda i, c: c.pop("brier"),
    ],
)
def test_nonsense_whose_hashes_fit_is_named_and_left_out(tmp_path, change):
    good = synthetic(episodes=650)
    write_forged(good, change, tmp_path / "results" / "odd")
    write_result(good, tmp_path / "results" / "good")
    leaderboard, problems = read_leaderboard(tmp_path)
    assert len(leaderboard.rows()) == 1
    assert len(problems) == 1
    assert "results/odd" in problems[0]


@pytest.mark.parametrize("name", ["per_episode_s", "train_s", "peak_process_bytes"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1.5", "1e999"])
def test_a_time_or_memory_that_is_none_is_named_and_left_out(tmp_path, name, value):
    good, odd = synthetic(episodes=650), synthetic("maml", episodes=650)
    store(tmp_path, [good, odd])
    file = tmp_path / "results" / place(odd) / RESULT
    text, n = re.subn(rf'"{name}": [\d.]+', f'"{name}": {value}', file.read_text())
    assert n == 1
    file.write_text(text)
    leaderboard, problems = read_leaderboard(tmp_path)
    assert [row.method for row in leaderboard.rows().values()] == ["protonet"]
    assert len(problems) == 1
    said = f"{file}: timing.{name}" if value == "-1.5" else f"{file} can't be read: a number is not"
    assert said in problems[0]
    render(leaderboard)


def test_a_copy_of_a_result_is_named(root, tmp_path):
    [first, *_] = results = seeds_of("maml", 0.0)
    store(tmp_path, results)
    write_result(first, tmp_path / "results" / "copy")
    leaderboard, problems = read_leaderboard(tmp_path)
    assert len(problems) == 1
    assert "there twice" in problems[0]
    assert [row.seeds for row in leaderboard.rows().values()] == [3]
