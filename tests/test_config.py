"""Configuration: which value wins, and that what is printed can be read back."""

import json

import pytest
import tomli_w

from fewshot_bench.config import (
    LossName,
    RunConfig,
    merge_tables,
    names_in,
    parse_setting,
    read_recipe,
    resolve,
    validated,
)
from fewshot_bench.config.names import OptimizerName, TransformName
from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.build import build_method, option_types, resolve_options
from fewshot_bench.methods.composed import pretrained
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.registry import BENCHMARKS, LOSSES, METHODS, OPTIMIZERS, Entry


def test_later_sources_win(tmp_path):
    recipe = read_recipe("glyphs", "protonet")
    assert resolve({}).train.n_way == recipe["train"]["n_way"]
    file = tmp_path / "run.toml"
    file.write_text("[train]\nn_way = 7\nlr = 0.5\n")
    config = resolve({"train": {"lr": 0.25}}, file)
    assert (config.train.n_way, config.train.lr) == (7, 0.25)
    assert config.train.steps == recipe["train"]["steps"]


def test_a_base_takes_the_place_of_the_recipe():
    config = resolve({}, base={"method": "maml", "train": {"steps": 3}})
    assert (config.method, config.train.steps, config.train.n_way) == ("maml", 3, None)


def test_toml_reads_back():
    config = resolve({"method": "maml", "options": {"lr": 0.1, "order": 1}, "image_size": 32})
    import tomllib

    assert validated(RunConfig, tomllib.loads(config.to_toml())) == config


@pytest.mark.parametrize("benchmark", [entry.name for entry in BENCHMARKS])
@pytest.mark.parametrize("method", [entry.name for entry in METHODS])
def test_every_recipe_is_valid_for_every_method(benchmark, method):
    config = resolve({"benchmark": benchmark, "method": method})
    resolve_options(method, config.options)


def test_settings_are_parsed_as_toml():
    assert parse_setting("train.lr=1e-2") == {"train": {"lr": 0.01}}
    assert parse_setting("options.bn=running") == {"options": {"bn": "running"}}
    assert parse_setting("options.widths=[1, 2]") == {"options": {"widths": [1, 2]}}
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        parse_setting("train.lr")


def test_merging_is_deep_and_does_not_change_its_inputs():
    a = {"x": {"y": 1, "z": 2}}
    assert merge_tables(a, {"x": {"y": 3}}) == {"x": {"y": 3, "z": 2}}
    assert a == {"x": {"y": 1, "z": 2}}


def test_values_out_of_range_are_named():
    with pytest.raises(ConfigError, match=r"task\.n_way: .* not 1"):
        resolve({"task": {"n_way": 1}})
    with pytest.raises(ConfigError, match=r"unknown setting 'evaluate\.episode'"):
        resolve({"evaluate": {"episode": 3}})


@pytest.mark.parametrize(
    ("setting", "meant"),
    [
        ("train.learning_rate", "train.lr"),  # by its initials
        ("train.metabatch", "train.meta_batch"),
        ("backbon", "backbone"),
        ("lr", "train.lr"),  # of another table
        ("n_way", "task.n_way or train.n_way"),
    ],
)
def test_unknown_settings_have_a_hint(setting, meant):
    with pytest.raises(
        ConfigError, match=f"^unknown setting '{setting}'; did you mean {meant}\\?$"
    ):
        resolve(parse_setting(f"{setting}=1"))


def test_where_nothing_is_alike_the_settings_of_the_table_are_named():
    with pytest.raises(ConfigError, match=r"known: task\.n_way, task\.n_shot, task\.n_query$"):
        resolve({"task": {"zzz": 1}})


def test_names_are_text():
    with pytest.raises(ConfigError, match="method takes a name, not 3"):
        resolve({"method": 3})


def test_older_names_are_translated_and_said(tmp_path, caplog):
    file = tmp_path / "run.toml"
    file.write_text("[pretrain]\nsteps = 7\naugment = true\n[relation]\nsteps = 3\n")
    config = resolve({"stages": {"classify": {"batch": 16}}}, file, base={})
    classify, relation = config.stages["classify"], config.stages["relation"]
    assert (classify.steps, classify.batch, classify.augment) == (7, 16, "strong")
    assert relation.steps == 3
    [record] = caplog.records
    assert record.getMessage() == (
        f"fsbench: note on {file}: pretrain is now stages.classify, relation is now stages.relation"
    )
    assert validated(RunConfig, {"pretrain": {"steps": 7}}).stages["classify"].steps == 7


MOVED = [
    ("meta-sgd", {"low": 0.01, "high": 0.2}, {"optimizer_options": {"low": 0.01, "high": 0.2}}),
    ("alfa", {"decay": 1e-3}, {"optimizer_options": {"decay": 1e-3}}),
    ("mt-net", {"temperature": 0.5}, {"optimizer_options": {"temperature": 0.5}}),
    (
        "gap",
        {"exact": False, "approximate": True},
        {"optimizer_options": {"exact": False, "approximate": True}},
    ),
    ("maml+sparse_lsr", {"smoothing": 0.2}, {"loss_options": {"smoothing": 0.2}}),
    (
        "maml+ml3",
        {"network": "ml3", "inputs": "logits"},
        {"loss": "ml3", "loss_options": {"inputs": "logits"}},
    ),
    (
        "maml+adalfl",
        {"network": "adalfl", "inputs": "logits"},
        {"loss": "adalfl", "loss_options": {"inputs": "logits"}},
    ),
]


