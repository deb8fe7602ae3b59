"""Objectives of pre-training: the specification's known answers, and what holds for all of them."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.criterion import supervised_loss
from fewshot_bench.nn.heads import prototypes
from fewshot_bench.registry import OBJECTIVES
from fewshot_bench.training.objectives.base import make_objective
from fewshot_bench.training.objectives.cosine import Cosine
from fewshot_bench.training.objectives.distillation import Teacher, divergence
from fewshot_bench.training.objectives.linear import Linear
from fewshot_bench.training.objectives.margin import CosineMargin, LinearMargin
from fewshot_bench.training.objectives.rotation import Rotation, turns
from tests.methods.feature_cases import F64, LABELS, N_WAY, QUERY, SUPPORT, close, rows
from tests.training.test_identity_of_parts import LOSS

NAMES = [entry.name for entry in OBJECTIVES]
FEATURES, CLASSES, BATCH = 6, 5, 8
ZERO = torch.tensor([0])


def case(name, seed=0):
    """An objective with its parameters, features and labels, in float64."""
    generator = torch.Generator().manual_seed(seed)
    objective = Rotation(Linear(), 0.4) if name == "rotation" else make_objective(name)
    params = objective.init(FEATURES, CLASSES, generator)
    features = torch.randn(BATCH, FEATURES, generator=generator, dtype=F64)
    labels = torch.randint(CLASSES, (BATCH,), generator=generator)
    return objective, {k: v.double().requires_grad_() for k, v in params.items()}, features, labels


def test_z14_cosines_to_the_class_means():
    means = prototypes(SUPPORT, LABELS, N_WAY)
    params = {"head.weight": means, "head.length": torch.ones(N_WAY, dtype=F64)}
    expected = "1.95179143 1.16850885 .84907611 | 1.51934281 1.57785505 1.49417474"
    close(Cosine(scale=2.0).logits(params, QUERY[[0, 3]]), rows(expected))


@pytest.mark.parametrize(
    ("margin", "expected"), [(-0.02, 0.02695710), (0.0, 0.04858737), (0.3, 6.00247599)]
)
def test_z15_margin_of_cosines(margin, expected):
    # Directions whose cosines with the feature (1, 0) are those of the specification.
    cosines = torch.tensor([0.5, 0.4, -0.1], dtype=F64)
    weight = torch.stack([cosines, (1 - cosines**2).sqrt()], dim=1) * torch.tensor(
        [[2.0], [1], [3]]
    )
    features = torch.tensor([[0.7, 0.0]], dtype=F64)
    objective = CosineMargin(scale=30.0, margin=margin)
    loss = objective.loss({"head.weight": weight}, features, ZERO, F.cross_entropy)
    assert loss.item() == pytest.approx(expected, abs=6e-9)


def test_z15_margin_of_logits():
    weight = torch.tensor([[1.2], [0.7], [-0.5]], dtype=F64)
    objective = LinearMargin(scale=10.0, margin=-0.01)
    one = torch.ones(1, 1, dtype=F64)
    loss = objective.loss({"head.weight": weight}, one, ZERO, F.cross_entropy)
    assert loss.item() == pytest.approx(0.00607827, abs=6e-9)


def test_without_a_margin_it_is_the_loss_of_the_scaled_cosines():
    _, params, features, labels = case("negative-margin")
    objective = CosineMargin(scale=4.0, margin=0.0)
    unit = [F.normalize(x, dim=1) for x in (features, params["head.weight"])]
    expected = F.cross_entropy(4 * unit[0] @ unit[1].T, labels)
    torch.testing.assert_close(objective.loss(params, features, labels, F.cross_entropy), expected)


def test_z16_distillation():
    teacher, student = (torch.tensor([x], dtype=F64) for x in ([2, 1, 0.0], [1, 1.5, -0.5]))
    assert divergence(teacher, student, 4.0).item() == pytest.approx(0.21333876, abs=6e-9)
    loss = F.cross_entropy(student, ZERO)
    assert loss.item() == pytest.approx(1.05495692, abs=6e-9)
    mixed = Teacher(lambda images: teacher, 4.0, 0.5).mixed(loss, torch.zeros(1), student)
    assert mixed.item() == pytest.approx(0.63414784, abs=6e-9)


def test_a_teacher_of_the_same_mind_adds_nothing():
    student = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).double()
    same = student + torch.tensor([[1.0], [-2], [0], [5]])  # a number per image is no difference
    student.requires_grad_()
    found = divergence(same, student, 2.0)
    assert found.item() == pytest.approx(0.0, abs=1e-12)
    [grad] = torch.autograd.grad(found, student)
    assert grad.abs().max() < 1e-12


def test_at_high_temperature_logits_are_compared_by_their_distance():
    generator = torch.Generator().manual_seed(1)
    teacher, student = torch.randn(2, 4, 3, generator=generator).double()
    gap = teacher - student
    centred = gap - gap.mean(dim=1, keepdim=True)
    expected = centred.square().sum(dim=1).mean() / (2 * 3)
    assert divergence(teacher, student, 1e4).item() == pytest.approx(expected.item(), rel=1e-3)


def test_alpha_zero_learns_from_the_labels_alone():
    teacher = Teacher(lambda images: images, 4.0, 0.0)
    loss = torch.tensor(0.7)
    assert (
        teacher.mixed(loss, torch.rand(2, 3, generator=torch.Generator()), torch.zeros(2, 3))
        == loss
    )


def test_quarters_of_a_batch_are_rotated_and_told_apart():
    objective, params, features, labels = case("rotation")
    images = torch.rand(BATCH, 2, 3, 3, generator=torch.Generator().manual_seed(2))
    views = objective.views(images)
    for i, quarter in enumerate([0, 0, 1, 1, 2, 2, 3, 3]):
        expected = np.rot90(images[i].numpy(), quarter, (1, 2))
        np.testing.assert_array_equal(views[i].numpy(), expected)
    answers = features @ params["rotation.weight"].T + params["rotation.bias"]
    wanted = F.cross_entropy(answers, torch.tensor([0, 0, 1, 1, 2, 2, 3, 3]))
    classes = Linear().loss(params, features, labels, F.cross_entropy)
    found = objective.loss(params, features, labels, F.cross_entropy)
    torch.testing.assert_close(found, 0.6 * classes + 0.4 * wanted)
    assert turns(3).tolist() == [0, 1, 2]  # a batch that has no four quarters


@pytest.mark.parametrize("name", ["rotation", *NAMES])
@pytest.mark.parametrize("loss", ["cross_entropy", "sparse_lsr", "focal", "file"])
def test_every_loss_fits_every_objective_and_teaches_all_its_parameters(name, loss, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(LOSS))
    objective, params, features, labels = case(name)
    features.requires_grad_()
    criterion = supervised_loss(str(path) if loss == "file" else loss)
    value = objective.loss(params, features, labels, criterion)
    grads = torch.autograd.grad(value, [features, *params.values()])
    assert all(grad.isfinite().all() and grad.abs().max() > 1e-9 for grad in grads)


@pytest.mark.parametrize("name", ["rotation", *NAMES])
def test_classes_have_no_order(name):
    objective, params, features, labels = case(name)
    order = torch.tensor([3, 0, 4, 1, 2])
    renamed = {k: v[order] if k.startswith("head.") else v for k, v in params.items()}
    moved = torch.argsort(order)[labels]
    loss = objective.loss(params, features, labels, F.cross_entropy)
    torch.testing.assert_close(objective.loss(renamed, features, moved, F.cross_entropy), loss)
    logits = objective.logits(params, features)
    torch.testing.assert_close(objective.logits(renamed, features), logits[:, order])


@pytest.mark.parametrize("name", ["cosine", "negative-margin"])
def test_cosines_do_not_see_how_long_features_are(name):
    objective, params, features, _ = case(name)
    lengths = torch.rand(BATCH, 1, generator=torch.Generator().manual_seed(4)).double() + 0.1
    expected = objective.logits(params, features)
    torch.testing.assert_close(objective.logits(params, lengths * features), expected)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_finite_differences(name):
    objective, params, features, labels = case(name)

    def loss(features, *values):
        named = dict(zip(params, values, strict=True))
        return objective.loss(named, features, labels, F.cross_entropy)

    assert torch.autograd.gradcheck(loss, (features.requires_grad_(), *params.values()))


def test_unknown_names_and_options_are_one_line():
    with pytest.raises(ConfigError, match="did you mean 'cosine'"):
        make_objective("cosin")
    with pytest.raises(ConfigError, match="objective cosine has no option 'margin'; it has: scale"):
        make_objective("cosine", {"margin": 0.1})
