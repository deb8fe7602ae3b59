"""Registered methods from Python: trained if need be, then measured, as by the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fewshot_bench.config import RunConfig, merge_tables, resolve
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.result import Result
from fewshot_bench.evaluation.run import measure
from fewshot_bench.interface.data import Part
from fewshot_bench.interface.observer import Quiet
from fewshot_bench.training.checkpoint import load_checkpoint
from fewshot_bench.training.run import load_trained, prepare_run, train
from fewshot_bench.training.subject import subject_of


def evaluate_registered(
    name: str,
    part: Part,
    *,
    checkpoint: Path | str | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
) -> Result:
    """Measure a registered method.

    Args:
        name: registered name.
        part: the split that it is measured on; the whole benchmark belongs to it.
        checkpoint: a trained model; None trains one, or takes it from the cache.
        settings: nested table of settings, laid over the recipe, as of a TOML file.
        device: where it is computed.

    Raises:
        ConfigError: what can't be, or data that are features or in memory only.
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
    named = {"method": name, "benchmark": data.spec, "evaluate": {"split": part.name}}
    config: RunConfig = resolve(merge_tables(settings or {}, named), None, base)
    run = prepare_run(config, device, store=data.store)
    model = load_trained(run, Path(checkpoint)) if checkpoint else train(run, Quiet())
    folder = Path(checkpoint).parent if checkpoint else run.folder
    evaluate = run.config.evaluate
    loader = run.loader(
        part.name, run.test_task, evaluate.seed, evaluate.sampler, evaluate.sampler_options
    )
    seeds = [run.config.train.seed]
    subject = subject_of(run, model, data.store.split(part.name), seeds, folder)
    return measure(run.method, model.params, loader, subject, evaluate)
