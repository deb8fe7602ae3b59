"""Pickles of strangers, read without running anything.

The public caches of mini-ImageNet, tiered-ImageNet and CIFAR-100 are Python pickles, and a pickle
is a program. This unpickler knows only containers, text, numbers and arrays; whatever else a file
asks for is refused before it is imported. Arrays are rebuilt here from shape, type and raw bytes:
NumPy's own constructors trust their arguments (``ndarray((1,), object, buffer)`` takes raw bytes
for addresses), so the file never gets to call them.
"""

import collections
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fewshot_bench.data.pickle_work import check_work
from fewshot_bench.errors import DataError
from fewshot_bench.reading import require_regular

_KINDS = "biufcSUO"


class _Refused(pickle.UnpicklingError):
    """The file asks for something that is not data."""


def load_pickle(path: Path) -> Any:
    """Read a pickle of arrays, containers, text and numbers, written by Python 2 or 3.

    Arrays come back read-only, text of Python 2 as ``bytes`` except for the keys of dictionaries,
    which are always ``str``.

    Raises:
        DataError: the file is missing, truncated, damaged, or holds anything else.
    """
    try:
        require_regular(path)
        with path.open("rb") as file:
            check_work(file)
            file.seek(0)
            return _settle(_Reader(file, encoding="bytes").load(), {})
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from error
    except _Refused as error:
        raise DataError(f"{path} is refused: it asks for {error}; nothing was run") from error
    except Exception as error:  # a damaged file can make the pickle machine raise almost anything
        reason = " ".join(str(error).split()) or "it ends early"
        raise DataError(f"{path} is truncated or damaged ({reason}); fetch it again") from error


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        module = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise _Refused(f"{f'{module}.{name}'!a}, which is not data") from None


class _Dtype:
    """Stands in for ``numpy.dtype`` while a file is read."""

    __slots__ = ("value",)

    def __init__(self, code: str | bytes, *_: object) -> None:
        self.value = np.dtype(_text(code)) if _text(code)[:1] not in "V|" else _refuse("records")
        if self.value.kind not in _KINDS:
            _refuse(f"arrays of type {self.value}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, parts, names, fields = state[:5]
        if parts or names or fields:
            _refuse("records")
        if _text(order) in "<>":
            self.value = self.value.newbyteorder(_text(order))  # type: ignore[arg-type]


class _Array:
    """Stands in for an array until its bytes are known."""

    __slots__ = ("value",)

    def __init__(self, *_: object) -> None:
        self.value: NDArray[Any] = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        shape, dtype, fortran, raw = state[-4:]
        if dtype.value.kind == "O":
            self.value = _objects(raw, shape)
        else:
            self.value = _from_bytes(raw, dtype, shape, "F" if fortran else "C")


class _Call:
    """A function that a file may call; it can't be changed from there."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)

    def __setstate__(self, state: object) -> None:
        _refuse("a change of this reader")


def _refuse(what: str) -> NoReturn:
    raise _Refused(what)


def _text(value: str | bytes) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else value


def _from_bytes(raw: Any, dtype: _Dtype, shape: Any, order: Any = "C") -> NDArray[Any]:
    if dtype.value.kind == "O":
        _refuse("objects made of raw bytes")
    data = raw.encode("latin1") if isinstance(raw, str) else raw
    flat = np.frombuffer(data, dtype.value) if len(data) else np.empty(0, dtype.value)
    array = flat.reshape(shape, order=order)
    array.flags.writeable = False
    return array


def _objects(items: list[Any], shape: Any) -> NDArray[Any]:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array.reshape(shape)


def _scalar(dtype: _Dtype, raw: Any = b"") -> Any:
    return raw if dtype.value.kind == "O" else _from_bytes(raw, dtype, (1,))[0]


def _encode(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "utf-8", "ascii"):
        _refuse(f"the codec {encoding!a}")
    return text.encode(encoding)


def _bytes(kind: Callable[..., Any], *given: Any) -> Any:
    if given and isinstance(given[0], int):
        _refuse("memory that holds nothing")
    return kind(*given)


_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Call(lambda *_: _refuse("a bare array")),
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "scalar"): _Call(_scalar),
    ("numpy.core.numeric", "_frombuffer"): _Call(_from_bytes),
    ("_codecs", "encode"): _Call(_encode),
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("collections", "defaultdict"): collections.defaultdict,
    **{("builtins", kind.__name__): kind for kind in (list, dict, set, frozenset, int, float)},
    ("builtins", "bytes"): _Call(lambda *given: _bytes(bytes, *given)),
    ("builtins", "bytearray"): _Call(lambda *given: _bytes(bytearray, *given)),
    ("builtins", "complex"): complex,
}


def _settle(value: Any, seen: dict[int, Any]) -> Any:
    """Replace the stand-ins by what they stand for.

    ``seen``, the id of a value -> the value and what it became, guards against loops and does the
    work on shared values once. It keeps the values alive, so that no id comes twice.
    """
    if isinstance(value, _Array):
        return _settle(value.value, seen)
    if isinstance(value, _Dtype):
        return value.value
    if id(value) in seen:
        return seen[id(value)][1]
    if isinstance(value, tuple):
        settled = tuple(_settle(item, seen) for item in value)
        seen[id(value)] = value, settled
        return settled
    if isinstance(value, list | dict | np.ndarray):
        seen[id(value)] = value, value
        _settle_inside(value, seen)
    return value


def _settle_inside(value: list[Any] | dict[Any, Any] | NDArray[Any], seen: dict[int, Any]) -> None:
    if isinstance(value, dict):
        pairs = [(_text(k) if isinstance(k, bytes) else k, v) for k, v in value.items()]
        value.clear()
        value.update((key, _settle(item, seen)) for key, item in pairs)
    elif isinstance(value, list):
        value[:] = [_settle(item, seen) for item in value]
    elif value.dtype.kind == "O":
        flat = value.reshape(-1)
        flat[:] = _objects([_settle(item, seen) for item in flat], (flat.size,))
