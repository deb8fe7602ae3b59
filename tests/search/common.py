"""A data set without scikit-learn, a tiny network, and a search over them."""

import torch

from fewshot_bench.search.spec import Problem, SearchSpec
from fewshot_bench.supervised.data import Examples, SupervisedData
from fewshot_bench.supervised.models import MLP
from fewshot_bench.supervised.train import Recipe

CROSS_ENTROPY = "mul(-1,mul(y,log(f(x))))"
SQUARED_ERROR = "square(sub(y,f(x)))"


def make_data(task="classification", n=40, dtype=torch.float32):
    """Three parts of points whose class, or value, a linear model can tell."""
    generator = torch.Generator().manual_seed(0)

    def examples():
        x = torch.randn(n, 4, generator=generator, dtype=dtype)
        if task == "classification":
            return Examples(x, x[:, :3].argmax(1))
        return Examples(x, x[:, :1] - x[:, 1:2])

    outputs = 3 if task == "classification" else 1
    return SupervisedData("points", task, outputs, examples(), examples(), examples())


def make_problem(task="classification", hidden=(5,)):
    data = make_data(task)
    return Problem(data, MLP((4, *hidden, data.n_outputs)))


def make_spec(method="evomal", **changes):
    settings = {
        "population": 6,
        "recipe": Recipe(steps=10, batch_size=16),
        "local_steps": 4,
        "protocol_steps": 10,
    }
    return SearchSpec(method, "wine", "linear", **settings | changes)
