"""Training a learner around a module with this suite's own loop."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.config import TrainConfig
from fewshot_bench.data.episodes import Task
from fewshot_bench.interface.data import Data
from fewshot_bench.interface.learner import ModuleLearner
from fewshot_bench.interface.observer import Quiet
from fewshot_bench.training.fit import Observer
from fewshot_bench.training.meta_train import MetaTraining, meta_train


@dataclass(frozen=True)
class Trained:
    """How a training ended.

    Attributes:
        step: of the parameters that were kept.
        accuracy: on validation classes, a fraction; None where there are none.
    """

    step: int
    accuracy: float | None


def train(
    learner: ModuleLearner,
    data: Data,
    *,
    n_way: int = 5,
    n_shot: int = 1,
    n_query: int = 15,
    steps: int = 1000,
    meta_batch: int = 4,
    lr: float = 1e-3,
    clip: float | None = None,
    val_every: int = 250,
    val_episodes: int = 100,
    seed: int = 0,
    folder: Path | str | None = None,
    observer: Observer | None = None,
    device: str = "cpu",
) -> Trained:
    """Meta-train a learner; it keeps the parameters of the best validation.

    Args:
        learner: of :func:`fewshot_bench.api.gradient_learner`.
        data: its training classes teach, its validation classes choose.
        n_way: classes of an episode.
        n_shot: support images of each class.
        n_query: query images of each class.
        steps: outer steps of Adam with a cosine schedule.
        meta_batch: episodes of a step.
        lr: outer learning rate.
        clip: bound on each component of the meta-gradient; None for none.
        val_every: steps between validations.
        val_episodes: episodes of a validation.
        seed: of the training episodes.
        folder: where a stopped training goes on from; None for a temporary one.
        observer: told of the progress; None shows nothing.
        device: where it is computed.

    Raises:
        TrainingError: loss or gradient is not finite.
        Interrupted: a signal came; the state is in ``folder``.
    """
    task = Task(n_way, n_shot, n_query)
    config = TrainConfig(
        steps=steps,
        meta_batch=meta_batch,
        lr=lr,
        clip=clip,
        val_every=val_every,
        val_episodes=val_episodes,
        seed=seed,
    )
    method, start = learner.method(data.image), learner.params(data.image)
    val = data.val.loader(task, 0, device=device) if "val" in data.pools else None
    work = MetaTraining(method, data.train.loader(task, seed, device=device), val, config)
    given = {name: value.detach() for name, value in start.items()}
    with tempfile.TemporaryDirectory() as scratch:
        state = meta_train(work, Path(folder or scratch), observer or Quiet(), given)
    learner.load_state_dict(state.kept)
    known = state.best_accuracy if val is not None else None
    return Trained(state.best_step if known is not None else state.step, known)
