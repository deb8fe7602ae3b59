"""Losses for any training loop in PyTorch: modules, files of learned losses, and AdaLFL.

criterion = SparseLSR(0.1)                      # as torch.nn.CrossEntropyLoss
criterion = load("digits.json")                 # what fsbench loss search or train wrote
ada = AdaLFL(net, optimizer)                    # a loss that is learned while net is trained
"""

from fewshot_bench.losses.adaptive import AdaLFL
from fewshot_bench.losses.modules import (
    FocalLoss,
    LabelSmoothing,
    Loss,
    SparseLSR,
    TaylorLoss,
    load,
)

__all__ = ["AdaLFL", "FocalLoss", "LabelSmoothing", "Loss", "SparseLSR", "TaylorLoss", "load"]
