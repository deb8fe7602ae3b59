"""Parts of an inner loop made from their registered names."""

from typing import Any

from fewshot_bench.inner.losses.library import is_file, loss_from, named_file
from fewshot_bench.inner.losses.starting_at import StartingAt
from fewshot_bench.inner.protocols import InnerLoss, InnerOptimizer
from fewshot_bench.nn.heads import Head
from fewshot_bench.registry import HEADS, OPTIMIZERS

Options = dict[str, Any]


def make_optimizer(name: str, known: Options, options: Options | None = None) -> InnerOptimizer:
    """Make a registered inner optimiser.

    Args:
        name: registered name.
        known: what the method knows (``lr``, ``n_steps``, ``convolutions``); an optimiser takes
            what it names.
        options: of the user's; they go before what the method knows.

    Raises:
        ConfigError: unknown name or option.
    """
    optimizer: InnerOptimizer = OPTIMIZERS.make(name, options, known)
    return optimizer


def make_head(name: str, features: int, options: Options | None = None) -> Head:
    """Make a registered head for features of this length; raises ConfigError as above."""
    head: Head = HEADS.make(name, options, {"features": features})
    return head


def make_loss(name: str, options: Options | None = None) -> InnerLoss:
    """A registered loss, or a learned one from a file, whose numbers are learned on.

    Args:
        name: a registered name, or the path of a loss file.
        options: of a registered loss.

    Raises:
        ConfigError: unknown name or option.
        DataError: a file that is not a possible loss, or one for regression.
    """
    if not is_file(name):
        return loss_from(name, **(options or {}))
    file = named_file(name, "classification", options or {})
    return StartingAt(file.structure(), file.phi())
