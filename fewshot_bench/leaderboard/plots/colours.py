"""Palettes for screen and print, and what is left of a colour in grey.

``okabe-ito`` is that of Okabe and Ito (2008) without its yellow, which paper swallows. ``tol`` is
Paul Tol's "bright" one (technical note SRON/EPS/TN/09-002). ``grey`` is for journals that print no
colour: what tells series apart there is their marker and line.
"""

from typing import Any

import numpy as np
from matplotlib.colors import to_rgb

from fewshot_bench.errors import ConfigError
from fewshot_bench.stats.validate import Floats

Colours = tuple[str, ...]
PALETTES: dict[str, Colours] = {
    "okabe-ito": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1c1e22"),
    "tol": ("#4477AA", "#EE6677", "#228833", "#AA3377", "#66CCEE", "#BBBBBB", "#1c1e22"),
    "grey": ("#1c1e22", "#a3a3a3", "#555555", "#7d7d7d"),
}


def palette(name: str) -> Colours:
    """The colours of a palette; raises ConfigError for a name that is none."""
    if name not in PALETTES:
        raise ConfigError(f"there is no palette {name!r}; there are {', '.join(PALETTES)}")
    return PALETTES[name]


def linear(colour: Any) -> Floats:
    """A colour without the curve of sRGB, shape (3,), each in [0, 1]."""
    parts = np.array(to_rgb(colour))
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def luminance(colour: Any) -> float:
    """Relative luminance in [0, 1] (WCAG 2): what is left of a colour in grey.

    Example:
        >>> round(luminance("white"), 6), luminance("black")
        (1.0, 0.0)
    """
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(one: Any, other: Any) -> float:
    """From 1 (alike) to 21 (black on white), as WCAG 2 defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
