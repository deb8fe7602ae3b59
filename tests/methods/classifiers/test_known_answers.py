"""The specification's known answers for classifiers, in float64."""

import pytest
import torch

from fewshot_bench.methods.classifiers.cosine_head import CosineHead
from fewshot_bench.methods.classifiers.discriminant import GDA, LDA
from fewshot_bench.methods.classifiers.local import LocalDescriptors
from fewshot_bench.methods.classifiers.logistic import LogisticRegression
from fewshot_bench.methods.classifiers.mahalanobis import Mahalanobis
from fewshot_bench.methods.classifiers.memory import Memory, Neighbours
from fewshot_bench.methods.classifiers.prototypes import CosineMean, NearestMean
from fewshot_bench.methods.classifiers.ridge import R2D2, Ridge
from fewshot_bench.methods.classifiers.ridge_loo import LeaveOneOutRidge, leave_one_out_errors
from fewshot_bench.methods.classifiers.set_attention import NAME, SetAttention
from fewshot_bench.methods.classifiers.subspace import Subspace
from fewshot_bench.methods.classifiers.svm import SVM
from fewshot_bench.nn.algebra import unit
from fewshot_bench.nn.heads import prototypes
from fewshot_bench.nn.labels import one_hot
from tests.methods.feature_cases import F64, LABELS, N_WAY, QUERY, SUPPORT, classify, close, rows

UNIT = {"support": unit(SUPPORT), "query": unit(QUERY)}
Z2 = """9.75895713 5.84254424 4.24538053 | 7.07602339 9.56523789 3.47461158
    | 2.71146209 6.11948795 9.80347952 | 7.59671407 7.88927525 7.47087368"""
