"""AdaLFL for a training loop of one's own: a loss that is learned while any module is trained.

Raymond, Chen, Xue, Zhang: Meta-Learning Adaptive Loss Functions, 2023, arXiv 2301.13247; see
:mod:`fewshot_bench.training.adalfl`, which is the same on the suite's own networks.

    ada = AdaLFL(net, torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9))
    ada.start(batches, held_out, steps=250)
    for batch in loader:
        ada.step(batch, next(held_out))
"""

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from fewshot_bench.errors import ConfigError, TrainingError
from fewshot_bench.inner.losses.frozen import FrozenNetwork
from fewshot_bench.inner.losses.loss_file import to_file
from fewshot_bench.inner.losses.network import LossNetwork, adalfl
from fewshot_bench.inner.losses.per_output import Task, criterion
from fewshot_bench.losses.modules import Loss
from fewshot_bench.losses.sgd import check_sgd, moved, rules
from fewshot_bench.nn.params import Params
from fewshot_bench.supervised.offline import update
from fewshot_bench.supervised.train import LOSS, WEIGHTS, Batch, generator, leaves, task_criterion


class AdaLFL:
    """A loss network and what it is learned with, beside a module and its optimiser.

    Args:
        model: any module from inputs to logits (N, C), or outputs (N, C) of a regression.
        optimizer: ``torch.optim.SGD`` over parameters of the model. Its step is differentiated,
            with momentum, Nesterov and weight decay.
        task: ``classification`` or ``regression``.
        network: structure of the loss network; None for AdaLFL's own.
        lr: of Adam on the loss, during training.
        seed: of everything that is drawn here.

    Raises:
        ConfigError: an optimiser of another kind.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        task: Task = "classification",
        network: LossNetwork | None = None,
        lr: float = 1e-5,
        seed: int = 0,
    ) -> None:
        self.model, self.optimizer = model, check_sgd(optimizer)
        self.task: Task = task
        self.network = network or adalfl()
        self.seed = seed
        device = next(model.parameters()).device
        drawn = self.network.init(generator(seed, LOSS))
        self.phi = leaves({name: value.to(device) for name, value in drawn.items()})
        self._adam = torch.optim.Adam(list(self.phi.values()), lr=lr)
        self._updates = 0

    def start(
        self,
        batches: Iterable[Batch],
        held_out: Iterable[Batch],
        *,
        steps: int = 250,
        lr: float = 1e-3,
        horizon: int = 1,
        fresh: Callable[[], Mapping[str, Tensor]] | None = None,
    ) -> None:
        """Learn the loss before training: from fresh weights each time, the model stays as it is.

        Args:
            batches: inputs and targets to train with, for instance a ``DataLoader``; from its
                start again where it ends.
            held_out: inputs and targets to judge by, likewise.
            steps: updates of the loss.
            lr: of Adam on the loss, here.
            horizon: training steps in each update.
            fresh: new initial weights by the names of the model's parameters; None calls the
                ``reset_parameters`` of its layers.

        Raises:
            ConfigError: layers with weights but without ``reset_parameters``, and no ``fresh``.
            TrainingError: the learned loss or its gradient is not finite.
        """
        fresh = fresh or _Resetting(self.model, self.seed)
        adam = torch.optim.Adam(list(self.phi.values()), lr=lr)
        optimizers = rules(self.model, self.optimizer)
        inner, outer = _endless(batches), _endless(held_out)
        for step in range(steps):
            weights = {name: value.detach().requires_grad_() for name, value in fresh().items()}
            weights = {name: weights[name] for name in optimizers}
            state: Params = {}
            buffers = self._buffers()
            for batch in itertools.islice(inner, horizon):
                loss = self._learned(weights, buffers, batch)
                if not loss.isfinite():
                    raise TrainingError(f"the learned loss is not finite in its update {step}")
                weights, state, _ = moved(loss, weights, state, optimizers)
            update(adam, self.phi, self._usual(weights, buffers, next(outer)), step)

    def step(self, batch: Batch, held_out: Batch) -> float:
        """Train the model by one step of its optimiser, then the loss by what came of it.

        Args:
            batch: inputs and targets that the model learns from.
            held_out: inputs and targets that judge the model after its step.

        Returns:
            The task loss of the held-out batch after the step: cross-entropy or squared error.

        Raises:
            TrainingError: the learned loss or its gradient is not finite; nothing has changed
                but statistics of normalisation layers.
        """
        optimizers = rules(self.model, self.optimizer)
        named: Params = dict(self.model.named_parameters())
        weights = {name: named[name] for name in optimizers}
        buffers = dict(self.model.named_buffers())  # normalisation layers update them in place
        loss = self._learned(weights, buffers, batch)
        if not loss.isfinite():
            raise TrainingError(f"the learned loss is not finite in step {self._updates}")
        after = moved(loss, weights, self._state(named), optimizers)
        usual = self._usual(after.weights, self._buffers(), held_out)
        update(self._adam, self.phi, usual, self._updates)
        for name, gradient in after.gradients.items():
            named[name].grad = gradient.detach()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._updates += 1
        return usual.item()

    def loss(self) -> Loss:
        """The loss as it is now, as a module with nothing to learn."""
        weights = {name: value.detach().clone() for name, value in self.phi.items()}
        return Loss(FrozenNetwork(self.network, weights), task=self.task)

    def save(self, path: Path, **facts: Any) -> None:
        """Write the loss as it is now to a file, which can be named wherever a loss can.

        Args:
            path: ending in ``.json``.
            facts: ``provenance``, a dict for people.
        """
        to_file(path, self.network, self.phi, self.task, **facts)

    def state_dict(self) -> dict[str, Any]:
        """Loss and its optimiser; the model and its own have theirs."""
        phi = {name: value.detach().clone() for name, value in self.phi.items()}
        return {
            "phi": phi,
            "adam": copy.deepcopy(self._adam.state_dict()),
            "updates": self._updates,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave.

        Raises:
            ConfigError: it is of a loss network of another shape.
        """
        found = {name: value.shape for name, value in state["phi"].items()}
        if found != {name: value.shape for name, value in self.phi.items()}:
            raise ConfigError("the state is that of a loss network of another shape")
        with torch.no_grad():
            for name, value in self.phi.items():
                value.copy_(state["phi"][name])
        self._adam.load_state_dict(state["adam"])
        self._updates = state["updates"]

    def _buffers(self) -> Params:
        """Copies, which a pass may change."""
        return {name: value.clone() for name, value in self.model.named_buffers()}

    def _state(self, named: Mapping[str, Tensor]) -> Params:
        """Momenta as they are before the step."""
        found = {
            name: self.optimizer.state[value].get("momentum_buffer")
            for name, value in named.items()
            if value in self.optimizer.state
        }
        return {name: value for name, value in found.items() if value is not None}

    def _learned(self, weights: Params, buffers: Params, batch: Batch) -> Tensor:
        x, y = batch
        outputs = functional_call(self.model, {**weights, **buffers}, (x,))
        return criterion(self.network, self.phi, self.task)(outputs, y)

    def _usual(self, weights: Params, buffers: Params, batch: Batch) -> Tensor:
        x, y = batch
        outputs = functional_call(self.model, {**weights, **buffers}, (x,))
        return task_criterion(self.task)(outputs, y)


def _endless(batches: Iterable[Batch]) -> Iterator[Batch]:
    while True:
        before = None
        for before in batches:
            yield before
        if before is None:
            raise ConfigError("there are no batches to learn a loss from")


class _Resetting:
    """Fresh weights of a module by its layers' own ``reset_parameters``, the same for a seed."""

    def __init__(self, model: torch.nn.Module, seed: int) -> None:
        self._model = copy.deepcopy(model)
        self._seeds = generator(seed, WEIGHTS)
        self._layers = [m for m in self._model.modules() if list(m.parameters(recurse=False))]
        stuck = [type(m).__name__ for m in self._layers if not hasattr(m, "reset_parameters")]
        if stuck:
            raise ConfigError(
                f"{stuck[0]} has no reset_parameters; give fresh=, a function that returns new"
                " initial weights by name"
            )

    def __call__(self) -> Mapping[str, Tensor]:
        """New weights by name."""
        seed = int(torch.randint(2**62, (), generator=self._seeds))
        with torch.random.fork_rng():  # layers draw from torch's global generator
            torch.manual_seed(seed)
            for layer in self._layers:
                layer.reset_parameters()  # type: ignore[operator]
        return {name: value.detach().clone() for name, value in self._model.named_parameters()}
