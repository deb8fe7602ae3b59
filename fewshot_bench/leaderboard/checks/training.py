"""Checks of the training: its length, its stages, and how the model was selected."""

import math
from collections.abc import Iterator

from fewshot_bench.config import RunConfig
from fewshot_bench.evaluation.document import Checkpoint, Selection
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.checks.settings import config_of, made

LAST_STAGE = "meta-train"
NOTHING = "none"  # of a selection: the parameters are those of the last step
OLD_STAGES = 3  # since this schema documents name their stages,
GROUPS = 2  # and since this one the seeds that were measured together


def selection(result: Result) -> Iterator[str]:
    """Selected on validation classes, at a step that was validated, from all that were."""
    checkpoint, config = result.document.checkpoint, config_of(result.document)
    named = [("its model", checkpoint.selection)]
    named += [(f"stage {stage.name}", stage.selection) for stage in checkpoint.stages]
    for what, chosen in named:
        if chosen is None:
            continue
        if chosen.split not in ("val", NOTHING):
            yield f"{what} was selected on {chosen.split}, not on val"
        elif chosen.value is not None and not 0 <= chosen.value <= 1:
            yield f"{what} was selected by the accuracy {chosen.value}"
    if config is None:
        return
    for name, chosen in _by_stage(result).items():
        if chosen is not None and chosen.split == "val":
            yield from _step(name, chosen, config)


def _by_stage(result: Result) -> dict[str, Selection | None]:
    """The selection of each stage; what older documents tell is of the last one."""
    checkpoint = result.document.checkpoint
    if result.document.schema_version < OLD_STAGES:
        return {LAST_STAGE: checkpoint.selection}
    return {stage.name: stage.selection for stage in checkpoint.stages}


def _step(name: str, chosen: Selection, config: RunConfig) -> Iterator[str]:
    """The step of a selection, and from how many it was chosen, fit the length of its stage."""
    settings = config.train if name == LAST_STAGE else config.stages.get(name)
    steps, every = getattr(settings, "steps", None), getattr(settings, "val_every", None)
    if steps is None or every is None:
        return  # said of the stages
    if not 0 <= chosen.step <= steps or (chosen.step % every and chosen.step != steps):
        yield (
            f"stage {name} was selected at step {chosen.step}, but is validated every {every} of"
            f" its {steps} steps"
        )
    validations, told = math.ceil(steps / every), chosen.n_candidates
    # What goes on from other parameters may look at these first.
    if told is not None and told not in (validations, validations + 1):
        yield f"stage {name} was selected from {told} candidates, but has {validations} validations"


def chain(result: Result) -> Iterator[str]:
    """The stages that led to the model are those of the configuration; the last one chose it."""
    document = result.document
    checkpoint, config = document.checkpoint, config_of(document)
    if document.schema_version < OLD_STAGES or config is None:
        return
    names = [stage.name for stage in checkpoint.stages]
    if len(set(names)) != len(names):
        yield "a stage of its training is there twice"
    for name in names:
        if name != LAST_STAGE and (name not in config.stages or not config.stages[name].steps):
            yield f"stage {name} is not in its configuration"
    if names and LAST_STAGE in names[:-1]:
        yield f"{LAST_STAGE} is not its last stage"
    last = checkpoint.stages[-1].selection if len(names) == 1 or LAST_STAGE in names else None
    if last is not None and _without_tuning(checkpoint) != last:
        yield "its selection is not that of its last stage"


def _without_tuning(checkpoint: Checkpoint) -> Selection | None:
    """How the model was selected, of the candidates that its training alone had."""
    chosen, tuning = checkpoint.selection, checkpoint.tuning
    if chosen is None or chosen.n_candidates is None or tuning is None:
        return chosen
    return chosen.model_copy(update={"n_candidates": chosen.n_candidates - tuning.n_candidates})


def trains(result: Result) -> Iterator[str]:
    """Methods with a training of their own have it among their stages, and no others have."""
    document = result.document
    if document.schema_version < OLD_STAGES or (method := made(document)) is None:
        return
    names = [stage.name for stage in document.checkpoint.stages]
    if method.trains != (LAST_STAGE in names):
        has = "has" if method.trains else "has not"
        yield f"{document.method.id} {has} a training of its own; its stages are {names or 'none'}"
    if missing := [name for name in method.stages if name not in names]:
        yield f"{document.method.id} goes on from the stage {missing[0]}, which is not there"


def curve(result: Result) -> Iterator[str]:
    """The learning curve is as long as the training and holds what the model was selected by."""
    document = result.document
    config, points = config_of(document), document.training.curve
    if config is None or not points:
        return
    steps, values = [step for step, _ in points], dict(points)
    train, chosen = config.train, document.checkpoint.selection
    if steps != sorted(set(steps)):
        yield "the steps of its learning curve are not in order"
    elif any(step % train.val_every and step != train.steps for step in steps):
        yield f"its learning curve has steps beside those of train.val_every = {train.val_every}"
    if steps[-1] != train.steps:
        yield f"its learning curve ends at step {steps[-1]}, but train.steps is {train.steps}"
    if not all(0 <= value <= 1 for value in values.values()):
        yield "its learning curve holds values that are no accuracies"
    if chosen is None or chosen.split != "val":
        yield "it has a learning curve, but was not selected by one"
    elif chosen.value != values.get(chosen.step) or chosen.value != max(values.values()):
        yield "it was not selected by the best value of its learning curve"


def tuning(result: Result) -> Iterator[str]:
    """Settings were tuned on validation classes, and what was looked at is counted."""
    checkpoint = result.document.checkpoint
    if (how := checkpoint.tuning) is None:
        return
    if how.split != "val":
        yield f"its settings were tuned on {how.split}, not on val"
    looked = None if checkpoint.selection is None else checkpoint.selection.n_candidates
    if looked is None or looked < how.n_candidates:
        yield f"its tuning looked at {how.n_candidates} candidates, its selection counts {looked}"


def group(result: Result) -> Iterator[str]:
    """The seeds that were measured together are told, each once, its own among them."""
    document = result.document
    checkpoint = document.checkpoint
    seeds, seed = checkpoint.seed_group, checkpoint.training_seed
    trained = document.method.config.train is not None
    if not seeds and trained and document.schema_version >= GROUPS:
        yield "it does not tell which training seeds were measured together"
    if seeds and seed not in seeds:
        yield f"its training seed {seed} is not in its list of seeds {seeds}"
    if seeds != sorted(set(seeds)):
        yield f"its list of seeds {seeds} is not in order, or holds one twice"