@pytest.mark.parametrize(("method", "old", "new"), MOVED)
@pytest.mark.parametrize("where", ["file", "command line", "model file"])
def test_options_that_moved_to_a_part_are_found_there(method, old, new, where, tmp_path, caplog):
    table, file = {"method": method, "options": {**old, "bn": "batch"}}, tmp_path / "run.toml"
    file.write_text(tomli_w.dumps(table))
    sources = {
        "file": ({}, file, {"method": method}),
        "command line": ({"options": table["options"]}, None, {"method": method}),
        "model file": ({"train": {"seed": 3}}, None, table),
    }
    config = resolve(*sources[where])
    assert config.options == {"bn": "batch", **new}
    name = str(file) if where == "file" else f"the {where}"
    [record] = caplog.records
    assert record.getMessage().startswith(f"fsbench: note on {name}: options.{next(iter(old))} is")
    assert record.getMessage().count(" is now options.") == len(old)
    build_method(method, Setup("conv4-32", ImageShape(1, 16), 3), config.options)  # takes them


def test_an_option_in_its_new_place_wins_and_the_user_wins_over_the_recipe():
    both = {"decay": 0.1, "optimizer_options": {"decay": 0.2}}
    assert resolve({"method": "alfa", "options": both}).options == {
        "optimizer_options": {"decay": 0.2}
    }
    base = {"method": "alfa", "options": {"optimizer_options": {"decay": 0.2}}}
    config = resolve({"options": {"decay": 0.3}}, base=base)
    assert config.options == {"optimizer_options": {"decay": 0.3}}


def test_an_option_of_that_name_stays_where_another_method_has_it():
    assert resolve({"method": "protonet", "options": {"temperature": 2.0}}).options == {
        "temperature": 2.0
    }


def test_settings_of_a_part_stand_in_nobody_elses_configuration():
    assert resolve({"method": "protonet"}).stages == {}
    older = {"steps": 2000, "meta_batch": 1, "lr": 1e-3, "val_every": 250, "val_episodes": 100}
    assert validated(RunConfig, {"relation": older}).stages == {}


def test_mistakes_in_stages_are_named_with_their_place():
    with pytest.raises(
        ConfigError, match=r"'stages\.classify\.stepz'; did you mean stages\.classify\.st"
    ):
        resolve({"stages": {"classify": {"stepz": 1}}})
    with pytest.raises(ConfigError, match=r"^stages\.relation\.steps: .* not 0$"):
        resolve({"stages": {"relation": {"steps": 0}}})
    with pytest.raises(ConfigError, match="a table for each stage is expected, not 3"):
        resolve({"stages": 3})


def test_options_are_checked_against_the_signature():
    assert resolve_options("maml", {"lr": 1})["lr"] == 1.0
    with pytest.raises(ConfigError, match="its options are: steps, test_steps"):
        resolve_options("maml", {"inner_lr": 1})
    with pytest.raises(ConfigError, match="maml option steps"):
        resolve_options("maml", {"steps": -1})
    with pytest.raises(ConfigError, match="npbml option relation_widths"):
        resolve_options("npbml", {"relation_widths": []})


def test_signatures_that_say_too_little_are_refused(monkeypatch):
    def bare(setup, lr=0.1): ...
    def vague(setup, **options): ...
    def odd(setup, model: json.JSONDecoder): ...
    def lost(setup, rate: "NoSuchType" = 1): ...  # noqa: F821

    def options_of(factory):
        monkeypatch.setitem(METHODS._entries, "mine", Entry("mine", factory))
        return resolve_options("mine", {})

    assert options_of(bare) == {"lr": 0.1}
    for factory, message in ((vague, "one by one"), (odd, "no setting can"), (lost, "NoSuchType")):
        with pytest.raises(ConfigError, match=message):
            options_of(factory)


def test_names_are_found_by_the_type_of_their_setting(monkeypatch):
    types = {
        "loss": LossName,
        "other": LossName | None,
        "bn": str,
        "rest": LossName | None,
        "optimizer": OptimizerName,
    }
    settings = {"bn": "focal", "loss": "ml3", "rest": None, "other": "a.json", "optimizer": "sgd"}
    assert list(names_in(settings, types)) == [
        (LOSSES, "ml3"),
        (LOSSES, "a.json"),
        (OPTIMIZERS, "sgd"),
    ]
    monkeypatch.setitem(METHODS._entries, "mine", Entry("mine", pretrained))
    assert option_types("mine")["transform"] == TransformName | None
    assert option_types("maml")["loss"] == LossName
    assert option_types("t-net")["optimizer"] == OptimizerName
