"""All of a store, hashed again: pixels, index, blocks, and what the manifest says of them."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from fewshot_bench.data.benchmark import Benchmark
from fewshot_bench.data.blocks import block_digests
from fewshot_bench.data.prepare import Options, prepare
from fewshot_bench.data.store import (
    BLOCKS,
    MANIFEST,
    ImageStore,
    fingerprint,
    index_lines,
    pixel_hash,
)
from fewshot_bench.files import draft_folder, dump_json, sha256, write_atomic
from fewshot_bench.lock import locked

MOST = 20  # differences that are told one by one


def verify(store: ImageStore) -> list[str]:
    """Hash every image again and compare with the index.

    Returns:
        One line per difference, at most :data:`MOST` and then a count; empty if all is well.
    """
    return _shortened(list(_differences(store)))


def _shortened(lines: list[str]) -> list[str]:
    return lines if len(lines) <= MOST else [*lines[:MOST], f"... {len(lines) - MOST} more"]


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


def against_source(store: ImageStore, benchmark: Benchmark, source: Path) -> list[str]:
    """Read a source once more and compare its images with those of the store.

    This finds an image whose file was changed and kept its size and its time of change.

    Args:
        store: made of the source.
        benchmark: that of the store.
        source: the user's folder or list.

    Returns:
        As :func:`verify`.

    Raises:
        DataError: the source can't be read any more.
    """
    size = store.manifest.image_size
    options = dataclasses.replace(Options.from_record(store.manifest.options), image_size=size)
    with draft_folder(store.folder) as draft:
        now = prepare(benchmark, draft / "again", source, options)
        before, after = ({*index_lines(one)} for one in (store, now))
    changed = sorted({line.rpartition("\t")[0].replace("\t", " ") for line in before ^ after})
    return _shortened([f"{name}: the source has another image now" for name in changed])


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
