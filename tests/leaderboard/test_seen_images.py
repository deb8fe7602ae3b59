"""What checks of results take for the images that a model saw."""

from types import SimpleNamespace

import pytest

from fewshot_bench.leaderboard.checks.settings import image_channels, image_side


@pytest.mark.parametrize(
    ("told", "side", "channels"),
    [
        ({"resize": "32x32, aspect ratio not kept", "channels": 3}, 32, 3),
        (
            {
                "resize": "32x32, aspect ratio not kept",
                "then_resize": "84x84, bilinear (antialiased), of the stored 32x32",
                "channels": 3,
                "then_channels": "grey by luma",
            },
            84,
            1,
        ),
        ({"channels": 1, "then_channels": "grey, three times"}, None, 3),
        ({}, None, None),
    ],
)
def test_a_model_of_other_data_sees_images_as_it_was_trained_on(told, side, channels):
    document = SimpleNamespace(dataset=SimpleNamespace(preprocessing=told))
    assert (image_side(document), image_channels(document)) == (side, channels)
