"""Everything registered keeps the contract; the checks are those that plug-ins get."""

import dataclasses
import inspect

import pytest
import torch

from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.composed import FeatureParts, pretrained
from fewshot_bench.methods.maml import maml
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.registry import (
    CLASSIFIERS,
    HEADS,
    LOSSES,
    METHODS,
    OPTIMIZERS,
    REFINERS,
    TRANSFORMS,
)
from fewshot_bench.testing import assert_contract
from tests.methods.common import N_WAY, SIZE, build, make_episode, make_params

NAMES = [entry.name for entry in METHODS]
IMAGE = ImageShape(1, SIZE)
FEATURE_PARTS = {"classifier": CLASSIFIERS, "transform": TRANSFORMS, "refiner": REFINERS}
GRADIENT_PARTS = {"head": HEADS, "optimizer": OPTIMIZERS, "loss": LOSSES}


def named(kinds):
    return [(option, entry.name) for option, registry in kinds.items() for entry in registry]


@pytest.mark.parametrize("name", NAMES)
def test_the_catalogue_tells_the_truth(name):
    entry = METHODS.entry(name)
    assert build(name).traits.setting == entry.setting
    assert entry.paper
    assert entry.summary


@pytest.mark.parametrize("name", NAMES)
def test_methods_keep_the_contract_without_a_note(name):
    assert_contract(build(name), IMAGE, N_WAY, name=name, dtype=torch.float64, notes=True)


@pytest.mark.parametrize(("option", "name"), named(GRADIENT_PARTS))
def test_parts_of_gradient_methods_keep_it(option, name):
    method = maml(Setup("conv4-32", IMAGE, N_WAY), **{option: name})
    assert_contract(method, IMAGE, N_WAY, dtype=torch.float64)


@pytest.mark.parametrize(("option", "name"), named(FEATURE_PARTS))
def test_parts_on_an_embedding_keep_it(option, name):
    factory = FEATURE_PARTS[option].load(name)
    few = {"steps": 5} if "steps" in inspect.signature(factory).parameters else {}
    parts = FeatureParts(**{option: name, f"{option}_options": few})
    method = pretrained(Setup("conv4-32", IMAGE, N_WAY), parts)
    assert_contract(method, IMAGE, N_WAY, dtype=torch.float64)


def rename_classes(name, value, order):
    if "head." in name:
        for dim in (dim for dim, size in enumerate(value.shape) if size == N_WAY):
            value = value.index_select(dim, order)
    if name.startswith("loss.") and value.shape[-1] == 2 * N_WAY + 1:
        # NPBML's networks see the logits, then the labels, then the loss of an image.
        columns = torch.cat([order, N_WAY + order, torch.tensor([2 * N_WAY])])
        value = value.index_select(-1, columns)
    return value


@pytest.mark.parametrize("name", NAMES)
def test_predictions_permute_with_the_classes(name):
    """Renaming the classes renames the predictions.

    A head with an output per class starts from weights of its own for each label, so there the
    weights, and what an optimiser has learned about each, are renamed too: the learner must not
    know more of a class than they say. Which these are no general check can know.
    """
    method = build(name)
    params = {k: v.detach() for k, v in make_params(method).items()}
    episode, order = make_episode(), torch.tensor([2, 0, 3, 1])
    renamed = dataclasses.replace(episode, support_labels=order[episode.support_labels])
    back = torch.argsort(order)
    turned = {name: rename_classes(name, value, back) for name, value in params.items()}
    with torch.no_grad():
        expected = method.predict(params, episode)[:, back]
        found = method.predict(turned, renamed)
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-7)
