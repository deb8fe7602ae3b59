"""Pre-training by other objectives, and networks that learn from an earlier generation."""

import pytest

from fewshot_bench.config import ClassifyConfig, resolve
from fewshot_bench.errors import CheckpointError, ConfigError
from fewshot_bench.files import cache_folder
from fewshot_bench.training.checkpoint import load_checkpoint, save_checkpoint
from fewshot_bench.training.fit import Stopwatch
from fewshot_bench.training.run import MODEL, prepare_run, train
from tests.tiny import tiny_config
from tests.training.test_meta_train import same
from tests.training.test_stages import Watcher, classifying, trained

LATER = {
    "objective": "cosine",
    "objective_options": {"scale": 3.0},
    "rotation": 0.5,
    "generation": 1,
    "temperature": 2.0,
    "alpha": 0.25,
}
AT_FIRST = {
    "steps": 7,
    "batch": 128,
    "lr": 0.05,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "augment": "strong",
    "loss": "cross_entropy",
    "val_every": 250,
    "val_episodes": 200,
    "n_way": 5,
    "n_shot": 1,
    "n_query": 15,
}


def config_of(folder, method="simpleshot[un]", **settings):
    config = tiny_config(folder, method)
    stage = config.stages["classify"].model_copy(update=settings)
    return config.model_copy(update={"stages": {"classify": stage}})


def stage_of(folder, **settings):
    [stage] = prepare_run(config_of(folder, **settings), "cpu").stage.needs
    return stage


def test_settings_added_later_leave_the_identity_of_what_was_trained_before():
    """The table is what the key held before there were such settings; never change it."""
    assert ClassifyConfig(steps=7).decisive() == AT_FIRST
    assert list(ClassifyConfig(steps=7).decisive()) == list(AT_FIRST)
    changed = ClassifyConfig(steps=7, **LATER)
    assert changed.decisive() == {**AT_FIRST, **LATER}


def test_each_setting_added_later_is_another_training(tiny_folder):
    changes = [{name: value} for name, value in LATER.items() if name != "objective_options"]
    changes.append({"objective": "cosine", "objective_options": {"scale": 3.0}})
    ids = [stage_of(tiny_folder, **change).id for change in changes]
    plain = stage_of(tiny_folder)
    assert len({plain.id, *ids}) == 1 + len(changes)
    assert stage_of(tiny_folder, objective="linear", objective_options={}, alpha=0.5).id == plain.id


def test_the_teacher_is_the_generation_before_and_the_first_one_is_that_of_everybody(tiny_folder):
    second = stage_of(tiny_folder, generation=2, alpha=0.7, temperature=3.0)
    [first] = second.needs
    [teacher] = first.needs
    assert (first.settings.generation, first.settings.alpha) == (1, 0.7)
    assert not teacher.needs
    assert teacher.id == stage_of(tiny_folder).id
    assert len({second.id, first.id, teacher.id}) == 3


def test_generations_are_trained_in_turn_and_the_first_is_shared(
    tiny_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(Stopwatch, "seconds", 1.0)  # of each stage
    watcher = Watcher()
    stages = {"classify": classifying(tiny_folder, generation=1)["classify"]}
    arguments = (tiny_folder, tmp_path, monkeypatch)
    _, student = trained(*arguments, watcher, method="rfs-distill", stages=stages)
    assert [stage[0] for stage in watcher.seen] == ["pre-training", "pre-training, generation 1"]
    again = Watcher()
    _, teacher = trained(*arguments, again, method="rfs-simple")
    assert again.seen == []
    assert teacher.params.keys() == student.params.keys()
    assert not same(teacher, student)
    # The student's time is that of both generations, and both methods put parts together.
    assert (student.info["seconds"], teacher.info["seconds"]) == (3.0, 2.0)
    assert student.info["seconds"] >= teacher.info["seconds"]


def test_what_the_teacher_says_counts(tiny_folder, tmp_path, monkeypatch):
    models = []
    for alpha in (0.0, 1.0):
        stages = {"classify": classifying(tiny_folder, generation=1, alpha=alpha)["classify"]}
        model = trained(tiny_folder, tmp_path, monkeypatch, method="simpleshot", stages=stages)[1]
        models.append(model)
    assert not same(*models)


def test_a_teacher_without_a_head_is_refused_in_one_line(tiny_folder, tmp_path, monkeypatch):
    trained(tiny_folder, tmp_path, monkeypatch, method="rfs-simple")
    [path] = cache_folder().glob(f"stages/*/*/{MODEL}")
    made = load_checkpoint(path)
    assert {"head.weight", "head.bias"} < made.params.keys()
    backbone = {name: value for name, value in made.params.items() if "backbone" in name}
    save_checkpoint(path, backbone, made.info)  # as earlier versions did
    with pytest.raises(CheckpointError, match="did not keep its head; remove the folder"):
        train(prepare_run(config_of(tiny_folder, generation=1), "cpu"), Watcher())


@pytest.mark.parametrize(
    "settings",
    [{"objective": "cosine"}, {"objective": "negative-margin"}, {"rotation": 0.5}],
    ids=lambda settings: next(iter(settings.values())),
)
def test_an_objective_makes_another_backbone_and_only_a_backbone(settings, tiny_folder):
    plain, other = (
        train(prepare_run(config_of(tiny_folder, **extra), "cpu"), Watcher())
        for extra in ({}, settings)
    )
    assert plain.params.keys() == other.params.keys()
    assert not same(plain, other)


def test_a_head_of_pre_training_is_not_taken_for_that_of_a_method(tiny_folder):
    stages = config_of(tiny_folder).stages
    config = tiny_config(tiny_folder, "maml", steps=1).model_copy(update={"stages": stages})
    model = train(prepare_run(config, "cpu"), Watcher())
    assert model.params["head.weight"].shape[0] == 3  # of the tasks, not of 8 training classes


def test_what_an_objective_lacks_shows_before_anything_is_trained(tiny_folder):
    with pytest.raises(ConfigError, match="did you mean 'cosine'"):
        stage_of(tiny_folder, objective="cosin")
    with pytest.raises(ConfigError, match="has no option 'margin'"):
        stage_of(tiny_folder, objective_options={"margin": 1.0})


@pytest.mark.parametrize(
    ("method", "setting"),
    [
        ("baseline++", ("objective", "cosine")),
        ("neg-margin", ("objective", "negative-margin")),
        ("rfs-distill", ("generation", 1)),
        ("rfs-simple", ("objective", "linear")),
    ],
)
def test_recipes_train_each_method_as_its_paper_does(method, setting):
    stage = resolve({"method": method, "benchmark": "cifar-fs"}).stages["classify"]
    name, value = setting
    assert getattr(stage, name) == value
    assert stage.steps == 3000
