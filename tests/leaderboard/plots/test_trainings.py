"""Training x adaptation of stored results, and pictures of whole folders."""

import pytest

from fewshot_bench.errors import StatisticsError
from fewshot_bench.evaluation.entrants import Entrant
from fewshot_bench.evaluation.identity import config_sha256
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.pretraining import distinct_pretrainings, pretraining_words
from fewshot_bench.leaderboard.plots.drawing import draw
from fewshot_bench.leaderboard.plots.trainings import grid_cells
from tests.cli.common import fails, fsbench
from tests.leaderboard.synthetic import forged, synthetic

T = 100
ROTATED = {"rotation": 0.5}


def on(method, skill, classify, seed=0, **choices):
    """A result of a method on a backbone that was trained with some settings."""

    def change(table, _):
        table["checkpoint"]["stages"][0]["name"] = "classify"
        table["method"]["config"]["stages"] = {"classify": {"steps": 9000, **classify}}
        table["method"]["config_sha256"] = config_sha256(table["method"]["config"])

    return forged(synthetic(method, skill, seed, T, **choices), change)


def entrant(*results):
    return Entrant(results[0].document.method.id, results)


def grid(**choices):
    return [
        entrant(*(on(m, s + 0.1 * i, c, seed, seeds=[0, 1], **choices) for seed in (0, 1)))
        for m, s in (("knn", 0.0), ("tim", 0.05))
        for i, c in enumerate(({}, ROTATED))
    ]


def test_an_embedding_is_named_by_how_it_was_trained():
    for words, settings in {
        "linear": {},
        "cosine": {"objective": "cosine"},
        "linear + rotation": ROTATED,
        "distilled": {"generation": 1},
        "negative margin[softmax], focal loss": {
            "objective": "negative-margin[softmax]",
            "loss": "focal",
        },
    }.items():
        assert pretraining_words(on("knn", 0, settings).document) == words
    assert pretraining_words(synthetic().document) == ""  # it was trained as a whole


def test_like_words_are_told_apart_by_their_settings():
    documents = [on("knn", 0, c).document for c in ({}, {"steps": 99}, {"objective": "cosine"})]
    assert distinct_pretrainings(documents) == [
        "linear (steps 9000)",
        "linear (steps 99)",
        "cosine",
    ]


def test_the_heat_map_holds_each_mean_in_its_place():
    entrants = grid()
    cells = {(c.training, c.adaptation): c for c in grid_cells(entrants, 0.95)}
    assert len(cells) == 4
    for one, words in zip(entrants, ("linear", "linear + rotation") * 2, strict=True):
        interval = interval_of(one.results, "closed", 0.95)
        assert cells[words, one.name].mean == interval.mean
        assert cells[words, one.name].half_width == interval.half_width
    figure = draw("heat", [*entrants, entrant(synthetic("maml", 0, 0, T))])
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["linear + rotation", "linear"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["tim", "knn"]
    best = cells["linear + rotation", "tim"]
    assert axes.texts[0].get_text() == f"{100 * best.mean:.1f}\n±{100 * best.half_width:.1f}"
    assert "not shown: maml" in figure.get_supxlabel()
    assert figure.get_suptitle() == "glyphs, 5-way, accuracy in %"


def test_shots_are_panels_and_twins_are_refused():
    both = [*grid(), *grid(shot=5)]
    figure = draw("heat", both)
    assert [axes.get_ylabel() for axes in figure.axes] == ["1-shot", "5-shot"]
    with pytest.raises(StatisticsError, match="knn, linear, 1-shot: two results"):
        grid_cells([*both, both[0]], 0.95)
    with pytest.raises(StatisticsError, match="a training of its own"):
        draw("heat", [entrant(synthetic())])


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Two methods on two benchmarks, on the first with unequal queries too."""
    root = tmp_path_factory.mktemp("mixed")
    data = {"sizes": [200] * 20, "query": 1}
    for name, skill in (("good", 0.1), ("poor", -0.1)):
        for seed in (0, 1):
            known = {"seeds": [0, 1], **data}
            synthetic(name, skill, seed, T, **known).save(root / "a" / name / f"{seed}")
            unequal = synthetic(name, skill, seed, T, sampler=("disjoint", 0), **known)
            unequal.save(root / "d" / name / f"{seed}")
            other = synthetic(
                name, skill, seed, T, benchmark="omniglot", fingerprint="e" * 64, seeds=[0, 1]
            )
            other.save(root / "b" / name / f"{seed}")
    return root


def test_what_can_not_be_drawn_of_a_mixed_folder_is_said(mixed, tmp_path):
    out, err = fsbench("plot", "slope", mixed, "--out", tmp_path / "s.svg")
    assert out == f"wrote {tmp_path / 's.svg'}\n"
    assert "not drawn: omniglot, 5-way 1-shot: a slope chart needs" in err
    out, _ = fsbench("plot", "interval", mixed, "--out", tmp_path / "i.svg")
    assert out.count("wrote") == 3


def test_a_folder_of_seeds_is_listed_and_compared_by_data(mixed):
    text, _ = fsbench("results", "show", mixed / "a" / "good")
    assert text.startswith("good: ")
    assert [line.split()[0] for line in text.splitlines()[-2:]] == ["0", "1"]
    text, _ = fsbench("compare", mixed)
    assert "glyphs, 5-way 1-shot:" in text
    assert "omniglot, 5-way 1-shot:" in text


@pytest.mark.parametrize("style", ["paper", "slides"])
def test_a_picture_is_fitted_to_its_place(mixed, tmp_path, style):
    words = ("--style", style, "--title", "Mine", "--labels", "good=Ours", "--width", "5")
    svg = tmp_path / "x.svg"
    fsbench(
        "plot", "interval", mixed / "a", *words, "--font", "9", "--palette", "tol", "--out", svg
    )
    text = svg.read_text()
    assert 'width="360pt"' in text  # 5 inches of 72 points
    assert "Ours" in text
    assert "Mine" in text
    assert "#4477aa" in text
    assert "#0072b2" not in text


def test_wrong_ways_to_fit_are_one_line(mixed, tmp_path):
    ask = ("plot", "interval", mixed / "a", "--out", tmp_path / "x.svg")
    assert "there is no style 'poster'" in fails(*ask, "--style", "poster")
    assert "there is no palette 'pink'" in fails(*ask, "--palette", "pink")
    assert "there is no best; there are good, poor" in fails(*ask, "--labels", "best=B")
    assert "not of the form OLD=NEW" in fails(*ask, "--labels", "good")


def test_the_number_of_steps_stands_alone_where_it_tells_trainings_apart():
    documents = [
        on("knn", 0.0, {"precision": "bf16", "steps": 2000}).document,
        on("knn", 0.0, {}).document,
        on("tim", 0.0, {}).document,
    ]
    said = ["linear (steps 2000)", "linear (steps 9000)", "linear (steps 9000)"]
    assert distinct_pretrainings(documents) == said
    documents.append(on("knn", 0.0, {"precision": "bf16"}).document)
    assert distinct_pretrainings(documents)[0] == "linear (precision bf16, steps 2000)"
