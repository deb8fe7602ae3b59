"""Every way to break the contract is found, named and told in one line; what keeps it passes."""

import pytest
import torch

from fewshot_bench.methods.base import Setup
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.testing import assert_contract, check_method, differing, examine
from tests.testing import methods as m

# Method -> the check that finds it, words of the message.
BROKEN = {
    m.Transposed: ("logits of the right shape and type", r"\(queries, classes\) = \(17, 5\), .*"),
    m.Labels: ("logits of the right shape and type", "it returned torch.int64"),
    m.Numpy: ("logits of the right shape and type", "it returned ndarray"),
    m.Infinite: ("finite logits", "of 17 of 17 are not"),
    m.Peeks: ("query labels play no part", "must not use query labels"),
    m.ReadsPositions: ("queries in any order", "wherever it stands"),
    m.ReadsSupportOrder: ("queries in any order", "wherever it stands"),
    m.HashesTheNumber: ("queries in any order", "wherever it stands"),
    m.FirstImage: ("support images in any order", "order of the support images"),
    m.CentresByQueries: ("the declared setting", "say inductive.* with the other queries"),
    m.Counts: ("the declared setting", "say inductive.* when it comes alone"),
    m.PrefersAClass: ("classes by any number", "by its number"),
    m.ByPosition: ("parameters in any order", "by name"),
    m.Remembers: ("the same prediction again", "the same of the same episode"),
    m.TunesItself: ("parameters stay as they are in predict", "it changed weight"),
    m.ChangesImages: ("parameters stay as they are in predict", "it changed episode.query"),
    m.Double: ("init gives float32 tensors by name", "weight is torch.float64"),
    m.NoDict: ("init gives float32 tensors by name", "it returned list"),
    m.OwnSeed: ("init follows the generator", "with the same weight differ"),
    m.LossAlone: ("a scalar loss with a gradient", r"it returned a tensor of shape \(\)"),
    m.VectorLoss: ("a scalar loss with a gradient", r"not a tensor of shape \(17,\)"),
    m.NoGradient: ("a scalar loss with a gradient", "it was detached"),
    m.NoStatistics: ("statistics of each running average", "norm.running_mean got none"),
    m.StrangeStatistics: ("statistics of each running average", "mean is none"),
    m.ScalarStatistics: ("statistics of each running average", "norm.running_mean is a tensor"),
    m.ChangesInTraining: (
        "parameters stay as they are in episode_loss",
        "it changed norm.running_mean",
    ),
    m.Crashes: ("logits of the right shape and type", "failed with KeyError: 'a name.*two lines'"),
    m.NoTraits: ("traits", "must be a Traits, not NoneType"),
    m.OtherTraits: ("traits", "not sometimes"),
    m.NoMethodLater: ("a schedule of training only", "it returned NoneType"),
    m.StrangeBuffer: ("buffers after training", "mean is none"),
    m.EmbedsTogether: ("features of each image by itself", "rest of the batch"),
    m.EmbedsMaps: ("features of the right shape", r"\(17, D\), it returned .*\(17, 1, 16, 16\)"),
    m.OneEpisodeOnly: ("episodes in blocks", "each episode of a block"),
    m.SaysTwoThings: ("predict agrees with classify", "what classify says"),
}
NOTED = {
    m.SaysTransductive: ("transductive in fact", "no other query changes"),
    m.OneStart: ("init draws", "for every generator"),
    m.Idle: ("every parameter learns", "reaches idle"),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", [m.Good, m.GoodEmbedding])
def test_a_method_that_keeps_the_contract_passes(method, dtype):
    assert check_method(method(), dtype=dtype) == []
    assert_contract(method(Setup("none", ImageShape(3, 8), 3)), ImageShape(3, 8), 3, notes=True)


@pytest.mark.parametrize("method", BROKEN)
def test_what_breaks_the_contract_is_found(method):
    check, words = BROKEN[method]
    problems = [p for p in check_method(method(), name="mine") if not p.note]
    assert check in [problem.check for problem in problems]
    for problem in problems:
        assert str(problem).startswith("method mine: ")
        assert "\n" not in str(problem)
    with pytest.raises(AssertionError, match=words):
        assert_contract(method())


@pytest.mark.parametrize("method", NOTED)
def test_what_is_worth_knowing_is_a_note(method):
    check, words = NOTED[method]
    [note] = check_method(method())
    assert note.note
    assert note.check == check
    assert words in str(note)
    assert_contract(method())
    with pytest.raises(AssertionError, match=words):
        assert_contract(method(), notes=True)


def test_what_makes_no_sense_any_more_is_not_looked_at():
    titles = [outcome.title for outcome in examine(m.Transposed())]
    assert "queries in any order" not in titles
    assert "a scalar loss with a gradient" in titles
    assert [outcome.title for outcome in examine(m.NoTraits())] == ["traits"]


def test_a_number_per_query_and_rounding_are_no_difference():
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    shift = torch.arange(6.0).unsqueeze(1)
    assert not differing(logits, logits + shift).any()
    assert not differing(logits, logits * (1 + 1e-6)).any()
    other = logits.clone()
    other[2, 1] += 0.1
    other[4, 0] = torch.nan
    assert differing(logits, other).tolist() == [False, False, True, False, True, False]
    assert not differing(other, other).any()
