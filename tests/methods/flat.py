"""Fixture A of the specification as images of one pixel, for methods that see images."""

from fewshot_bench.data.loader import Episode
from fewshot_bench.nn.backbone import Backbone
from tests.methods.feature_cases import LABELS, N_WAY, QUERY, SUPPORT

FLAT = Backbone((), feature_dim=3, pool=False)  # features are the images themselves


def fixture_a(labels=None):
    """The episode, its three channels being the features; query labels where they are given."""
    images = (x[:, :, None, None] for x in (SUPPORT, QUERY))
    support, query = images
    return Episode(support, LABELS, query, labels, N_WAY)
