"""What makes a training the same or another one, and which models may be measured on what."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from fewshot_bench.data.library import open_benchmark
from fewshot_bench.errors import CheckpointError
from fewshot_bench.files import sha256
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.registry import METHODS
from fewshot_bench.training import identity, meta_stage
from fewshot_bench.training.checkpoint import load_checkpoint, save_checkpoint
from fewshot_bench.training.classify import fitting_task
from fewshot_bench.training.identity import check_unseen
from fewshot_bench.training.run import MODEL, prepare_run, train
from tests.cli.common import fails, fsbench
from tests.tiny import CLASSES, SIZE, tiny_config
from tests.training.test_stages import Watcher, only_classifying

FAST = ("--n-way", 3, "--n-query", 4, "--backbone", "conv4-32", "--set", "train.steps=2")
FAST += ("--set", "train.val_episodes=2", "--set", "evaluate.episodes=5", "--image-size", SIZE)
FAST += ("--set", "stages.classify.steps=2", "--set", "stages.classify.batch=8")
FAST += ("--set", "stages.classify.val_episodes=2")


def folder_of(config):
    return prepare_run(config, "cpu").folder


def changed(config, **parts):
    return config.model_copy(update=parts)


def test_another_spelling_of_a_path_and_a_copy_elsewhere_are_the_same_training(
    tiny_folder, tmp_path, monkeypatch
):
    copy = shutil.copytree(tiny_folder, tmp_path / "elsewhere")
    monkeypatch.chdir(tiny_folder.parent)
    spellings = (tiny_folder, f"{tiny_folder}/", tiny_folder.name, f"./{tiny_folder.name}/.", copy)
    configs = [changed(tiny_config(tiny_folder), benchmark=f"folder:{path}") for path in spellings]
    assert len({folder_of(config) for config in configs}) == 1
    sized = [changed(configs[0], image_size=size) for size in (SIZE, SIZE + 4)]
    assert folder_of(sized[0]) != folder_of(sized[1])


def listed(folder, images, moved):
    """Write the list that gives each image its split; ``moved`` classes stand in another one."""
    with (folder / "list.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "class", "split"))
        for image in sorted(images.glob("*/*/*.png")):
            split, name = image.parts[-3:-1]
            writer.writerow((f"images/{name}-{image.name}", name, moved.get(name, split)))


def test_a_class_that_changes_its_split_is_trained_anew_from_the_pre_training_on(
    tiny_folder, tmp_path, cache
):
    data = tmp_path / "data"
    (data / "images").mkdir(parents=True)
    for image in tiny_folder.glob("*/*/*.png"):
        shutil.copy(image, data / "images" / f"{image.parent.name}-{image.name}")
    listed(data, tiny_folder, {})
    benchmark = f"folder:{data}/list.csv"
    command = ("evaluate", "-m", "protonet", "-b", benchmark, *FAST)
    fsbench(*command, "--out", tmp_path / "before")
    [model] = cache.glob("runs/*/*/model.safetensors")
    before = open_benchmark(benchmark, SIZE).manifest
    listed(data, tiny_folder, {"train0": "test", "test0": "train"})
    after = open_benchmark(benchmark, SIZE).manifest
    assert before.fingerprint == after.fingerprint
    assert before.split_sha256 != after.split_sha256
    # The old model knows a class of the new test split: refused, whoever asks for it.
    said = fails("evaluate", "--checkpoint", model, "--out", tmp_path / "no")
    assert "was trained on class 'train0'" in said
    assert "now a test class" in said
    fsbench(*command, "--out", tmp_path / "after")
    assert len(list(cache.glob("runs/*/*/model.safetensors"))) == 2
    assert len(list(cache.glob("stages/*/classify-*/model.safetensors"))) == 2


def test_the_hash_of_a_split_is_over_its_sorted_lines(tiny_folder):
    manifest = open_benchmark(f"folder:{tiny_folder}", SIZE).manifest
    lines = [f"{split}\t{split}{c}\n" for split, n in CLASSES.items() for c in range(n)]
    assert manifest.split_sha256 == sha256("".join(sorted(lines)).encode())


def test_training_classes_may_be_asked_for_and_it_is_said(tiny_folder, caplog):
    manifest = open_benchmark(f"folder:{tiny_folder}", SIZE).manifest
    info = {"train_classes": list(manifest.classes["train"])}
    check_unseen(info, manifest, "test", "it")
    assert caplog.text == ""
    check_unseen(info, manifest, "train", "it")
    assert "was trained on these classes" in caplog.text
    with pytest.raises(CheckpointError, match="it was trained on class 'val0' and 1 more"):
        check_unseen({"train_classes": ["val1", "val0"]}, manifest, "val", "it")


def test_what_does_not_train_is_no_part_of_the_identity(tiny_folder):
    config = tiny_config(tiny_folder)
    same = [
        changed(config, evaluate=config.evaluate.model_copy(update={"episodes": 77})),
        changed(
            config,
            stages={
                "classify": only_classifying(tiny_folder)["classify"].model_copy(
                    update={"steps": 0}
                )
            },
        ),
        changed(config, options={"temperature": 1.0}),
    ]
    assert {folder_of(other) for other in same} == {folder_of(config)}
    others = [
        tiny_config(tiny_folder, seed=1),
        tiny_config(tiny_folder, rates={"backbone": 0.5}),
        changed(config, options={"temperature": 2.0}),
        changed(config, stages=only_classifying(tiny_folder)),
    ]
    assert len({folder_of(other) for other in [config, *others]}) == 5


def test_a_new_version_of_the_code_is_another_training(tiny_folder, monkeypatch):
    config = tiny_config(tiny_folder)
    first = folder_of(config)
    entry = METHODS.entry("protonet")
    monkeypatch.setitem(METHODS._entries, "protonet", dataclasses.replace(entry, version=2))
    second = folder_of(config)
    monkeypatch.setattr(meta_stage, "CODE_VERSION", identity.CODE_VERSION + 1)
    assert len({first, second, folder_of(config)}) == 3


def test_one_pre_training_serves_any_test_task(tiny_folder, cache):
    config = changed(tiny_config(tiny_folder, steps=2), stages=only_classifying(tiny_folder))
    for n_shot in (1, 3):
        task = config.task.model_copy(update={"n_shot": n_shot})
        train(prepare_run(changed(config, task=task), "cpu"), Watcher())
    assert len(list(cache.glob("stages/*/classify-*/model.safetensors"))) == 1
    assert len(list(cache.glob("runs/*/*/model.safetensors"))) == 2


def test_pre_training_is_validated_by_what_the_classes_allow(tiny_folder):
    wanted = only_classifying(tiny_folder)["classify"]
    assert fitting_task(wanted, [20] * 9).id == "5-way-1-shot-15-query"
    assert fitting_task(wanted, [9] * 3).id == "3-way-1-shot-8-query"
    five = wanted.model_copy(update={"n_shot": 5})
    assert fitting_task(five, [4, 9]).id == "2-way-3-shot-1-query"
    assert fitting_task(wanted, [9]) is None
    assert fitting_task(wanted, [1, 9]) is None


def test_without_validation_classes_the_last_step_is_kept_and_said(tiny_folder, tmp_path, caplog):
    data = shutil.copytree(tiny_folder, tmp_path / "data")
    shutil.rmtree(data / "val")
    config = changed(tiny_config(data, steps=2), stages=only_classifying(tiny_folder))
    model = train(prepare_run(config, "cpu"), Watcher())
    assert model.info["selection"] == {"split": "none", "value": None, "step": 2, "n_candidates": 0}
    assert caplog.text.count("the last step is kept") == 2
    words = ("train", "-m", "protonet", "-b", f"folder:{data}", *FAST)
    assert "parameters of step 2, chosen by no validation" in fsbench(*words)[0]


def without_training(monkeypatch):
    """Make ProtoNet a method that says it is not trained."""
    traits = EmbeddingLearner.traits.fget
    mine = property(lambda self: dataclasses.replace(traits(self), trains=False))
    monkeypatch.setattr(EmbeddingLearner, "traits", mine)


def test_a_method_without_training_is_what_its_stages_made(tiny_folder, monkeypatch):
    without_training(monkeypatch)
    config = changed(tiny_config(tiny_folder), stages=only_classifying(tiny_folder))
    watcher = Watcher()
    run = prepare_run(config, "cpu")
    model = train(run, watcher)
    assert [stage[0] for stage in watcher.seen] == ["pre-training"]
    [part] = run.folder.parent.parent.parent.glob("stages/*/*/model.safetensors")
    before = load_checkpoint(part)
    backbone = {name: v for name, v in before.params.items() if name.startswith("backbone.")}
    assert backbone.keys() == model.params.keys()
    assert all((model.params[name] == value).all() for name, value in backbone.items())
    assert model.info["selection"] == before.info["selection"]
    assert model.info["train_classes"] == [f"train{c}" for c in range(CLASSES["train"])]
    longer = config.train.model_copy(update={"steps": 99, "lr": 0.5, "n_way": 2})
    assert folder_of(changed(config, train=longer)) == run.folder
    alone = train(prepare_run(changed(config, stages={}), "cpu"), watcher)
    assert alone.info["train_classes"] == []  # fresh weights know no class
    assert alone.info["selection"]["n_candidates"] == 0


def test_what_follows_from_the_training_images_is_stored(tiny_folder, monkeypatch):
    def finish(self, params, images):
        batches = list(images)
        count = sum(len(batch) for batch in batches)
        return {"transform.base_mean": sum(batch.sum() for batch in batches)[None] / count}

    run = prepare_run(tiny_config(tiny_folder, steps=2), "cpu")
    fresh = type(run.method).init
    zero = {"transform.base_mean": torch.zeros(1)}
    monkeypatch.setattr(EmbeddingLearner, "finish", finish)
    monkeypatch.setattr(EmbeddingLearner, "init", lambda self, g: {**fresh(self, g), **zero})
    found = train(run, Watcher()).params["transform.base_mean"]
    manifest, images = run.store.manifest, run.store.split("train").images
    mean, std = (np.array(v)[:, None, None] for v in (manifest.mean, manifest.std))
    assert found.item() == pytest.approx(
        ((images / 255 - mean) / std).sum() / len(images), rel=1e-4
    )


def test_a_method_without_parameters_can_be_trained_never_the_less(tiny_folder, monkeypatch):
    without_training(monkeypatch)
    monkeypatch.setattr(EmbeddingLearner, "init", lambda self, generator: {})
    assert train(prepare_run(tiny_config(tiny_folder), "cpu"), Watcher()).params == {}


def test_a_stage_that_is_not_used_is_said(tiny_folder, caplog):
    config = changed(tiny_config(tiny_folder), stages=tiny_config(tiny_folder, "npbml").stages)
    prepare_run(config, "cpu")
    assert "protonet does not use stages.relation, which is left out" in caplog.text
    assert "stages.classify" not in caplog.text


def test_checkpoints_of_earlier_versions_are_still_read(tiny_folder, tmp_path, cache, caplog):
    fsbench("train", "-m", "protonet", "-b", f"folder:{tiny_folder}", *FAST)
    [path] = cache.glob(f"runs/*/*/{MODEL}")
    model = load_checkpoint(path)
    info = json.loads(json.dumps(model.info))
    stages = info["config"].pop("stages")
    del info["config"]["train"]["rates"], info["split_sha256"]
    for name in ("n_way", "n_shot", "n_query"):
        del stages["classify"][name]
    relation = {"steps": 2000, "meta_batch": 1, "lr": 1e-3, "val_every": 250, "val_episodes": 100}
    info["config"] |= {"pretrain": stages["classify"], "relation": relation}
    save_checkpoint(tmp_path / MODEL, model.params, info)
    out = [
        fsbench("evaluate", "--checkpoint", file, "--out", tmp_path / str(number))[0]
        for number, file in enumerate((path, tmp_path / MODEL))
    ]
    assert out[0].splitlines()[:-1] == out[1].splitlines()[:-1]
    assert caplog.text.count("note on the model file: pretrain is now stages.classify") == 1
    assert "does not use" not in caplog.text
