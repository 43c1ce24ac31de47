"""Read a pickle without executing it: return its data, or raise an error that gives the reason.

A pickle is a program, and the usual reader lets it call anything that Python can import. This
reader imports nothing for it: a name in the pickle is looked up in the tables of `safe_globals`,
and instructions that containers, numbers, text and numpy arrays do not need are refused. Python 2's
byte strings are read as Latin-1, as the published code reads its feature files.

No length or shape in the file makes the reader allocate more than the file contains. There is no
protection against a file that is slow to read, or whose data needs several times its size in
memory.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .safe_globals import (
    ALLOWED,
    CALLS,
    TYPES,
    DtypeOfFile,
    GlobalName,
    PickleRefused,
    checked_key,
    set_array_state,
)

MAX_BYTES = 4 * 1024**3
"""Default size of the largest file that is read; the published ones are well below 1 GiB."""

# Advice on objects that such files are known to contain.
_ADVICE = {
    "torch": " Save tensors as arrays: tensor.numpy().",
    "pandas": " Save tables as arrays: frame.to_numpy().",
}


def load_pickle(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Any:
    """Load the object in a pickle, which may only contain the types that `ALLOWED` lists.

    Args:
        path: a pickle of any protocol, written by Python 2 or 3 with numpy 1 or 2.
        max_bytes: size of the largest file that is read.

    Raises:
        FileNotFoundError: there is no such file.
        PickleRefused: the file is too large, unreadable, damaged, or contains anything else. The
            message names the file, and the global or the instruction.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise PickleRefused(f"{path} has {size:,} bytes: expected at most {max_bytes:,}")
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: expected a pickle") from None
    except OSError as error:
        reason = error.strerror
        raise PickleRefused(f"{path} cannot be read ({reason}): expected a pickle") from None
    # From memory, a read never allocates more than the file has, whatever length the pickle claims.
    file = io.BytesIO(data)
    try:
        return _Reader(file).load()
    except PickleRefused as error:
        raise PickleRefused(f"{path}: {error}", error.name) from None
    except Exception as error:  # a damaged file can cause any error in the reader
        reason = f"{type(error).__name__}{f' ({error})' if str(error) else ''}"
        raise PickleRefused(
            f"{path} has {reason} near byte {file.tell():,} of {len(data):,}: "
            "expected a whole pickle"
        ) from None


# The instructions that are allowed. Not among them: persistent ids, the extension registry,
# instances of classes (INST is here only so that the error can name the class), and buffers outside
# the file.
_INSTRUCTIONS = """
    MARK STOP POP POP_MARK PROTO FRAME MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
    EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET ADDITEMS FROZENSET
    GLOBAL STACK_GLOBAL REDUCE BUILD INST
""".split()  # noqa: SIM905  a list would take one line per name


class _Reader(pickle._Unpickler):
    """Python's own reader, with another `find_class` and with checks instead of calls.

    It is the reader in Python, not the one in C: its instructions are methods, so that those that
    are not in the table can be removed.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]]
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]

    def __init__(self, file: io.BytesIO):
        super().__init__(file, fix_imports=False, encoding="latin1", errors="strict")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in CALLS and (module, name) not in TYPES:
            # Escaped and shortened, because a stranger's text is printed to a terminal.
            asked = ascii(f"{module}.{name}"[:200])[1:-1]
            raise PickleRefused(
                f"refused, because it asks for {asked}: expected only {ALLOWED}."
                f"{_ADVICE.get(module.partition('.')[0], '')} Nothing in the file was executed.",
                asked,
            )
        return GlobalName(module, name)

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        name = self.stack[-1]
        call = CALLS.get((name.module, name.name)) if isinstance(name, GlobalName) else None
        if call is None or type(arguments) is not tuple:
            raise _refusal("calls an unknown function")
        self.stack[-1] = call(*arguments)

    def load_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, DtypeOfFile):
            target.set_state(state)
        elif type(target) is np.ndarray:
            set_array_state(target, state)
        else:
            raise _refusal(f"sets the state of a {_type(target)}")

    def load_append(self) -> None:
        value = self.stack.pop()
        self._top(list).append(value)

    def load_appends(self) -> None:
        values = self.pop_mark()
        self._top(list).extend(values)

    def load_setitem(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        self._top(dict)[checked_key(key)] = value

    def load_setitems(self) -> None:
        items = self.pop_mark()
        self._top(dict).update(_pairs(items))

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.stack.append(dict(_pairs(items)))

    def load_additems(self) -> None:
        items = self.pop_mark()
        self._top(set).update(map(checked_key, items))

    def load_frozenset(self) -> None:
        items = self.pop_mark()
        self.stack.append(frozenset(map(checked_key, items)))

    def load_inst(self) -> None:
        name = self.find_class(*(self.readline()[:-1].decode() for _ in range(2)))
        raise _refusal(f"makes an instance of a {_type(name)}")

    def load_bytearray8(self) -> None:
        # As bytes, because Python's own method allocates the length that the file claims.
        self.stack.append(self.read(int.from_bytes(self.read(8), "little")))

    def _top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise _refusal(f"adds to a {_type(self.stack[-1])}")
        return self.stack[-1]


def _pairs(items: list[Any]) -> Iterable[tuple[Any, Any]]:
    return zip(map(checked_key, items[::2]), items[1::2], strict=True)


def _type(value: Any) -> str:
    if isinstance(value, GlobalName):
        return f"global {value.module}.{value.name}"
    return type(value).__name__


def _refusal(reason: str) -> PickleRefused:
    return PickleRefused(f"refused, because it {reason}: expected only {ALLOWED}")


def _refuse(what: str) -> Callable[[_Reader], None]:
    def refuse(reader: _Reader) -> None:
        raise _refusal(f"has {what}")

    return refuse


_Reader.dispatch = {code: _refuse(f"the byte {code:#04x}") for code in range(256)}
for _opcode in pickletools.opcodes:
    _code = ord(_opcode.code)
    # Looked up by name, because the inherited table contains the methods of the base class.
    _Reader.dispatch[_code] = (
        getattr(_Reader, pickle._Unpickler.dispatch[_code].__name__)
        if _opcode.name in _INSTRUCTIONS
        else _refuse(f"the instruction {_opcode.name}")
    )
