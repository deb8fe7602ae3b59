"""The specification's known answers for refiners, in float64."""

import pytest
import torch

from fewshot_bench.methods.classifiers.logistic import LogisticRegression
from fewshot_bench.methods.refiners.alternating import AlternatingInformation
from fewshot_bench.methods.refiners.cleaning import LabelCleaning, training_losses
from fewshot_bench.methods.refiners.couplings import sinkhorn
from fewshot_bench.methods.refiners.credible import CredibleInference, unexplained
from fewshot_bench.methods.refiners.entropy import EntropyTuning
from fewshot_bench.methods.refiners.information import InformationMaximisation
from fewshot_bench.methods.refiners.laplacian import LaplacianShot
from fewshot_bench.methods.refiners.means import PTMAP, Paddle, SoftKMeans
from fewshot_bench.methods.refiners.propagation import (
    LabelPropagation,
    cubic_graph,
    gaussian_graph,
    propagate,
)
from fewshot_bench.methods.refiners.rectify import BDCSPN, rectified_means, shifted
from fewshot_bench.methods.sets import Sets
from fewshot_bench.methods.transforms.centre import Centre
from fewshot_bench.methods.transforms.chain import Chain, pt_map
from fewshot_bench.methods.transforms.length import UnitLength
from fewshot_bench.methods.transforms.power import Power
from fewshot_bench.nn.algebra import unit
from fewshot_bench.nn.labels import one_hot
from tests.methods.feature_cases import LABELS, N_WAY, QUERY, SUPPORT, close, refine, rows

SETS = Sets.of(unit(SUPPORT), LABELS, unit(QUERY), N_WAY)
Y = torch.cat([one_hot(LABELS, N_WAY, SUPPORT.dtype), torch.zeros(4, N_WAY, dtype=SUPPORT.dtype)])
ITEMS = torch.cat([unit(SUPPORT), unit(QUERY)])

CASES = {
    "Z21 first": (
        SoftKMeans(1.0, 0),
        """.55930836 .25363628 .18705535 | .32144726 .51593097 .16262177
        | .14077257 .27993706 .57929036 | .32909882 .34725664 .32364454""",
    ),
    "Z21 tenth": (
        SoftKMeans(1.0, 9),
        """.48136181 .28806952 .23056867 | .33843442 .44919273 .21237285
        | .19141044 .29992398 .50866558 | .33037210 .34044910 .32917880""",
    ),
    "Z22": (
        Paddle(steps=9),
        """.39900350 .38519094 .21580556 | .33184141 .46443755 .20372104
        | .26493268 .40456405 .33050327 | .33093014 .41365996 .25540990""",
    ),
    "Z22 without prior": (
        Paddle(weight=0.0, steps=9),
        """.40202468 .31201631 .28595900 | .33862476 .38736680 .27400845
        | .26170731 .32284496 .41544774 | .33192564 .33504213 .33303223""",
    ),
    "Z24 released": (
        LaplacianShot(symmetric=False),
        """.57896297 .27583083 .14520621 | .38407879 .48730319 .12861801
        | .16193919 .33831890 .49974192 | .39613029 .36340366 .24046604""",
    ),
    "Z24 symmetric": (
        LaplacianShot(),
        """.56431008 .28375471 .15193522 | .35627735 .49888054 .14484211
        | .14735733 .30856501 .54407766 | .36445955 .36943613 .26610432""",
    ),
    "Z29": (
        LabelPropagation("gaussian", neighbours=4, alpha=0.99),
        """.38024209 .32233351 .29742440 | .32882323 .37250383 .29867294
        | .29954875 .30829689 .39215436 | .33054605 .34019944 .32925450""",
    ),
}
LAST = {
    "Z22 second": (Paddle(steps=1), ".33258435 .34844229 .31897336"),
    "Z22 scale 10": (Paddle(scale=10.0, steps=9), ".43911442 .37314624 .18773934"),
    "Z25": (InformationMaximisation(steps=100, lr=0.01), ".33368771 .33170609 .33460620"),
    "Z25 published steps": (InformationMaximisation(), ".32581066 .33840907 .33578027"),
    "Z26": (
        InformationMaximisation(fit=1.0, confidence=1.0, alpha=2.0, steps=100, lr=0.01),
        ".00490293 .99171418 .00338290",
    ),
    "Z27": (AlternatingInformation(steps=10), ".25775453 .43058702 .31165845"),
}


@pytest.mark.parametrize("case", CASES)
def test_shares(case):
    refiner, expected = CASES[case]
    close(refine(refiner), rows(expected))


@pytest.mark.parametrize("case", LAST)
def test_shares_of_the_ambiguous_query(case):
    refiner, expected = LAST[case]
    close(refine(refiner)[3:], rows(expected))


def test_z21_means_after_one_step():
    shares = refine(SoftKMeans(1.0, 0))
    expected = """.81018979 .41428282 .17708856 | .30258435 .81548329 .30936593
        | .20356449 .34426244 .82339819"""
    close(SETS.soft_means(shares), rows(expected))


def test_z23_means_and_cosines():
    moved = shifted(SETS)
    means = """.88795944 .32163807 .09718682 | .23010444 .89829138 .20646858
        | .05775848 .27688325 .91846650"""
    cosines = """.99040738 .61805551 .38284993 | .67343386 .97914853 .35250178
        | .21836177 .55409564 .99392747 | .76601611 .82007818 .77587333"""
    close(rectified_means(moved, 10.0), rows(means))
    close(refine(BDCSPN()), (10 * rows(cosines)).softmax(-1), 1e-7)


