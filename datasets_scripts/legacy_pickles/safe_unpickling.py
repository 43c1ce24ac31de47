"""Reads a pickle without executing it: its data, or an error that says what was in the way.

A pickle is a program, and an ordinary reader lets it call whatever Python can import. Here nothing
is imported on its behalf: a name in the pickle is looked up in the tables of `safe_pickle_globals`,
and instructions that containers, numbers, text and numpy arrays do not need are refused. Python 2's
byte strings are read as Latin-1, as the code of the literature reads its feature files.

Nothing is allocated on the word of a length or a shape that the file does not back. Not guarded
against: a file that is slow to read, or whose data takes several times its size in memory.
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
"""Largest file that is read, unless told otherwise; the literature's are well below 1 GiB."""

# What to do about objects that such files are known to hold.
_ADVICE = {
    "torch": " Save tensors as arrays: tensor.numpy().",
    "pandas": " Save tables as arrays: frame.to_numpy().",
}


def load_pickle(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Any:
    """The object in a pickle, which may only be made of what `ALLOWED` says.

    Args:
        path: a pickle of any protocol, of Python 2 or 3, numpy 1 or 2.
        max_bytes: largest file that is read.

    Raises:
        FileNotFoundError: there is no such file.
        PickleRefused: the file is too large, unreadable, damaged, or asks for anything else; the
            message names the file and the global or the instruction.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise PickleRefused(f"{path} has {size:,} bytes; expected at most {max_bytes:,}.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}.") from None
    except OSError as error:
        raise PickleRefused(f"{path} cannot be read: {error.strerror}.") from None
    # In memory, where a length in the pickle cannot make a read allocate more than the file has.
    file = io.BytesIO(data)
    try:
        return _Reader(file).load()
    except PickleRefused as error:
        raise PickleRefused(f"{path}: {error}", error.name) from None
    except Exception as error:  # whatever a damaged stream makes the reader stumble over
        raise PickleRefused(
            f"{path} is not a whole pickle: {type(error).__name__} near byte {file.tell():,} of "
            f"{len(data):,}{f' ({error})' if str(error) else ''}."
        ) from None


# What the file may do. Left out are the instructions for persistent ids, for the extension
# registry, for instances of classes (INST only stands here to name its class in the error), and for
# buffers outside the file.
_INSTRUCTIONS = """
    MARK STOP POP POP_MARK PROTO FRAME MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
    EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET ADDITEMS FROZENSET
    GLOBAL STACK_GLOBAL REDUCE BUILD INST
""".split()  # noqa: SIM905  as a list it would be a name a line


class _Reader(pickle._Unpickler):
    """Python's own reader, with another `find_class` and with checks in place of calls.

    The reader in Python, not the one in C: its instructions are methods, and those that are not in
    the table can be taken out.
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
            # Escaped and cut: it is text of a stranger that goes to a terminal.
            asked = ascii(f"{module}.{name}"[:200])[1:-1]
            raise PickleRefused(
                f"refused, because it asks for {asked}; expected only {ALLOWED}."
                f"{_ADVICE.get(module.partition('.')[0], '')} Nothing of the file was executed.",
                asked,
            )
        return GlobalName(module, name)

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        name = self.stack[-1]
        call = CALLS.get((name.module, name.name)) if isinstance(name, GlobalName) else None
        if call is None or type(arguments) is not tuple:
            raise PickleRefused("refused, because it calls what is no function of the table.")
        self.stack[-1] = call(*arguments)

    def load_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, DtypeOfFile):
            target.set_state(state)
        elif type(target) is np.ndarray:
            set_array_state(target, state)
        else:
            raise PickleRefused(f"refused, because it sets the state of a {_type(target)}.")

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
        raise PickleRefused(f"refused, because it makes an instance of a {_type(name)}.")

    def load_bytearray8(self) -> None:
        # As bytes: Python's own allocates the length that the file claims.
        self.stack.append(self.read(int.from_bytes(self.read(8), "little")))

    def _top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise PickleRefused(f"refused, because it adds to a {_type(self.stack[-1])}.")
        return self.stack[-1]


def _pairs(items: list[Any]) -> Iterable[tuple[Any, Any]]:
    return zip(map(checked_key, items[::2]), items[1::2], strict=True)


def _type(value: Any) -> str:
    if isinstance(value, GlobalName):
        return f"global {value.module}.{value.name}"
    return type(value).__name__


def _refuse(what: str) -> Callable[[_Reader], None]:
    def refuse(reader: _Reader) -> None:
        raise PickleRefused(f"refused, because it has {what}; expected only {ALLOWED}.")

    return refuse


_Reader.dispatch = {code: _refuse(f"the byte {code:#04x}") for code in range(256)}
for _opcode in pickletools.opcodes:
    _code = ord(_opcode.code)
    # By the name of the method: the inherited table holds the inherited methods.
    _Reader.dispatch[_code] = (
        getattr(_Reader, pickle._Unpickler.dispatch[_code].__name__)
        if _opcode.name in _INSTRUCTIONS
        else _refuse(f"the instruction {_opcode.name}")
    )
