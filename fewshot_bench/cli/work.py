"""What ``train`` and ``evaluate`` have in common, with its messages. Imports torch."""

from rich.console import Console

from fewshot_bench.cli.data import progress_bar
from fewshot_bench.cli.progress import TrainingDisplay, console
from fewshot_bench.config import RunConfig
from fewshot_bench.data.features.store import FeatureStore
from fewshot_bench.data.library import parse, store_folder
from fewshot_bench.data.opened import is_features, open_data, open_tested
from fewshot_bench.data.store import MANIFEST, ImageStore
from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.training.checkpoint import Checkpoint
from fewshot_bench.training.run import MODEL, Run, choose_device, prepare_run, train
from fewshot_bench.world import join


def open_run(
    config: RunConfig,
    device: str,
    workers: int,
    strategy: str = "auto",
    *,
    compiled: bool = False,
    bank: str = "auto",
    out: Console | None = None,
) -> Run:
    """Open data and device for a configuration, saying on ``out`` what takes time.

    Processes that share the work meet here.
    """
    world = join()
    out = out or console()
    choose_device(device)  # a typing error shows before the data are read
    name = config.training_benchmark
    tested = None
    with world.one_first():
        store = open_named(name, config.image_size, out)
        if config.train_on is not None and not isinstance(store, FeatureStore):
            with progress_bar(f"preparing {config.benchmark}", out) as progress:
                tested = open_tested(config.benchmark, store.manifest.image_size, progress)
    run = prepare_run(
        config, device, workers, store, strategy, compiled=compiled, tested=tested, bank=bank
    )
    keep_freed_memory(run.image.size)
    return run


def open_named(name: str, image_size: int | None, out: Console) -> ImageStore | FeatureStore:
    """Open data, preparing them first where nothing is needed from the user."""
    if is_features(name):
        return open_data(name, image_size)
    benchmark, path = parse(name)
    made_here = path is not None or benchmark.generate is not None
    if made_here and not (store_folder(name, image_size) / MANIFEST).exists():
        out.print(f"preparing {name}, which is done once")
    with progress_bar(f"preparing {name}", out) as progress:
        return open_data(name, image_size, progress)


def obtain_model(run: Run, out: Console | None = None) -> Checkpoint:
    """Trained parameters: from the cache if they are there, else by training now."""
    out = out or console()
    if not (run.folder / MODEL).exists():
        _announce(out, run)
    with TrainingDisplay(out) as display:
        return train(run, display)


def _announce(out: Console, run: Run) -> None:
    config, method = run.config.train, run.config.method
    if not run.method.traits.trains:
        return
    stages = run.config.stages.items()
    before = [f"{stage.steps} steps of stages.{name}" for name, stage in stages if stage.steps]
    first = f"{', '.join(before)}, then " if before else ""
    out.print(
        f"no trained {method} for this configuration yet; training it on"
        f" {run.config.training_benchmark} ({first}{config.steps} steps of {config.meta_batch}"
        f" {run.train_task.id} episodes, seed {config.seed})"
    )
