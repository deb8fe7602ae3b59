"""Backbones of other libraries and feature files through commands and API: the same numbers."""

import json

import numpy as np
import pytest

import fewshot_bench as fsb
from fewshot_bench.evaluation.result import read_result
from tests.cli.common import fails, fsbench
from tests.given import random_network, saved
from tests.tiny import SIZE

SHAPE = ("--n-way", 3, "--n-query", 4, "--episodes", 120)
CLASSIFIERS = ("simpleshot", "ridge", "logistic", "svm")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("w") / "r18.pth", random_network(1), "module.")


@pytest.fixture
def named(weights):
    return ("--backbone", "torchvision:resnet18", "--weights", weights, "--input-size", 32)


@pytest.fixture
def on(tiny_folder):
    return ("--benchmark", f"folder:{tiny_folder}", "--image-size", SIZE)