def test_z25_and_z26_objectives_and_gradient():
    means = SETS.means.clone().requires_grad_()
    loss = InformationMaximisation().loss(SETS, means)
    loss.backward()
    assert loss.item() == pytest.approx(-1.0659508963, abs=1e-10)
    close(means.grad[:1], rows("-.01207339 .01458661 -.00249053"))
    for alpha, expected in ((2.0, -0.4851203416), (7.0, -0.1138767125)):
        method = InformationMaximisation(fit=1.0, confidence=1.0, alpha=alpha)
        assert method.loss(SETS, SETS.means).item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("alpha", [1.0, 2.0, 7.0])
def test_the_gradient_of_tim_is_that_of_its_objective(alpha):
    method = InformationMaximisation(fit=0.3, balance=2.0, confidence=0.7, alpha=alpha)
    means = (SETS.means + 0.1).requires_grad_()
    (expected,) = torch.autograd.grad(method.loss(SETS, means), means)
    close(method.gradient(SETS)(means.detach()), expected, 1e-12)


def test_the_losses_that_rank_queries_are_those_of_a_linear_classifier():
    weights = SETS.means.clone().requires_grad_()
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 1])
    y = one_hot(labels, N_WAY, ITEMS.dtype)
    optimizer = torch.optim.SGD([weights], lr=0.1, momentum=0.9, weight_decay=5e-4)
    total = torch.zeros(len(labels), dtype=ITEMS.dtype)
    for _ in range(30):
        optimizer.zero_grad()
        losses = torch.nn.functional.cross_entropy(ITEMS @ weights.T, labels, reduction="none")
        losses.mean().backward()
        optimizer.step()
        total += losses.detach()
    close(training_losses(ITEMS, y, SETS.means, 30), total / 30, 1e-12)


def test_z27_assignments_and_predictions():
    first = AlternatingInformation().assign(SETS.scores(7.5)(SETS.means)).exp()
    close(first[[0, 3]], rows(".99846872 .00140981 .00012146 | .29508548 .44215917 .26275535"))
    close(refine(AlternatingInformation(steps=10))[1:2], rows(".01845006 .98136647 .00018347"))


def test_z28_plans():
    support, query = pt_map()({}, SUPPORT, QUERY)
    separate = """.99999954 .00000046 0 | .00000001 .99999999 0
        | 0 .32234206 .67765794 | .33333378 .01099082 .65567540"""
    close(refine(PTMAP(), support, query), rows(separate), 2e-8)
    together = Chain((Power(), UnitLength(), Centre("episode"), UnitLength()))
    joint = """.99996018 .00003982 0 | .00000001 .99999999 0
        | 0 .00005608 .99994392 | .33337314 .33323744 .33338941"""
    close(refine(PTMAP(), *together({}, SUPPORT, QUERY)), rows(joint), 2e-8)


def test_z29_what_reaches_the_queries():
    graph = gaussian_graph(ITEMS, 0.25, 4)
    far, near = propagate(graph, Y, 0.99)[6:7], propagate(graph, Y, 0.5)[9:]
    close(far, rows("22.37316763 18.96586862 17.50023509"), 1e-7)
    close(near, rows(".12475650 .21210333 .18048683"))


def test_z30_propagated_and_balanced():
    graph = cubic_graph(ITEMS, 4)
    found = propagate(graph, Y, 0.8)[[6, 9]]
    close(found, rows("1.46918954 .55568034 .34922611 | .84710121 .92911622 .77167853"))
    left = torch.ones(4, 1, dtype=torch.bool)
    plan = LabelCleaning().balanced(graph, Y, Y[6:], left).exp()
    expected = """.91270014 .06555807 .02174179 | .17130841 .79959446 .02909713
        | .00497925 .04015984 .95486091 | .24434553 .42802096 .32763350"""
    close(plan, rows(expected), 2e-8)


def test_z18_tuning_the_head():
    untouched, tuned = (refine(EntropyTuning(steps), SUPPORT, QUERY) for steps in (0, 25))
    before = rows(".97589571 .58425442 .42453805 | .75967141 .78892752 .74708737")
    after = rows(".97872276 .58238452 .42193249 | .76084764 .78735891 .74541663")
    close(untouched[[0, 3]], before.softmax(-1))
    close(tuned[[0, 3]], after.softmax(-1), 2e-8)


def test_sinkhorn_gives_the_columns_that_were_asked():
    columns = torch.tensor([[2.5, 1.0, 0.5]], dtype=SUPPORT.dtype)
    plan = sinkhorn(5 * SETS.scores(1.0)(SETS.means), columns).exp()
    close(plan.sum(0, keepdim=True), columns, 1e-7)
    close(plan.sum(1), torch.ones(4, dtype=plan.dtype), 1e-12)


def test_z37_what_is_left_of_pseudo_labels():
    y = one_hot(torch.cat([LABELS, torch.tensor([0, 1, 2, 1])]), N_WAY, SUPPORT.dtype)
    left = unexplained(ITEMS, y, 2)[6:]
    close(left[None], rows(".60855600 .65882204 .60979612 1.08386511"))


def test_ici_ends_at_the_regression_on_all_that_joined():
    shares = refine(CredibleInference())
    labels = torch.cat([LABELS, shares.argmax(-1)])
    weights, intercept = LogisticRegression(10.0).fit(ITEMS, labels, N_WAY)
    close(shares, (unit(QUERY) @ weights + intercept).softmax(-1), 1e-8)
