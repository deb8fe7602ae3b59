"""Accuracy of a model of any kind, as a result that can be stored and compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fewshot_bench.config import EvaluateConfig
from fewshot_bench.data.episodes import Task
from fewshot_bench.data.loader import Episode
from fewshot_bench.data.pool import FeaturePool
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation import document
from fewshot_bench.evaluation.describe import describe_dataset
from fewshot_bench.evaluation.result import Result
from fewshot_bench.evaluation.run import Subject, measure, method_facts
from fewshot_bench.interface.data import Part
from fewshot_bench.interface.learner import ModuleLearner
from fewshot_bench.interface.models import (
    BLOCK,
    FixedEmbedding,
    FunctionMethod,
    module_features,
    parts_of,
    source_sha256,
)
from fewshot_bench.methods.base import FewShotMethod, Setting
from fewshot_bench.methods.embedding import mean_feature
from fewshot_bench.methods.parts import BASE_MEAN
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.nn.params import Params

Model = nn.Module | FewShotMethod | ModuleLearner | Callable[[Episode], Any] | None


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model ready to be measured.

    Attributes:
        method: what predicts.
        params: its parameters.
        sha256: identity of its weights.
        n_params: how many numbers they are.
        backbone: how results call the network.
        options: how it was composed, for the record.
    """

    method: FewShotMethod
    params: Params
    sha256: str
    n_params: int
    backbone: str
    options: Mapping[str, Any]


def evaluate(
    model: Model,
    part: Part,
    *,
    classifier: str = "nearest-mean",
    transform: str | None = None,
    refiner: str | None = None,
    setting: Setting = "inductive",
    params: Params | None = None,
    n_way: int = 5,
    n_shot: int = 1,
    n_query: int = 15,
    episodes: int = 1000,
    seed: int = 0,
    sampler: str = "uniform",
    sampler_options: Mapping[str, int] | None = None,
    until_half_width: float | None = None,
    level: float = 0.95,
    name: str | None = None,
    trained_on: str = "",
    device: str = "cpu",
) -> Result:
    """Measure a model that this suite did not train by itself.

    Args:
        model: an ``nn.Module`` that gives features; a function of an episode (see
            :func:`fewshot_bench.interface.models.as_logits`); a learner of
            :func:`fewshot_bench.api.gradient_learner`; a method object with ``params``; or None
            where the data are features already.
        part: the split it is measured on.
        classifier: registered name, of what works on features.
        transform: registered name, or None.
        refiner: registered name, or None.
        setting: of a function: whether a query's prediction may depend on the others.
        params: of a method object.
        n_way: classes of an episode.
        n_shot: support images of each class.
        n_query: query images of each class.
        episodes: how many, or with ``until_half_width`` at most how many.
        seed: number of the list.
        sampler: registered name.
        sampler_options: parameters of the sampler.
        until_half_width: stop as soon as the closed interval is this short, a fraction.
        level: its confidence level.
        name: how results call the model; None for the name of its type.
        trained_on: other data than the benchmark's training classes that it has learned from; such
            results are ranked apart.
        device: where it is computed.

    Raises:
        ConfigError: what can't be, or a model that is not what it says.
    """
    parts = classifier, transform, refiner
    candidate = _candidate(model, part, parts, setting, params, device)
    loader = part.loader(Task(n_way, n_shot, n_query), seed, sampler, sampler_options, device)
    settings = EvaluateConfig(
        episodes=episodes,
        seed=seed,
        split=part.name,
        sampler=sampler,
        sampler_options=dict(sampler_options or {}),
        until_half_width=until_half_width,
        level=level,
    )
    subject = Subject(
        method=_method(candidate, name or _name_of(model, candidate)),
        checkpoint=document.Checkpoint(
            sha256=candidate.sha256,
            n_params=candidate.n_params,
            weights=name or candidate.backbone,
            external_data=bool(trained_on),
            trained_on=trained_on,
        ),
        dataset=describe_dataset(part.data.manifest, part.pool),
    )
    return measure(candidate.method, candidate.params, loader, subject, settings)


def _candidate(
    model: Model,
    part: Part,
    parts: tuple[str, str | None, str | None],
    setting: Setting,
    params: Params | None,
    device: str,
) -> Candidate:
    if isinstance(model, ModuleLearner):
        learned = model.params(part.data.image)
        return _counted(
            model.method(part.data.image),
            learned,
            list(learned.items()),
            type(model.module).__name__,
            model.options,
        )
    if isinstance(model, FewShotMethod):
        learned = params if params is not None else model.init(torch.Generator().manual_seed(0))
        return _counted(model, learned, list(learned.items()), type(model).__name__, {})
    if model is None or isinstance(model, nn.Module):
        return _embedding(model, part, parts, device)
    if not callable(model):
        raise ConfigError(f"{type(model).__name__} is no module, method or function of an episode")
    method = FunctionMethod(model, setting)
    return Candidate(method, {}, source_sha256(model), 0, "function", {"setting": setting})


def _embedding(
    module: nn.Module | None, part: Part, names: tuple[str, str | None, str | None], device: str
) -> Candidate:
    classifier, transform, refiner = parts_of(*names)
    options = dict(zip(("classifier", "transform", "refiner"), names, strict=True))
    if module is None and not isinstance(part.pool, FeaturePool):
        raise ConfigError("without a model the data must be features, as of fsb.embed")
    features = None
    if module is not None:
        module = module.to(device).eval()
        features = module_features(module)
    method = FixedEmbedding(features, classifier, transform, refiner)
    if transform is not None and BASE_MEAN in transform.init(1, torch.Generator()):
        mean = base_mean(method, part, device)
        method = FixedEmbedding(features, classifier, transform, refiner, mean)
    named = [] if module is None else list(module.state_dict().items())
    kind = "features" if module is None else type(module).__name__
    return _counted(method, {}, named, kind, options)


def base_mean(method: FixedEmbedding, part: Part, device: str) -> Tensor:
    """(D,) mean feature of the training images of the benchmark that a part belongs to.

    Raises:
        ConfigError: it has no training classes.
    """
    pool = part.data.train.pool
    loader = part.data.train.loader(Task(2, 1, 1), 0, device=device)
    starts = range(0, len(pool), BLOCK)
    blocks = (torch.arange(start, min(start + BLOCK, len(pool))) for start in starts)
    mean = mean_feature(method.embed({}, loader.gather(rows[None])[0]) for rows in blocks)
    if mean is None:
        raise ConfigError(f"{part.data.name} has no training images to take a mean of")
    return mean.float()


def _counted(
    method: FewShotMethod,
    params: Params,
    named: list[tuple[str, Tensor]],
    backbone: str,
    options: Mapping[str, Any],
) -> Candidate:
    count = sum(value.numel() for _, value in named)
    return Candidate(method, params, tensors_sha256(dict(named)), count, backbone, options)


def _method(candidate: Candidate, name: str) -> document.Method:
    config = {"backbone": candidate.backbone, "options": dict(candidate.options)}
    traits = candidate.method.traits
    return method_facts(name, traits.setting, config, told_counts=traits.told_counts)


def _name_of(model: Model, candidate: Candidate) -> str:
    if isinstance(model, nn.Module) or model is None:
        return f"{candidate.backbone}+{candidate.options['classifier']}"
    return getattr(model, "__name__", type(model).__name__)
