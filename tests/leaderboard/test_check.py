"""No altered result passes, whether or not its hashes were made to fit again."""

import json

import numpy as np
import pytest

from fewshot_bench.evaluation.arrays import pack, read_columns
from fewshot_bench.evaluation.classes import class_hashes
from fewshot_bench.evaluation.result import (
    EPISODES,
    RESULT,
    write_result,
)
from fewshot_bench.files import dump_json, sha256
from fewshot_bench.leaderboard.check import check_result, check_stored
from fewshot_bench.leaderboard.datasets import Dataset, read_datasets, remember
from fewshot_bench.leaderboard.measured import place, read_stored
from tests.leaderboard.synthetic import IMAGES, forged, synthetic

RESULT_OK = synthetic(seed=1, seeds=[0, 1])
KNOWN = {"glyphs": {"f" * 64: Dataset(20, 800)}}


def test_an_honest_result_is_accepted():
    assert list(check_result(RESULT_OK, KNOWN)) == []


def flip(info, columns):
    columns["pred"][5, 0, 0] = (columns["pred"][5, 0, 0] + 1) % 5


def count(info, columns):
    columns["n_correct"][7] += 1


def queries(info, columns):
    columns["n_query"][7] -= 1


def fewer(info, columns):
    info["summary"]["T"] = 999


def other_image(info, columns):
    columns["query_ids"][3, 0, 0] += 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (flip, "episode 5 counts"),
        (count, "episode 7 counts"),
        (queries, "n_query"),
        (fewer, "says 999 episodes"),
        (other_image, "query_ids of episode 3"),
        (lambda i, c: i["dataset"].update(fingerprint="e" * 64), "fingerprint eeeeeeeeeeee"),
        (lambda i, c: i["dataset"].update(pool_sizes=[41] * 20), "does not follow from its seed"),
        (lambda i, c: i["dataset"].update(pool_sizes=[41] * 20), "20 classes and 820 images, but"),
        (lambda i, c: i["protocol"]["sampler"].update(seed=3), "does not follow from its seed"),
        (lambda i, c: i["protocol"].update(episode_list_sha256="0" * 64), "episode list"),
        (lambda i, c: i["protocol"].update(id="test/mine"), "is called test/mine"),
        (lambda i, c: i["dataset"].update(split="val"), "val classes"),
        (lambda i, c: i["summary"].update(accuracy=0.9), "accuracy as 0.9"),
        (lambda i, c: i["summary"]["interval"].update(low=0.59), "lower limit as 0.59"),
        (lambda i, c: i["summary"]["interval"].update(high=None), "upper limit as None"),
        (lambda i, c: i["checkpoint"].update(training_seed=4), "training_seed is 4"),
        (lambda i, c: i["checkpoint"].update(seed_group=[0, 2]), "not in its list of seeds"),
        (lambda i, c: i["checkpoint"]["selection"].update(split="test"), "selected on test"),
        (lambda i, c: i["method"]["config"]["train"].update(lr=1.0), "config_sha256"),
        (lambda i, c: i["dataset"].update(class_names=["cat"] * 20), "class names"),
        (lambda i, c: i["dataset"].update(class_hashes="0" * 56), "class_hashes"),
        (
            lambda i, c: i["dataset"].update(class_hashes=class_hashes("x" * 20)),
            "class_hashes are not of its test classes",
        ),
        (lambda i, c: i["dataset"].update(class_names=None), "does not name its test classes"),
        (
            lambda i, c: i["checkpoint"].update(training_class_hashes=i["dataset"]["class_hashes"]),
            "20 of its test classes were trained on",
        ),
        (
            lambda i, c: i["checkpoint"].update(
                training_class_hashes="", training_fingerprint="9" * 64
            ),
            "does not tell which classes",
        ),
        (
            lambda i, c: i["checkpoint"].update(training_class_hashes=""),
            "does not tell which classes",
        ),
        (
            lambda i, c: i["method"].update(setting="transductive"),
            "given as transductive, but with its options it is inductive",
        ),
    ],
)
def test_what_was_altered_is_named_though_all_hashes_fit(change, reason):
    reasons = list(check_result(forged(RESULT_OK, change), KNOWN))
    assert any(reason in line for line in reasons), reasons


def test_the_setting_must_be_the_one_that_the_options_give():
    batch, support = ({"bn": policy} for policy in ("batch", "support"))
    honest = synthetic("maml", options=batch, setting="transductive_bn")
    assert list(check_result(honest, KNOWN)) == []
    assert list(check_result(synthetic("maml", options=support), KNOWN)) == []
    [line] = check_result(synthetic("maml", options=batch), KNOWN)
    assert "given as inductive, but with its options it is transductive_bn" in line
    assert list(check_result(synthetic("somebody's own", setting="transductive"), KNOWN)) == []


