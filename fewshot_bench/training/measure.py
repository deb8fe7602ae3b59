"""A trained model on the test episodes of its run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.evaluation import run as evaluation
from fewshot_bench.evaluation.result import Result
from fewshot_bench.methods.base import FewShotMethod
from fewshot_bench.training.bank import Demand, banked
from fewshot_bench.training.checkpoint import Checkpoint
from fewshot_bench.training.context import Run
from fewshot_bench.training.fit import Observer
from fewshot_bench.training.subject import subject_of


def check_possible(run: Run) -> list[str]:
    """Raise ConfigError, before hours of training, if the test can't be made or can't tell.

    Returns:
        What the sampler says of its episodes, one line each.
    """
    settings = run.config.evaluate
    classes = len(run.tested.manifest.classes.get(settings.split, {}))
    evaluation.check_classes(settings, run.test_task.n_way, classes)
    sampler = run.test_loader().sampler
    evaluation.number_of_episodes(sampler, settings)
    return list(sampler.notes)


@dataclass(frozen=True)
class Ready:
    """A trained model whose frozen stages have been run.

    Attributes:
        run: what is measured.
        model: its parameters.
        images: test episodes of images, which a result describes.
        method: the method, from its trunk on where that has been run.
        loader: the same episodes of what the method takes.
    """

    run: Run
    model: Checkpoint
    images: EpisodeLoader
    method: FewShotMethod
    loader: EpisodeLoader

    def measure(
        self, seeds: Sequence[int], log: Path, progress: Callable[[int], None] = lambda _: None
    ) -> Result:
        """Run the test episodes.

        Args:
            seeds: all training seeds that are measured together.
            log: folder that holds the record of the training.
            progress: told the number of episodes done since the last call.
        """
        subject = subject_of(self.run, self.model, self.images.pool, seeds, log)
        settings, params = self.run.config.evaluate, self.model.params
        return evaluation.measure(self.method, params, self.loader, subject, settings, progress)


def ready_for(run: Run, model: Checkpoint, episodes: int, observer: Observer) -> Ready:
    """Run the frozen stages of a trained model on the images of so many test episodes.

    Args:
        run: what is going to be measured.
        model: its parameters.
        episodes: how many at most.
        observer: told of the progress where activations are made.
    """
    images = run.test_loader()
    method, [loader] = banked(run, model.params, [Demand(images, episodes)], observer)
    return Ready(run, model, images, method, loader)
