"""What a result says of a model that this suite trained."""

from collections.abc import Sequence
from pathlib import Path

from fewshot_bench.data.features.table import Embedding
from fewshot_bench.data.pool import Pool
from fewshot_bench.evaluation import document
from fewshot_bench.evaluation.classes import class_hashes
from fewshot_bench.evaluation.describe import describe_dataset
from fewshot_bench.evaluation.run import Subject, method_facts
from fewshot_bench.files import sha256
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.registry import METHODS
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
        checkpoint=_tuned(_checkpoint(run, model, seeds), run),
        dataset=describe_dataset(run.tested.manifest, split),
        training=document.Training(curve=learning_curve(log)),
        train_s=model.info.get("seconds"),
    )


def method_of(run: Run) -> document.Method:
    """The method of a run and its settings."""
    # Paths of folders and weights are the user's own affair; names and hashes are enough.
    config = {**run.config.model_dump(), "benchmark": run.tested.manifest.benchmark}
    if run.config.train_on is not None:
        config["train_on"] = run.store.manifest.benchmark
    if run.embedding is not None:
        config["weights"] = run.embedding.sha256
        config["backbone"] = run.embedding.backbone or run.config.backbone
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


def _tuned(checkpoint: document.Checkpoint, run: Run) -> document.Checkpoint:
    """The same with how its settings were chosen, and what was looked at to choose them."""
    tuning = run.config.tuning
    if tuning is None:
        return checkpoint
    known = checkpoint.selection or document.Selection(split="none", step=0)
    looked = (known.n_candidates or 0) + tuning.n_candidates
    chosen = known.model_copy(update={"n_candidates": looked})
    told = document.Tuning.model_validate(tuning.model_dump())
    return checkpoint.model_copy(update={"selection": chosen, "tuning": told})


def _checkpoint(run: Run, model: Checkpoint, seeds: Sequence[int]) -> document.Checkpoint:
    """What was measured and how it was chosen."""
    info, given = model.info, run.embedding or Embedding("")
    parts = info.get("stages", info.get("parts", {}))
    chosen = {STAGE_NAMES.get(name, name): part for name, part in parts.items()}
    if run.method.traits.trains:
        chosen[LAST_STAGE] = info["selection"]
    stages = [
        document.Stage(name=name, selection=document.Selection.model_validate(part))
        for name, part in chosen.items()
    ]
    return document.Checkpoint(
        sha256=_weights_sha256(run, model),
        n_params=_count(run, model),
        weights=given.weights,
        training_seed=info["config"]["train"]["seed"],
        seed_group=sorted(seeds),
        training_benchmark=info["benchmark"],
        training_fingerprint=info["fingerprint"],
        training_class_hashes=class_hashes(info["train_classes"]),
        external_data=bool(given.trained_on),
        trained_on=given.trained_on,
        stages=stages,
        selection=document.Selection.model_validate(info["selection"]),
    )


def _weights_sha256(run: Run, model: Checkpoint) -> str:
    """Of all that decides predictions: parameters of the model file, and weights beside them."""
    own = tensors_sha256(model.params)
    return own if run.embedding is None else sha256(f"{own}\n{run.embedding.sha256}".encode())


def _count(run: Run, model: Checkpoint) -> int:
    """Numbers in all parameters; weights from elsewhere stand in the model file if they train."""
    own = sum(value.numel() for value in model.params.values())
    inside = any(name.startswith("backbone.") for name in model.params)
    return own if inside or run.embedding is None else own + run.embedding.n_params
