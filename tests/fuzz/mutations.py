"""Ways to damage a file: bits, lengths, and values that parsers of text mind."""

import numpy as np
from numpy.random import Generator, Philox, SeedSequence

ODD = (
    b"NaN", b"-Infinity", b"1e999", b"null", b"true", b"[]", b"{}", b'"\\ud800"', b'"\\u0000"',
    b"-1", b"0", b"9" * 40, b"9" * 5000, b"0.5", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"=cmd()",
    b"[" * 3000, b'{"a":' * 3000, b"../" * 40, b"x" * 300, b"\r", b"\t", b'"', b",", b";",
    b"1979-05-27", b"0x" + b"f" * 20,
)  # fmt: skip


def mutated(data: bytes, seed: int) -> bytes:
    """The file damaged in one to four ways, the same for the same seed."""
    random = Generator(Philox(SeedSequence(seed)))
    out = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        _MUTATIONS[int(random.integers(len(_MUTATIONS)))](out, random)
    return bytes(out)


def _place(out: bytearray, random: Generator) -> int:
    return int(random.integers(len(out) + 1))


def _flip(out: bytearray, random: Generator) -> None:
    for _ in range(int(random.integers(1, 9))):
        if out:
            out[int(random.integers(len(out)))] ^= 1 << int(random.integers(8))


def _cut(out: bytearray, random: Generator) -> None:
    del out[_place(out, random) :]


def _drop(out: bytearray, random: Generator) -> None:
    start = _place(out, random)
    del out[start : start + int(random.integers(1, 40))]


def _insert(out: bytearray, random: Generator) -> None:
    start = _place(out, random)
    out[start:start] = random.integers(0, 256, int(random.integers(1, 20)), np.uint8).tobytes()


def _repeat(out: bytearray, random: Generator) -> None:
    start = _place(out, random)
    out[start:start] = bytes(out[start : start + int(random.integers(1, 60))]) * 3


def _odd(out: bytearray, random: Generator) -> None:
    start, length = _place(out, random), int(random.integers(0, 8))
    out[start : start + length] = ODD[int(random.integers(len(ODD)))]


def _value(out: bytearray, random: Generator) -> None:
    """Put an odd value in the place of a number or text of JSON, TOML or CSV."""
    marks = [i for i, byte in enumerate(out[:20_000]) if byte in b":=,["]
    if marks:
        start = marks[int(random.integers(len(marks)))] + 1
        stop = next((i for i in range(start, len(out)) if out[i] in b",]}\n"), len(out))
        out[start:stop] = ODD[int(random.integers(len(ODD)))]


_MUTATIONS = (_flip, _cut, _drop, _insert, _repeat, _odd, _value, _value)
