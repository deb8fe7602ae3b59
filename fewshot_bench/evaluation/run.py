"""From a method, its parameters and test episodes to a result, without the command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fewshot_bench import __version__
from fewshot_bench.config import EvaluateConfig
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.samplers.base import Sampler
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation import document
from fewshot_bench.evaluation.describe import describe_protocol, describe_summary
from fewshot_bench.evaluation.evaluate import StopRule, evaluate
from fewshot_bench.evaluation.features import FeatureBank
from fewshot_bench.evaluation.identity import config_sha256, shown_apart
from fewshot_bench.evaluation.protocol import DEFAULT_EPISODES, MOST_EPISODES
from fewshot_bench.evaluation.result import Result, make_result
from fewshot_bench.methods.base import FewShotMethod
from fewshot_bench.nn.params import Params
from fewshot_bench.platform import environment, source_state
from fewshot_bench.testing import probe

NO_CURVE = document.Training(curve=[])


@dataclass(frozen=True)
class Subject:
    """What is known of a model before it is measured.

    Attributes:
        method: see :func:`method_facts`.
        checkpoint: its parameters and how they were learned.
        dataset: see :func:`fewshot_bench.evaluation.describe.describe_dataset`.
        training: its learning curve.
        train_s: seconds of training; None where they are not known.
    """

    method: document.Method
    checkpoint: document.Checkpoint
    dataset: document.Dataset
    training: document.Training = NO_CURVE
    train_s: float | None = None


def method_facts(
    name: str,
    setting: document.Setting,
    config: Mapping[str, Any],
    *,
    adaptation: bool = False,
    told_counts: bool = False,
    code_sha256: str | None = None,
) -> document.Method:
    """The ``method`` part of a document.

    Args:
        name: registered name, or any name for a model of one's own.
        setting: may the prediction of one query depend on the others?
        config: all settings; ``backbone`` is needed, ``train.seed`` where this suite trained.
        adaptation: whether it is this suite's own adaptation of the paper's method.
        told_counts: whether it is told how many queries each class has.
        code_sha256: of sources from outside this package.
    """
    config = shown_apart(config)
    return document.Method(
        id=name,
        setting=setting,
        adaptation=adaptation,
        told_counts=told_counts,
        config=document.Config.model_validate(config),
        config_sha256=config_sha256(config),
        code_sha256=code_sha256,
    )


def measure(
    method: FewShotMethod,
    params: Params,
    loader: EpisodeLoader,
    subject: Subject,
    settings: EvaluateConfig,
    progress: Callable[[int], None] = lambda _: None,
    bank: FeatureBank | None = None,
) -> Result:
    """Measure one model on test episodes.

    Args:
        method: what predicts.
        params: its parameters.
        loader: test episodes.
        subject: what is known of them, for the record.
        settings: number of episodes, stopping rule and confidence level; the rest is the loader's.
        progress: told the number of episodes done since the last call.
        bank: features that other methods on the same embedding have used; None computes them.

    Raises:
        ConfigError: the method does otherwise than its contract or its declared setting says.
    """
    until, rule = stop_rules(settings)
    total = number_of_episodes(loader.sampler, settings)
    probe(method, params, loader, subject.method.id)
    outcome = evaluate(method, params, loader, total, progress, until, bank)
    facts = document.Facts(
        tool=document.Tool(version=__version__, **source_state()),
        method=subject.method,
        checkpoint=subject.checkpoint,
        dataset=subject.dataset,
        protocol=describe_protocol(loader.sampler, outcome.columns, rule),
        training=subject.training,
        env=environment(),
        failures=outcome.failures,
        timing=outcome.timing.model_copy(update={"train_s": subject.train_s}),
        summary=describe_summary(outcome.columns, settings.level),
    )
    return make_result(facts, outcome.columns)


def stop_rules(settings: EvaluateConfig) -> tuple[StopRule | None, document.StopRule | None]:
    """When to stop before the last episode, as a rule to follow and as a record of it."""
    width, level = settings.until_half_width, settings.level
    if width is None:
        return None, None
    return StopRule(width, level), document.StopRule(fixed_width=width, n0=100, level=level)


def number_of_episodes(sampler: Sampler, settings: EvaluateConfig) -> int:
    """How many episodes are measured; at most as many with a stopping rule.

    Raises:
        ConfigError: there are not as many disjoint ones.
    """
    most = getattr(sampler, "total", None)
    wanted = settings.episodes
    if most is not None and wanted and wanted > most:
        raise ConfigError(
            f"{settings.split} has {most} disjoint {sampler.task.id} episodes, not {wanted};"
            " leave out --episodes to take them all"
        )
    default = MOST_EPISODES if settings.until_half_width else DEFAULT_EPISODES
    return wanted or int(default if most is None else most)


def check_question(settings: EvaluateConfig, seeds: int) -> None:
    """Raise ConfigError, before hours of training, for an interval that can't come of it."""
    kind = settings.interval
    if kind == "open_classes" and seeds > 1:
        raise ConfigError(
            "--interval open_classes is about one trained model;"
            " several seeds go with closed or open_images"
        )
    if kind != "closed" and settings.until_half_width:
        raise ConfigError(
            f"--until-half-width is about the closed interval and does not go with {kind}:"
            " more episodes are no new images or classes"
        )
    if settings.episodes == 1 and (kind != "closed" or seeds > 1):
        raise ConfigError("one episode gives no such interval; take --episodes 2 or more")


def check_classes(settings: EvaluateConfig, way: int, classes: int) -> None:
    """Raise ConfigError if all test episodes would hold the same classes and are to show others.

    Args:
        settings: what is asked.
        way: classes of an episode.
        classes: of the split, without rotated copies, which are no other classes.
    """
    if settings.interval == "open_classes" and way >= classes:
        raise ConfigError(
            f"{way}-way episodes of the {classes} {settings.split} classes say nothing about other"
            " classes; take a smaller --n-way or another --interval"
        )
