"""Random numbers that depend on a key and an episode number alone.

They come from Philox4x64 with its counter set to the episode's number (Salmon et al. 2011). NumPy
promises the bit stream of its bit generators across versions but not what ``Generator.choice``
makes of it; therefore rejection sampling and Fisher-Yates are written out here.
"""

import hashlib

import numpy as np
from numpy.random import Philox
from numpy.typing import NDArray

VERSION = 1
PER_COUNTER = 4  # words of a Philox block


def stream_key(fingerprint: str, purpose: str, seed: int) -> int:
    """128-bit Philox key of everything that an episode depends on besides its number."""
    text = f"fewshot_bench/sampler-{VERSION}/{fingerprint}/{purpose}/{seed}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def episode_stream(key: int, episode: int) -> Philox:
    """The numbers of one episode, word by word."""
    return Philox(key=key, counter=[0, 0, 0, episode])


def episode_words(key: int, start: int, count: int, words: int) -> NDArray[np.uint64]:
    """uint64 (count, words): the beginning of the stream of each of some consecutive episodes."""
    out = np.empty((count, words), dtype=np.uint64)
    stream = Philox(key=key)
    state = stream.state
    for row in range(count):
        # Setting the state costs a sixth of making a new generator.
        state["state"]["counter"][:] = (0, 0, 0, start + row)
        stream.state = state
        out[row] = stream.random_raw(words)
    return out


def orders(key: int, start: int, count: int, items: int, most: int) -> NDArray[np.int64]:
    """A random order of ``items`` things for each of some consecutive episodes.

    The episodes share one stream, of which each owns ``most`` words (rounded up to whole blocks),
    so that a block of them is drawn at once.

    Args:
        key: see :func:`stream_key`.
        start: number of the first episode.
        count: number of episodes.
        items: things to put in order.
        most: the largest number of things in any episode of this key.

    Returns:
        int64 (count, items): each row holds 0, ..., items - 1.
    """
    blocks = -(-most // PER_COUNTER)
    stream = Philox(key=key, counter=start * blocks)
    words = stream.random_raw(count * blocks * PER_COUNTER).reshape(count, -1)[:, :items]
    # The position in the low bits comes back sorted by what is above it; equal words, 1 pair in
    # 2**50, stay in place.
    bits = np.uint64(max(1, (items - 1).bit_length()))
    tagged = (words >> bits << bits) | np.arange(items, dtype=np.uint64)
    tagged.sort(axis=1)
    return (tagged & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)


def partial_shuffle(
    raw: NDArray[np.uint64], sizes: NDArray[np.int64], used: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """First steps of Fisher-Yates on ``range(size)``, row by row.

    Args:
        raw: uint64 (R, k), one word per step; k at most the largest size.
        sizes: int64 (R,), each at least k, or at least ``used`` where that is given.
        used: int64 (R,), how many picks of each row are wanted; None for all k.

    Returns:
        int64 (R, k), the picks, without meaning beyond those wanted; bool (R,), False where a word
        would have been rejected because 2**64 is no multiple of the number of choices (the row is
        then not to be used).
    """
    rows, k = raw.shape
    step = np.arange(k)[:, None]
    left = np.maximum(sizes - step, 1).astype(np.uint64)  # (k, rows), as all below
    words = np.ascontiguousarray(raw.T)
    # What 2**64 leaves over is less than the divisor, so the second division is hardly ever needed.
    accepted = words <= ~left
    if not accepted.all():
        accepted = words <= ~((np.uint64(0) - left) % left)
        if used is not None:
            accepted |= step >= used
    swap = step + (words % left).astype(np.int64)
    # One deck in each column: a step then works on whole rows, and on places in the flat array.
    deck = np.empty((int(sizes.max()), rows), dtype=np.int32)
    deck[:] = np.arange(len(deck), dtype=np.int32)[:, None]
    flat, places = deck.reshape(-1), swap * rows + np.arange(rows)
    for i in range(k):
        picked = flat[places[i]]
        flat[places[i]] = deck[i]
        deck[i] = picked
    return deck[:k].T.astype(np.int64, order="C"), accepted.all(axis=0)


def below(stream: Philox, choices: int) -> int:
    """One number in 0, ..., choices - 1, each as likely as the others."""
    word = int(stream.random_raw())
    while word >= 2**64 - 2**64 % choices:
        word = int(stream.random_raw())
    return word % choices


def shuffle(stream: Philox, size: int, k: int) -> list[int]:
    """The first k cards of a shuffled ``range(size)``, drawn word by word from a stream."""
    deck = list(range(size))
    for i in range(k):
        j = i + below(stream, size - i)
        deck[i], deck[j] = deck[j], deck[i]
    return deck[:k]
