"""torch tells only through a private function whether a transform is under way."""

import torch

from fewshot_bench.nn.transformed import inside_transform


def test_transforms_are_noticed():
    inside = []

    def note(x):
        inside.append(inside_transform())
        return x.sum()

    torch.func.vmap(note)(torch.ones(2, 3))
    torch.func.grad(note)(torch.ones(3))
    note(torch.ones(3))
    assert inside == [True, True, False]
