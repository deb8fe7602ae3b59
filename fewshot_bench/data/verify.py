"""All of a store, hashed again: pixels, index, blocks, and what the manifest says of them."""

import dataclasses
from collections.abc import Iterator

from fewshot_bench.data.benchmark import Benchmark
from fewshot_bench.data.blocks import block_digests
from fewshot_bench.data.store import (
    BLOCKS,
    MANIFEST,
    ImageStore,
    fingerprint,
    index_lines,
    pixel_hash,
)
from fewshot_bench.files import dump_json, sha256, write_atomic
from fewshot_bench.lock import locked


def verify(store: ImageStore) -> list[str]:
    """Hash every image again and compare with the index.

    Returns:
        One line per difference, at most 20 and then a count; empty if all is well.
    """
    differences = list(_differences(store))
    shown = differences[:20]
    return shown if len(differences) <= 20 else [*shown, f"... {len(differences) - 20} more"]


def _differences(store: ImageStore) -> Iterator[str]:
    lines = index_lines(store)
    if len(lines) != len(store.images):
        yield f"{len(lines)} images in the index, {len(store.images)} in the array"
    for number, (line, image) in enumerate(zip(lines, store.images, strict=False), 1):
        if line.count("\t") != 2:
            yield f"line {number} of the index is damaged"
            continue
        name, key, expected = line.split("\t")
        if pixel_hash(image.transpose(1, 2, 0)) != expected:
            yield f"{name} {key}: the pixels are not those that were prepared"
    manifest = store.manifest
    if manifest.blocks_sha256 not in ("", sha256(block_digests(store.images))):
        yield "the blocks of the array do not have the hashes that were written"
    total = sum(map(len, manifest.classes.values())) + len(manifest.missing)
    if fingerprint(lines, len(manifest.missing), total) != manifest.fingerprint:
        yield "the index does not have the fingerprint of the manifest"


def contradictions(store: ImageStore, benchmark: Benchmark) -> list[str]:
    """What a manifest says otherwise than the definition of its benchmark, a line for each.

    A benchmark has one mean, one standard deviation and one number of channels, whatever images
    were prepared; a manifest with others was edited, or is of another version of the benchmark.
    """
    manifest = store.manifest
    said = (
        ("mean", manifest.mean, benchmark.mean),
        ("std", manifest.std, benchmark.std),
        ("channels", manifest.channels, benchmark.channels),
        ("rotations", manifest.rotations, benchmark.rotations),
        ("invert", manifest.preprocessing.get("invert", benchmark.invert), benchmark.invert),
    )
    return [
        f"{name} is {have} in the manifest, but {wanted} in the definition of {benchmark.name}"
        for name, have, wanted in said
        if have != wanted
    ]


def add_hashes(store: ImageStore) -> bool:
    """Give a store of an earlier version, which was just verified, the hashes of its blocks.

    Returns:
        Whether it had none.

    Raises:
        FsbenchError: its folder can't be written.
    """
    if store.manifest.blocks_sha256:
        return False
    blocks = block_digests(store.images)
    manifest = dataclasses.replace(store.manifest, blocks_sha256=sha256(blocks))
    with locked(store.folder, f"the data in {store.folder}"):
        write_atomic(store.folder / BLOCKS, blocks)
        write_atomic(store.folder / MANIFEST, dump_json(manifest.as_json()))
    return True
