"""What a result says of a model that this suite trained."""

from collections.abc import Sequence
from pathlib import Path

from fewshot_bench.data.pool import Pool
from fewshot_bench.evaluation import document
from fewshot_bench.evaluation.classes import class_hashes
from fewshot_bench.evaluation.describe import describe_dataset
from fewshot_bench.evaluation.run import Subject, method_facts
from fewshot_bench.files import sha256
from fewshot_bench.registry import METHODS
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.training.checkpoint import Checkpoint
from fewshot_bench.training.identity import loss_hashes
from fewshot_bench.training.log import learning_curve
from fewshot_bench.training.run import Run

STAGE_NAMES = {"pretrain": "classify"}  # parts of older model files -> stages
LAST_STAGE = "meta-train"


def subject_of(
    run: Run, model: Checkpoint, split: Pool, seeds: Sequence[int], log: Path
) -> Subject:
    """The facts of a trained model.

    Args:
        run: what it was trained for.
        model: its parameters.
        split: what it will be measured on.
        seeds: all training seeds that are measured together.
        log: folder that holds the record of its training.
    """
    return Subject(
        method=method_of(run),
        checkpoint=_checkpoint(model, seeds, trained=run.method.traits.trains),
        dataset=describe_dataset(run.store.manifest, split),
        training=document.Training(curve=learning_curve(log)),
        train_s=model.info.get("seconds"),
    )


def method_of(run: Run) -> document.Method:
    """The method of a run and its settings."""
    # A folder's path is the user's own affair; its name is enough.
    config = {**run.config.model_dump(), "benchmark": run.store.manifest.benchmark}
    return method_facts(
        run.config.method,
        run.method.traits.setting,
        config,
        adaptation=METHODS.entry(run.config.method).adaptation,
        told_counts=run.method.traits.told_counts,
        code_sha256=_code_sha256(run),
    )


def _code_sha256(run: Run) -> str | None:
    """Of everything from outside this package that makes the method: sources and loss files."""
    parts = [*run.code, *loss_hashes(run.config)]
    return sha256("".join(parts).encode()) if len(parts) > 1 else next(iter(parts), None)


def _checkpoint(model: Checkpoint, seeds: Sequence[int], *, trained: bool) -> document.Checkpoint:
    """What was measured and how it was chosen; ``trained`` by episodes, or put together."""
    info = model.info
    parts = info.get("stages", info.get("parts", {}))
    chosen = {STAGE_NAMES.get(name, name): part for name, part in parts.items()}
    if trained:
        chosen[LAST_STAGE] = info["selection"]
    stages = [
        document.Stage(name=name, selection=document.Selection.model_validate(part))
        for name, part in chosen.items()
    ]
    return document.Checkpoint(
        sha256=tensors_sha256(model.params),
        n_params=sum(value.numel() for value in model.params.values()),
        weights="",
        training_seed=info["config"]["train"]["seed"],
        seed_group=sorted(seeds),
        training_benchmark=info["benchmark"],
        training_fingerprint=info["fingerprint"],
        training_class_hashes=class_hashes(info["train_classes"]),
        external_data=False,
        trained_on="",
        stages=stages,
        selection=document.Selection.model_validate(info["selection"]),
    )
