"""The file of a sweep says which cells there are, and every mistake in it is one line."""

import pytest

from fewshot_bench.config import validated
from fewshot_bench.errors import ConfigError
from fewshot_bench.launch.spec import SweepSpec, configurations, flat, nested

BASE = {"methods": ["protonet"], "benchmarks": ["glyphs"]}


def cells(**changes):
    return configurations(validated(SweepSpec, {**BASE, **changes}))


def test_every_combination_is_a_cell():
    grid = {"train.lr": [0.1, 0.2], "train": {"clip": [1.0, 2.0, 3.0]}}
    found = cells(methods=["protonet", "maml"], shots=[1, 5], seeds=[3, 4], grid=grid)
    said = {
        (c.method, c.task.n_shot, c.train.seed, c.train.lr, c.train.clip, c.benchmark)
        for c in found
    }
    assert len(found) == len(said) == 2 * 2 * 2 * 2 * 3
    assert ("maml", 5, 4, 0.2, 3.0, "glyphs") in said


def test_settings_are_those_of_the_recipe_then_all_then_of_the_method_then_the_grid():
    recipe = cells()[0].train
    assert (recipe.steps, recipe.lr, recipe.n_way) == (800, 2e-3, 20)
    settings = {"train": {"steps": 7, "lr": 0.5, "clip": 1.0}}
    own = {"protonet": {"train": {"lr": 0.25, "clip": 2.0}}}
    train = cells(settings=settings, per_method=own, grid={"train.clip": [4.0]})[0].train
    assert (train.n_way, train.steps, train.lr, train.clip) == (20, 7, 0.25, 4.0)


def test_settings_of_a_method_may_be_a_file_without_what_the_sweep_says(tmp_path):
    file = tmp_path / "tuned.toml"
    file.write_text(
        'method = "protonet"\nbenchmark = "omniglot"\n[task]\nn_shot = 5\nn_query = 3\n'
        "[train]\nlr = 0.125\nseed = 9\n"
        '[tuning]\non = "glyphs"\ntrials = 3\nepisodes = 10\nn_candidates = 12\n'
    )
    [cell] = cells(per_method={"protonet": str(file)}, shots=[2])
    assert (cell.benchmark, cell.task.n_shot, cell.task.n_query) == ("glyphs", 2, 3)
    assert (cell.train.lr, cell.train.seed) == (0.125, 0)
    assert cell.tuning is not None
    assert cell.tuning.n_candidates == 12
    with pytest.raises(ConfigError, match="has settings of protonet, not maml"):
        cells(methods=["maml"], per_method={"maml": str(file)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shot": [1]}, "unknown setting 'shot'; did you mean shots"),
        ({"slurm": {"partitions": "gpu"}}, "'slurm.partitions'; did you mean slurm.partition"),
        ({"methods": ["protonets"]}, "unknown method 'protonets'; did you mean 'protonet'"),
        ({"benchmarks": ["glyph"]}, "unknown benchmark 'glyph'; did you mean 'glyphs'"),
        ({"backbones": ["conv4"]}, "unknown backbone 'conv4'"),
        ({"methods": []}, "methods: List should have at least 1 item"),
        ({"seeds": [0, 0]}, "two cells of the sweep have the same settings"),
        ({"grid": {"train.lr": 0.1}}, "grid: train.lr takes a list of values, not 0.1"),
        ({"grid": {"train.lr": []}}, "grid: train.lr takes a list of values"),
        ({"grid": {"train": {"step": [1]}}}, "'train.step'; did you mean train.steps"),
        ({"settings": {"train": {"seed": 1}}}, "train.seed; a sweep says it as seeds = "),
        ({"grid": {"task.n_shot": [1]}}, "grid has task.n_shot; a sweep says it as shots = "),
        ({"per_method": {"maml": {}}}, "settings of maml, which is not among methods"),
        ({"ray": {"gpus": -1}}, "ray.gpus: Input should be greater than or equal to 0"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_was_meant(changes, message):
    with pytest.raises(ConfigError) as caught:
        cells(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nested_undoes_flat():
    table = {"a": {"b": 1, "c": {"d": [1, 2]}}, "e": "x"}
    assert flat(table) == {"a.b": 1, "a.c.d": [1, 2], "e": "x"}
    assert nested(flat(table)) == table