@pytest.mark.parametrize(
    ("trained", "tested", "told"),
    [
        ("f" * 64, "f" * 64, True),
        ("f" * 64, "f" * 64 + "+rotations", True),
        ("f", "f" * 64, False),
        ("f" * 64, "f" * 64 + "-partial-1-of-2", False),
    ],
)
def test_old_results_were_trained_on_the_data_they_were_tested_on(trained, tested, told):
    def old(info, columns):
        info["checkpoint"].update(training_class_hashes="", training_fingerprint=trained)
        info["schema_version"] = 1

    result = forged(synthetic(fingerprint=tested), old)
    said = any("does not tell which" in line for line in check_result(result))
    assert said is not told


def test_hashes_of_turned_classes_are_of_the_upright_ones():
    plain = synthetic(fingerprint="f" * 64 + "+rotations", sizes=[IMAGES] * 20)
    names = [f"c{i}/rot{90 * turn:03d}" for turn in range(4) for i in range(5)]
    listed = "".join(f"{name}\n" for name in names).encode()

    def said(hashes):
        dataset = {"class_names": names, "class_list_sha256": sha256(listed)}
        change = lambda i, c: i["dataset"].update(dataset, class_hashes=hashes)  # noqa: E731
        return list(check_result(forged(plain, change)))

    assert said(class_hashes(f"c{i}" for i in range(5))) == []
    assert said(class_hashes(names)) == ["class_hashes are not of its test classes"]


def test_results_on_a_list_of_another_seed_are_refused():
    [line] = check_result(synthetic(sampler=("uniform", 7)))
    assert "drawn with seed 7" in line


def test_too_few_episodes_are_refused():
    assert any("too few" in line for line in check_result(synthetic(episodes=100), KNOWN))


@pytest.fixture
def root(tmp_path):
    for seed in (0, 1):
        result = synthetic(seed=seed, seeds=[0, 1])
        write_result(result, tmp_path / place(result))
    return tmp_path


def lines(root):
    return check_stored(read_stored(root), root, KNOWN)


def test_all_of_a_leaderboard_is_checked(root):
    assert lines(root) == []


@pytest.mark.parametrize("what", ["prediction", "count"])
def test_an_altered_column_on_disk_is_named(root, what):
    file = next(root.rglob(EPISODES))
    columns = read_columns(file)
    if what == "prediction":
        columns["pred"][0, 0, 0] ^= 1
    else:
        columns["n_correct"][0] -= 1
    file.write_bytes(pack(columns))
    [line, missing] = lines(root)
    assert "not what result.json was written for" in line
    assert "was measured but is not there" in missing


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d["dataset"].update(fingerprint="e" * 64), "not those that were measured"),
        (lambda d: d["checkpoint"].update(seed_group=[1]), "altered after it was written"),
        (lambda d: d["summary"]["interval"].update(high=0.99), "upper limit as 0.99"),
    ],
)
def test_an_altered_document_on_disk_is_named(root, change, reason):
    file = next(root.rglob(RESULT))
    document = json.loads(file.read_text())
    change(document)
    file.write_bytes(dump_json(document))
    assert reason in lines(root)[0]
    assert str(file.parent) in lines(root)[0]


def test_seeds_can_not_be_picked(root):
    second = next(root.rglob(RESULT)).parent
    for file in second.iterdir():
        file.unlink()
    [line] = lines(root)
    assert "was measured but is not there" in line
    assert "protonet on glyphs" in line


@pytest.mark.parametrize("renamed", [False, True])
def test_one_model_is_not_two_seeds(tmp_path, renamed):
    first = synthetic(seed=0, seeds=[0, 1])
    twin = synthetic(seed=1, seeds=[0, 1])

    def change(info, columns):
        columns.update(first.columns)
        info["summary"] = first.document.summary.table()
        if not renamed:
            info["checkpoint"]["sha256"] = first.document.checkpoint.sha256

    for result in (first, forged(twin, change)):
        write_result(result, tmp_path / place(result))
    [line] = lines(tmp_path)
    wanted = "have the same predictions" if renamed else "are one and the same model"
    assert f"training seeds 0 and 1 {wanted}" in line


def test_a_result_at_another_place_is_named(root):
    first = next(root.rglob(RESULT)).parent
    (root / "elsewhere").mkdir()
    first.rename(root / "elsewhere" / "x")
    assert any("belongs into glyphs/5-1/protonet/" in line for line in lines(root))


def test_data_are_known_once_they_were_added(tmp_path):
    assert read_datasets(tmp_path) == {}
    assert remember(tmp_path, RESULT_OK)
    assert not remember(tmp_path, RESULT_OK)
    assert remember(tmp_path, synthetic(episodes=50, fingerprint="e" * 64))
    assert read_datasets(tmp_path) == {
        "glyphs": {"f" * 64: Dataset(20, 800), "e" * 64: Dataset(20, 800)}
    }
    assert list(check_result(RESULT_OK, read_datasets(tmp_path))) == []


def test_the_counts_of_the_fixture_are_not_trivial():
    assert 0.5 < RESULT_OK.accuracy.mean() < 0.7
    assert len(np.unique(RESULT_OK.columns["n_correct"])) > 10
