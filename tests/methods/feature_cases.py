"""Feature episodes for the tests of transforms, classifiers and refiners."""

import torch

from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.algebra import unit
from fewshot_bench.nn.heads import prototypes, squared_distances

F64 = torch.float64

# Fixture A of the specification, classes in mixed order; the base mean is that of another set.
SUPPORT = torch.tensor(
    [
        [1.0, 0.2, 0.1],
        [0.1, 0.9, 0.3],
        [0.2, 0.1, 1.1],
        [0.8, 0.4, 0.0],
        [0.3, 1.2, 0.2],
        [0.0, 0.3, 0.7],
    ],
    dtype=F64,
)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
QUERY = torch.tensor([[0.7, 0.3, 0.2], [0.4, 0.8, 0.1], [0.1, 0.4, 0.9], [0.5] * 3], dtype=F64)
BASE_MEAN = torch.tensor([0.3, 0.4, 0.2], dtype=F64)
N_WAY = 3


def rows(text):
    """Numbers of the specification: queries apart by ``|``."""
    return torch.tensor([[float(x) for x in row.split()] for row in text.split("|")], dtype=F64)


def close(actual, expected, atol=6e-9):
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def part(registry, name, features, **options):
    """A registered part and its parameters in float64."""
    entry = registry.entry(name)
    made = entry.load()(**{**entry.options, **options})
    params = made.init(features, torch.Generator().manual_seed(0))
    return made, {key: value.double() for key, value in params.items()}


def classify(classifier, support=SUPPORT, labels=LABELS, query=QUERY, n_way=N_WAY, params=None):
    return classifier(params or {}, support, labels, query, n_way)


def refine(refiner, support=None, query=None, params=None):
    """Refined shares on fixture A at length 1, by the nearest mean."""
    support = unit(SUPPORT) if support is None else support
    query = unit(QUERY) if query is None else query
    logits = -squared_distances(query, prototypes(support, LABELS, N_WAY))
    return refiner(params or {}, Sets.of(support, LABELS, query, N_WAY), logits).exp()


def batch(episodes=3, features=12, shots=(1, 3, 2, 4), queries=9, seed=0, dtype=F64):
    """Episodes with unequal shots in an order of their own each; features are mostly positive."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.cat([torch.full((n,), k) for k, n in enumerate(shots)])
    labels = torch.stack(
        [labels[torch.randperm(len(labels), generator=g)] for _ in range(episodes)]
    )
    centre = torch.randn(episodes, len(shots), features, generator=g, dtype=dtype).abs()
    at = labels.unsqueeze(-1).expand(-1, -1, features)
    noise = torch.randn(*labels.shape, features, generator=g, dtype=dtype)
    support = centre.gather(1, at) + 0.4 * noise
    drawn = torch.randint(len(shots), (episodes, queries, 1), generator=g)
    noise = torch.randn(episodes, queries, features, generator=g, dtype=dtype)
    query = centre.gather(1, drawn.expand(-1, -1, features)) + 0.4 * noise
    return support, labels, query, len(shots)


def names(registry, *left_out):
    return [entry.name for entry in registry if entry.name not in left_out]
