"""How numbers are written wherever people read them: tables, pictures and terminals alike.

The page writes them by the same rules, see ``leaderboard/page/values.js``.
"""

from collections.abc import Iterable

FLAGS = {
    "bound_used": "the limits are a bound, wider than needed",
    "clipped": "a limit was cut at 0 or 1",
    "degenerate": "all values are equal",
    "few_seeds": "few training seeds",
    "few_visits": "each image was seen few times",
    "ij": "infinitesimal jackknife",
    "one_episode": "one episode gives no interval",
    "small_sample": "few values, so the limits rest on normality",
    "unequal_episodes": "episodes differ in their numbers of queries",
    "unpaired": "different episodes",
}


def flag_words(flags: Iterable[str]) -> str:
    """Flags of an interval in words; one that is not known here without its underscores."""
    return ", ".join(FLAGS.get(flag, flag.replace("_", " ")) for flag in flags)


def points(fraction: float, *, signed: bool = False) -> str:
    """An accuracy or a difference in percent points, two decimals; nothing is minus zero.

    Example:
        >>> points(0.487), points(-0.000001), points(0.0123, signed=True)
        ('48.70', '0.00', '+1.23')
    """
    text = f"{100 * fraction:.2f}"
    text = "0.00" if text == "-0.00" else text
    return f"+{text}" if signed and not text.startswith("-") and text != "0.00" else text


def p_value(p: float) -> str:
    """A p value in few characters: what is below a thousandth is not told apart.

    Example:
        >>> p_value(1e-9), p_value(0.0312), p_value(0.3456)
        ('<0.001', '0.031', '0.35')
    """
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def p_words(p: float) -> str:
    """The same with its name: ``p < 0.001``, ``p = 0.031``."""
    text = p_value(p)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def ranks_text(ranks: tuple[int, int]) -> str:
    """``1-3``, or ``2`` where no other rank is possible."""
    best, worst = ranks
    return str(best) if best == worst else f"{best}-{worst}"
