"""Registered methods from Python: trained if need be, then measured, as by the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fewshot_bench.config import RunConfig, merge_tables, resolve
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.result import Result
from fewshot_bench.evaluation.run import measure, number_of_episodes
from fewshot_bench.interface.data import Part
from fewshot_bench.interface.observer import Quiet
from fewshot_bench.training.bank import Demand, banked
from fewshot_bench.training.checkpoint import load_checkpoint
from fewshot_bench.training.run import load_trained, prepare_run, train
from fewshot_bench.training.subject import subject_of


def evaluate_registered(
    name: str,
    part: Part,
    *,
    checkpoint: Path | str | None = None,
    backbone: str | None = None,
    weights: Path | str | None = None,
    trained_on: str | None = None,
    train_on: str | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
) -> Result:
    """Measure a registered method.

    Args:
        name: registered name.
        part: the split that it is measured on; the whole benchmark belongs to it.
        checkpoint: a trained model; None trains one, or takes it from the cache.
        backbone: registered name, or of another library, as ``torchvision:resnet18``.
        weights: of a backbone of another library: a file, or ``default``.
        trained_on: what these were trained on, in words, where they don't tell.
        train_on: name of another benchmark that is trained on; only the test is on these data.
        settings: nested table of settings, laid over the recipe, as of a TOML file.
        device: where it is computed.

    Raises:
        ConfigError: what can't be, or data that are in memory only.
    """
    data = part.data
    if data.store is None or not data.spec:
        raise ConfigError(
            "a registered method is trained on a benchmark or folder that fsb.load has opened"
        )
    base = None
    if checkpoint is not None:
        stored = load_checkpoint(Path(checkpoint)).info.get("config")
        base = {k: v for k, v in (stored or {}).items() if k != "evaluate"} or None
    given = {
        "backbone": backbone,
        "weights": None if weights is None else str(weights),
        "trained_on": trained_on,
        "train_on": train_on,
    }
    named = {"method": name, "benchmark": data.spec, "evaluate": {"split": part.name}}
    named |= {key: value for key, value in given.items() if value is not None}
    config: RunConfig = resolve(merge_tables(settings or {}, named), None, base)
    if config.train_on is None:
        run = prepare_run(config, device, store=data.store)
    else:
        run = prepare_run(config, device, tested=data.store)
    model = load_trained(run, Path(checkpoint)) if checkpoint else train(run, Quiet())
    folder = Path(checkpoint).parent if checkpoint else run.folder
    evaluate = run.config.evaluate
    loader, seeds = run.test_loader(), [run.config.train.seed]
    subject = subject_of(run, model, loader.pool, seeds, folder)
    demand = Demand(loader, number_of_episodes(loader.sampler, evaluate))
    method, [loader] = banked(run, model.params, [demand], Quiet())
    return measure(method, model.params, loader, subject, evaluate)
