"""The work behind ``fsbench results rerun``: a stored result measured again. Imports torch."""

from fewshot_bench.cli.measure import measure_one
from fewshot_bench.cli.progress import console
from fewshot_bench.cli.work import obtain_model, open_run
from fewshot_bench.errors import DataError
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.rerun import Again, config_again, cut


def again(
    stored: Result,
    episodes: int,
    benchmark: str | None,
    device: str,
    workers: int,
    *,
    quiet: bool,
) -> Again:
    """Find or train the model of a stored result, and run its first episodes.

    The cache finds a model by the hash of its configuration, data and code; whether it is the
    stored one is told by the hash of its weights.

    Args:
        stored: one seed of a row.
        episodes: how many of its episodes.
        benchmark: where the data lie; None where their name tells.
        device: where it is computed.
        workers: loader threads.
        quiet: show no progress.

    Raises:
        ConfigError: this suite did not train it.
        DataError: its data are not prepared here, or are others.
    """
    out, document = console(quiet), stored.document
    config = config_again(document, episodes)
    if benchmark is not None:
        config = config.model_copy(update={"benchmark": benchmark})
    run = open_run(config, device, workers, out=out)
    tested = run.tested.split(run.config.evaluate.split)
    if tested.source_fingerprint != document.dataset.fingerprint:
        raise DataError(
            f"the images of {document.dataset.id} here are {tested.source_fingerprint[:12]}, those"
            f" of the result {document.dataset.fingerprint[:12]}; prepare the same ones"
        )
    model = obtain_model(run, out)
    seeds = document.checkpoint.seed_group or [document.checkpoint.training_seed]
    return cut(stored, measure_one(run, model, seeds, None, out))
