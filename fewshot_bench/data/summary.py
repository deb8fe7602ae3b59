"""What a store holds, in numbers."""

from typing import Any

from fewshot_bench.data.benchmark import SPLITS
from fewshot_bench.data.notices import Notice
from fewshot_bench.data.split import RandomSplit
from fewshot_bench.data.store import ImageStore


def summary(store: ImageStore) -> dict[str, Any]:
    """Counts, sizes and identity of a store, fit for JSON.

    Returns:
        ``benchmark``, ``folder``, ``layout``, ``image_size`` (pixels), ``channels``, ``rotations``,
        ``bytes``, ``fingerprint``, ``raw_sha256``, ``missing`` (class names), ``skipped`` (images),
        ``notices``, ``split`` (the random rule, or None), ``preprocessing``
        and ``splits``: for each split that has classes, the numbers of ``classes`` (as drawn or
        photographed, without rotations) and ``images``, and the fewest and most images of a class,
        ``min_per_class`` and ``max_per_class``.
    """
    m = store.manifest
    return {
        "benchmark": m.benchmark,
        "folder": str(store.folder),
        "layout": m.layout,
        "image_size": m.image_size,
        "channels": m.channels,
        "rotations": m.rotations,
        "bytes": int(store.images.nbytes),
        "fingerprint": m.fingerprint,
        "raw_sha256": m.raw_sha256,
        "missing": m.missing,
        "skipped": m.skipped,
        "notices": m.notices,
        "split": m.split,
        "preprocessing": m.preprocessing,
        "splits": {split: _counts(m.classes[split]) for split in SPLITS if m.classes.get(split)},
    }


def _counts(sizes: dict[str, int]) -> dict[str, int]:
    return {
        "classes": len(sizes),
        "images": sum(sizes.values()),
        "min_per_class": min(sizes.values()),
        "max_per_class": max(sizes.values()),
    }


def lines(facts: dict[str, Any]) -> list[str]:
    """The same for people, one statement a line."""
    colour = "grey" if facts["channels"] == 1 else "RGB"
    text = [
        f"{facts['benchmark']}: {facts['image_size']}x{facts['image_size']} {colour},"
        f" {facts['bytes'] / 1e6:,.0f} MB in {facts['folder']}",
        f"read from: {facts['layout']}",
        *_split_rule(facts["split"]),
        *_depth(facts["preprocessing"]),
        *(f"  {_split_line(name, counts, facts)}" for name, counts in facts["splits"].items()),
    ]
    if facts["missing"]:
        text.append(f"missing classes: {len(facts['missing'])} ({_some(facts['missing'])})")
    if facts["skipped"]:
        names = [f"{image['class']}/{image['key']}" for image in facts["skipped"]]
        text.append(f"damaged images left out: {len(names)} ({_some(names)})")
    text += [Notice.from_json(notice).line() for notice in facts["notices"]]
    return [*text, f"fingerprint: {facts['fingerprint']}"]


def _split_rule(record: dict[str, Any] | None) -> list[str]:
    if record is None:
        return []
    rule = RandomSplit(record["train"], record["val"], record["test"], record["seed"])
    return [f"split: {rule} (the data have none of their own)"]


def _depth(preprocessing: dict[str, Any]) -> list[str]:
    bits = preprocessing.get("bits", 16)
    return [f"images of 16 bits use {bits} of them; their contrast is kept"] if bits < 16 else []


def _split_line(name: str, counts: dict[str, int], facts: dict[str, Any]) -> str:
    low, high = counts["min_per_class"], counts["max_per_class"]
    each = f"{low}" if low == high else f"{low} to {high}"
    turned = f" (x4 by rotation: {4 * counts['classes']:,})" if facts["rotations"] else ""
    return (
        f"{name + ':':<6} {counts['classes']:>5,} classes{turned},"
        f" {counts['images']:>7,} images, {each} in each class"
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