CASES = {
    "Z1": (
        NearestMean(),
        """-.0625 -.8150 -.8600 | -.5025 -.1250 -1.0900
        | -1.3725 -.8550 -.0400 | -.4025 -.4550 -.4100""",
    ),
    "Z2": (CosineMean(), Z2),
    "Z8 affine": (
        Subspace(dimensions=1),
        """-.05555556 -.71214286 -.72500000 | -.08 -.12214286 -.48833333
        | -1.27222222 -.295 -.03333333 | -.34 -.33428571 -.32833333""",
    ),
    "Z8 affine, ridge": (
        Subspace(),
        """-.05555556 -.71214286 -.72500000 | -.08 -.12214286 -.48833333
        | -1.27222222 -.295 -.03333333 | -.34 -.33428571 -.32833333""",
    ),
    "Z8 linear": (
        Subspace(dimensions=1, affine=False),
        """-.02965090 -.40430293 -.50573203 | -.41168965 -.06358071 -.72225696
        | -.90806294 -.62290736 -.05063507 | -.31899635 -.28373917 -.33694892""",
    ),
    "Z10": (
        R2D2(scale=1.0),
        """.01122526 .00969562 .00844450 | .01037503 .01259555 .00829259
        | .00805755 .01074150 .01234408 | .01050326 .01129426 .01034441""",
    ),
    "Z10 plain": (
        Ridge(),
        """.44748489 .13209741 .11095665 | .25674497 .45972882 .02924978
        | .01209038 .24054501 .56552575 | .29842942 .27039824 .29900895""",
    ),
    "Z11": (
        Ridge(penalty=50.0, scale=2.0),
        """.05540111 .03704194 .02286168 | .04512093 .07080418 .02085993
        | .01816680 .04922065 .06852550 | .04676795 .05552263 .04502279""",
    ),
    "Z12 jitter 1": (
        SVM(),
        """.06735154 -.03135034 -.03600120 | .00173620 .06893522 -.07067142
        | -.08396848 -.01282033 .09678880 | .00134286 -.00676635 .00542349""",
    ),
    "Z12 jitter 0": (
        SVM(jitter=0.0),
        """.05944018 -.02744470 -.03199549 | -.00669526 .06715350 -.06045824
        | -.08681490 -.01049436 .09730926 | -.00587660 -.00412716 .01000376""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_scores(case):
    classifier, expected = CASES[case]
    close(classify(classifier), rows(expected))


PROBABILITIES = {
    "Z4 scale 1": (
        Memory(scale=1.0),
        """.44400535 .30067435 .25532030 | .33607146 .42625504 .23767350
        | .22541503 .31994998 .45463500 | .33140877 .34194763 .32664360""",
    ),
    "Z4 scale 10": (
        Memory(),
        """.97459031 .02141200 .00399769 | .10861161 .88790230 .00348609
        | .00084424 .03272795 .96642781 | .31221050 .41865967 .26912984""",
    ),
    "Z13": (
        LogisticRegression(),
        """.49373481 .26437668 .24188852 | .33514254 .44975891 .21509855
        | .20200471 .28913245 .50886284 | .33968387 .32399031 .33632582""",
    ),
}


@pytest.mark.parametrize("case", PROBABILITIES)
def test_probabilities(case):
    classifier, expected = PROBABILITIES[case]
    close(classify(classifier, **UNIT).softmax(dim=-1), rows(expected))


def test_z4_mean_loss():
    for scale, expected in ((1.0, 0.817632162), (10.0, 0.059593441)):
        log_p = classify(Memory(scale=scale)).log_softmax(dim=-1)
        assert -log_p[:3].diagonal().mean().item() == pytest.approx(expected, abs=6e-10)


def test_z5_class_means_after_attention():
    eye = torch.eye(3, dtype=F64)
    params = {f"{NAME}.{name}": eye for name in ("query", "key", "value", "out.weight")}
    params |= {f"{NAME}.{name}.bias": torch.zeros(3, dtype=F64) for name in ("out", "norm")}
    params[f"{NAME}.norm.weight"] = torch.ones(3, dtype=F64)
    means = SetAttention().adapt(params, prototypes(SUPPORT, LABELS, N_WAY))
    expected = """1.27246460 -.10188329 -1.17058131 | -.75737407 1.41296305 -.65558898
        | -1.00548060 -.35845297 1.36393357"""
    close(means, rows(expected))
    logits = classify(SetAttention(), params=params)
    close(logits[:1], rows("-.03699561 -.06397904 -.07339009"))


@pytest.mark.parametrize(
    ("k", "expected"), [(1, "1.96209754 1.85232162"), (2, "3.10065982 3.05752394")]
)
def test_z6_local_descriptors(k, expected):
    maps = [rows("1 .2 | .3 .9"), rows(".2 1 | .9 .5"), rows(".8 .1 | .4 .6")]
    first, second, query = (x.T.flatten() for x in maps)
    sums = 2 * LocalDescriptors(channels=2, k=k)(
        {}, torch.stack([first, second]), torch.tensor([0, 1]), query[None], 2
    )
    close(sums, rows(expected))


def test_z12_dual_variables_and_optimum():
    y = one_hot(LABELS, N_WAY, SUPPORT.dtype)
    for jitter, optimum in ((1.0, -0.505329270), (0.0, -0.557640858)):
        alpha = SVM(jitter=jitter).fit(SUPPORT, y)
        kernel = SUPPORT @ SUPPORT.T + jitter * torch.eye(6, dtype=F64)
        value = (alpha * (kernel @ alpha)).sum() / 2 - (alpha * y).sum()
        assert value.item() == pytest.approx(optimum, abs=6e-10)
    close(SVM().fit(SUPPORT, y)[:1], rows(".1 -.04883460 -.05116540"))


def test_z13_intercepts_objective_and_a_larger_c():
    for c, objective in ((1.0, 4.962825248), (10.0, 20.775323413)):
        weights, intercept = LogisticRegression(c).fit(UNIT["support"], LABELS, N_WAY)
        log_p = (UNIT["support"] @ weights + intercept).log_softmax(dim=-1)
        data = -log_p.gather(1, LABELS[:, None]).sum()
        assert (c * data + (weights**2).sum() / 2).item() == pytest.approx(objective, abs=6e-10)
        if c == 1:
            close(intercept, rows(".02781707 -.06490142 .03708435"))
    p = classify(LogisticRegression(10.0), **UNIT).softmax(dim=-1)
    close(p[[0, 3]], rows(".78563908 .11331329 .10104763 | .35622167 .29726197 .34651636"))


def test_z14_cosine_head_before_its_first_step():
    close(classify(CosineHead(steps=0)), rows(Z2) / 5)


def test_z32_leave_one_out():
    targets = one_hot(LABELS, N_WAY, SUPPORT.dtype)
    penalties = torch.tensor([0.01, 0.1, 1, 10], dtype=F64)
    errors = leave_one_out_errors(UNIT["support"], targets, penalties)
    close(errors[None], rows(".15274367 .15138873 .39143077 .84283706"))
    expected = """.80103733 .05838651 .14057616 | .33697479 .73934455 -.07631934
        | -.02916380 .20395405 .82520975 | .38409332 .24365076 .37225592"""
    close(classify(LeaveOneOutRidge(scale=1.0), **UNIT), rows(expected))


Z33 = "21.88138428 -14.02145110 -21.13304090 | 8.52754888 20.23445858 16.71168072"
Z34 = "6.17583461 -6.81268822 -9.47415131 | 1.14545704 6.45864191 5.00805612"


@pytest.mark.parametrize(("classifier", "expected"), [(LDA(), Z33), (GDA(), Z34)])
def test_z33_and_z34_discriminants_up_to_a_number_for_each_query(classifier, expected):
    logits, known = classify(classifier)[[0, 3]], rows(expected)
    centred = logits - logits.mean(-1, keepdim=True)
    close(centred, known - known.mean(-1, keepdim=True), 1e-8)


def test_z33_probabilities():
    close(classify(LDA()).softmax(-1)[3:], rows(".00000800 .97132120 .02867080"))


def test_z35_mahalanobis_with_two_shots_and_one():
    two = classify(Mahalanobis(relative=False))[[0, 3]]
    one = classify(Mahalanobis(relative=False), SUPPORT[:3], LABELS[:3])[[0, 3]]
    close(two, rows("-.05709897 -.75355590 -.77725973 | -.36943415 -.41818090 -.37067639"))
    close(one, rows("-.09325430 -.62715613 -.91508335 | -.42050615 -.31393717 -.51375551"))


def test_z36_cache():
    expected = """1.66009524 .19897381 .07996801 | .44630566 1.51825118 .06694316
        | .03581437 .25701130 1.71039375 | .51906235 .61324400 .47883359"""
    close(2 * classify(Memory(scale=5.5, over_class="mean")).exp(), rows(expected))


def test_z39_neighbours():
    shares = classify(Neighbours(k=3)).exp()[[1, 3]]
    close(shares, rows(".04967261 .95032739 0 | .30092603 .69907397 0"))
