"""How much work a pickle is, found before it is read.

A few hundred bytes can hold tuples of tuples of one tuple, shared by reference: small in memory,
yet whoever walks or hashes them walks 2 ** 60 items, inside C code that no signal stops. So the
opcodes are gone through first, without making anything, and sizes are added up as a walk would meet
them.
"""

import pickletools
from collections.abc import Sequence
from typing import IO, Any

MOST = 1_000_000  # items that a walk over one tuple or frozen set may meet
_HASHED = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_TUPLE", "FROZENSET", "REDUCE", "NEWOBJ"}
_STORES = {"PUT", "BINPUT", "LONG_BINPUT"}
_FETCHES = {"GET", "BINGET", "LONG_BINGET"}
_MARK = -1


def check_work(file: IO[bytes]) -> None:
    """Go through a pickle's opcodes; ``file`` is left at the end of them.

    Raises:
        ValueError: a walk over one of its values would meet more than :data:`MOST` items, or the
            opcodes are no pickle.
    """
    stack: list[int] = []
    memo: dict[int, int] = {}
    for opcode, argument, _ in pickletools.genops(file):
        name = opcode.name
        if name in _STORES:
            memo[int(str(argument))] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in _FETCHES:
            stack.append(memo[int(str(argument))])
        elif name == "DUP":
            stack.append(stack[-1])
        else:
            _apply(name, opcode.stack_before, opcode.stack_after, stack)


def _apply(name: str, before: Sequence[Any], after: Sequence[Any], stack: list[int]) -> None:
    """One opcode that takes its arguments from the stack and leaves its results there."""
    if name == "MARK":
        stack.append(_MARK)
        return
    taken: list[int] = []
    if pickletools.markobject in before:
        while (size := stack.pop()) != _MARK:
            taken.append(size)
        fixed = list(before).index(pickletools.markobject)
    else:
        fixed = len(before)
    taken += [stack.pop() for _ in range(fixed)]
    total = 1 + sum(taken) if name in _HASHED else 1
    if total > MOST:
        raise ValueError(f"a value that a walk meets more than {MOST:,} times")
    stack.extend([total] * len(after))
