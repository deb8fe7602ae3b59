"""Documents of all versions are read into the same models and written as they were."""

import hashlib
import json
from pathlib import Path

import pytest

from fewshot_bench.data.store import split_sha256
from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.document import SCHEMA, Sampler, parse_document
from fewshot_bench.evaluation.identity import configuration, result_id, shown_apart
from fewshot_bench.evaluation.result import EPISODES, RESULT, read_result, write_result
from tests.evaluation.documents import document, sampler
from tests.leaderboard.synthetic import forged, synthetic

HERE = Path(__file__).parent
BOARD = HERE.parent.parent / "leaderboards" / "results"
IDENTITIES = {
    "schema-1": "cf08e9627ad63e3436cb1e51f617608e43f618bde59fc51ab9b37136355fa6a4",
    "schema-2": "70b9bfb66fd60368667ab306aef0245bf929be997bae2f8add411ee4cc95a194",
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_older_versions_keep_their_identity_and_are_written_as_they_were(name, tmp_path):
    old = read_result(HERE / name)
    assert old.document.schema_version == int(name[-1])
    assert old.document.result_id == result_id(old.document.table()) == IDENTITIES[name]
    write_result(old, tmp_path)
    again = read_result(tmp_path)
    assert again.document == old.document
    if name == "schema-2":  # version 1 did not leave out what can be drawn again
        for file in (RESULT, EPISODES):
            assert (tmp_path / file).read_bytes() == (HERE / name / file).read_bytes()


def test_stored_results_are_written_byte_by_byte_as_they_were(tmp_path):
    folder = sorted(BOARD.rglob(RESULT))[0].parent
    write_result(read_result(folder), tmp_path)
    assert (tmp_path / RESULT).read_bytes() == (folder / RESULT).read_bytes()


def test_version_3_says_how_all_classes_are_split():
    whole = synthetic(episodes=50)
    assert whole.document.schema_version == SCHEMA == 3
    lines = sorted(
        [f"test\ttest{i}\n" for i in range(20)] + [f"train\ttrain{i}\n" for i in range(64)]
    )
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert whole.document.dataset.split_sha256 == expected
    with pytest.raises(ResultError, match="split_sha256 is missing"):
        forged(whole, lambda info, columns: info["dataset"].pop("split_sha256"))


def test_a_class_in_another_split_is_another_assignment():
    classes = {"train": ["a", "b"], "test": ["c"]}
    assert split_sha256(classes) == split_sha256({"test": ["c"], "train": ["b", "a"]})
    assert split_sha256(classes) != split_sha256({"train": ["a"], "test": ["b", "c"]})
    mine = synthetic(episodes=50)
    moved = forged(mine, lambda info, columns: info["dataset"].update(split_sha256="e" * 64))
    assert configuration(mine.document) != configuration(moved.document)


def test_how_an_interval_is_shown_is_no_part_of_the_settings():
    asked = {"episodes": 30, "interval": "open_images", "level": 0.9}
    assert shown_apart({"method": "a", "evaluate": asked}) == {
        "method": "a",
        "evaluate": {"episodes": 30},
    }
    assert shown_apart({"backbone": "mine"}) == {"backbone": "mine"}


def test_old_and_new_names_of_a_sampler_are_one_list():
    old, new = (Sampler.model_validate(sampler(mode)) for mode in ("replacement", "uniform"))
    assert old.drawing == new.drawing == "uniform"
    assert old.identity() == new.identity()
    two, three = (Sampler.model_validate(sampler("dirichlet", alpha=n)) for n in (2, 3))
    assert two.identity() != three.identity()


def test_weights_of_a_model_from_elsewhere_tell_it_apart():
    def own(digest):
        table = document(checkpoint={"sha256": digest * 64, "weights": "mine.safetensors"}).table()
        table["method"]["config"].pop("train")
        table["checkpoint"].pop("selection")
        whole = {"schema_version": 3, "result_id": "0" * 64, "episodes_sha256": "0" * 64}
        return parse_document({**table, **whole, "created_utc": ""})

    assert own("1").checkpoint.training_seed == 0
    assert configuration(own("1")) != configuration(own("2"))


def test_pre_training_is_known_of_settings_and_of_stages():
    old = json.loads((HERE / "schema-2" / RESULT).read_text())
    assert not parse_document(old).pre_trained
    old["method"]["config"]["pretrain"]["steps"] = 5
    assert parse_document(old).pre_trained
    mine = synthetic(episodes=50)
    stages = [{"name": "classify"}, {"name": "meta-train"}]
    trained = forged(mine, lambda info, columns: info["checkpoint"].update(stages=stages))
    assert (mine.document.pre_trained, trained.document.pre_trained) == (False, True)
