"""The work behind ``fsbench evaluate``: obtain models, run the episodes, report. Imports torch."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from fewshot_bench.cli.progress import MinuteLines, TrainingDisplay, console, progress_bar
from fewshot_bench.cli.report import report
from fewshot_bench.cli.work import obtain_model, open_run
from fewshot_bench.config import RunConfig
from fewshot_bench.errors import ConfigError, ResultError
from fewshot_bench.evaluation import run as evaluation
from fewshot_bench.evaluation.protocol import task_words
from fewshot_bench.evaluation.result import Result, another_result, stored_table, write_result
from fewshot_bench.files import disk_errors, safe_name
from fewshot_bench.training.checkpoint import Checkpoint
from fewshot_bench.training.measure import check_possible, ready_for
from fewshot_bench.training.run import Run, load_trained
from fewshot_bench.training.subject import method_of
from fewshot_bench.world import current


@dataclass(frozen=True)
class Output:
    """Where results go, and what is said of them.

    Attributes:
        folder: None for a folder of each result's own.
        overwrite: whether another result that is there may be replaced.
        quiet: show no progress and print no remarks.
        as_json: print JSON in place of text.
        says: print the accuracy at all.
    """

    folder: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    as_json: bool = False
    says: bool = True

    def of_seed(self, seed: int, seeds: Sequence[int]) -> Path | None:
        """Several seeds go side by side in the folder that the user chose."""
        if self.folder is None or len(seeds) == 1:
            return self.folder
        return self.folder / f"seed-{seed}"


def measure(
    config: RunConfig,
    seeds: Sequence[int],
    checkpoint: Path | None,
    device: str,
    workers: int,
    output: Output,
    bank: str = "auto",
) -> list[Result]:
    """Evaluate one configuration with each seed, print the accuracy and write the results."""
    if len(seeds) > 1 and (checkpoint or config.evaluate.until_half_width):
        raise ConfigError("--seeds does not go with --checkpoint or --until-half-width")
    evaluation.check_question(config.evaluate, len(seeds))
    out = console(output.quiet)
    runs = with_seeds(open_run(config, device, workers, bank=bank, out=out), seeds)
    for note in check_possible(runs[0]):
        out.print(note, markup=False)
    _check_free(runs, seeds, output)
    results: list[Result] = []
    folders: list[Path] = []
    for run, seed in zip(runs, seeds, strict=True):
        model = load_trained(run, checkpoint) if checkpoint else obtain_model(run, out)
        results.append(measure_one(run, model, seeds, checkpoint, out))
        folders.append(output.of_seed(seed, seeds) or _own_folder(results[-1]))
        if current().leads:
            write_result(results[-1], folders[-1], overwrite=output.overwrite)
    if output.says:
        report(runs[-1], results, folders, output.quiet, output.as_json)
    return results


def with_seeds(run: Run, seeds: Sequence[int]) -> list[Run]:
    """The same run with other training seeds."""
    trains = [run.config.train.model_copy(update={"seed": seed}) for seed in seeds]
    configs = [run.config.model_copy(update={"train": train}) for train in trains]
    return [dataclasses.replace(run, config=config) for config in configs]


def _check_free(runs: Sequence[Run], seeds: Sequence[int], output: Output) -> None:
    """Raise an error, before hours of training, if a result can't be written where it should go."""
    if output.folder is None:
        return
    with disk_errors(str(output.folder)):
        output.folder.mkdir(parents=True, exist_ok=True)
    for run, seed in zip(runs, seeds, strict=True):
        folder = output.of_seed(seed, seeds)
        there = stored_table(folder) if folder and not output.overwrite else None
        if there is None:
            continue
        method = there.get("method")
        stored = method.get("config_sha256") if isinstance(method, dict) else None
        if stored != method_of(run).config_sha256:
            raise ResultError(another_result(folder or output.folder))


def measure_one(
    run: Run, model: Checkpoint, seeds: Sequence[int], checkpoint: Path | None, out: Console
) -> Result:
    """Run the test episodes of one trained model, with a bar.

    Args:
        run: what is measured.
        model: its parameters.
        seeds: all training seeds that are measured together.
        checkpoint: file that the model comes from; None if it is the run's own.
        out: where the bar is shown.
    """
    log = checkpoint.parent if checkpoint else run.folder
    total = evaluation.number_of_episodes(run.test_loader().sampler, run.config.evaluate)
    with TrainingDisplay(out) as display:
        ready = ready_for(run, model, total, display)
    lines = MinuteLines(out)
    with progress_bar(out) as bar:
        task = bar.add_task("testing", total=total, note="", begun=0, per_step=1)
        lines.begin("testing")

        def show(episodes: int) -> None:
            bar.advance(task, episodes)
            lines.at(int(bar.tasks[task].completed), total)

        return ready.measure(seeds, log, show)


def _own_folder(result: Result) -> Path:
    """Where a result goes if the user names no folder."""
    document = result.document
    protocol = document.protocol
    shape = task_words(protocol.way, protocol.shot) or protocol.sampler.drawing
    parts = (
        document.dataset.id,
        shape.replace(" ", "-"),
        document.method.id,
        document.result_id[:12],
    )
    return Path("fsbench-results").joinpath(*map(safe_name, parts))
