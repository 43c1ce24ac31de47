"""The functions that the names in a pickle may refer to. All of them check their arguments.

`safe_unpickling` looks a name up in `CALLS`. Types and shapes in the file are checked before numpy
sees them, because numpy trusts the offsets, flags and sizes in its own pickles.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

ALLOWED = (
    "numbers, text, bytes, list, tuple, dict, OrderedDict, defaultdict (read as dict), set, "
    "frozenset, and numpy arrays and scalars of numbers, text or these"
)


class PickleRefused(ValueError):
    """The file is not a pickle, is damaged, or contains more than data.

    Attributes:
        name: the global that the file asked for ("os.system"), if that was the reason.
    """

    def __init__(self, message: str, name: str | None = None):
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class GlobalName:
    """A global of the tables below. Not callable: only the reader's REDUCE calls functions."""

    module: str
    name: str


@dataclass(slots=True)
class DtypeOfFile:
    """A numpy type as the file describes it; only the byte order is used of its state."""

    code: str
    order: str = "|"

    def set_state(self, state: Any) -> None:
        if not (
            isinstance(state, tuple)
            and len(state) == 8
            and state[0] == 3
            and state[1] in ("<", ">", "|", "=")
            and all(part is None for part in state[2:5])
        ):
            raise PickleRefused(f"a numpy type {self.code!r} has fields: expected a plain type")
        self.order = state[1]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.order + self.code)


# numbers, booleans, complex numbers, objects, byte strings, text
_TYPE_CODE = re.compile(r"b1|[iu][1248]|f[248]|c8|c16|O[48]?|[SU][1-9]\d{0,6}")


def _dtype(code: Any, align: Any = False, copy: Any = True) -> DtypeOfFile:
    if not (isinstance(code, str) and _TYPE_CODE.fullmatch(code)):
        what = ascii(code[:50]) if isinstance(code, str) else f"a {type(code).__name__}"
        raise PickleRefused(f"a numpy type = {what}: expected numbers, text or objects")
    # "O8" contains the size of a pointer on the machine that wrote it.
    return DtypeOfFile("O" if code.startswith("O") else code)


def _bare_array(cls: Any, shape: Any, code: Any) -> np.ndarray:
    """Return the empty array that numpy makes before it sets the state."""
    if not isinstance(cls, GlobalName) or cls != GlobalName("numpy", "ndarray"):
        raise PickleRefused("an array has another class: expected numpy.ndarray")
    return np.empty(0, dtype=np.uint8)


def set_array_state(array: np.ndarray, state: Any) -> None:
    """Fill a bare array in place, because the file may already refer to it."""
    if not (isinstance(state, tuple) and len(state) == 5):
        raise PickleRefused("the state of an array has an unknown form: expected numpy's")
    _, shape, type_, fortran, data = state
    dtype = _checked(type_, shape)
    if dtype.hasobject:
        if type(data) is not list or len(data) != math.prod(shape):
            raise PickleRefused("the elements of an array do not match its shape: expected as many")
    else:
        data = _raw(data, dtype, math.prod(shape))
    state = (1, shape, dtype, bool(fortran), data)
    array.__setstate__(state)


def _scalar(type_: Any, data: Any) -> Any:
    dtype = _checked(type_, ())
    if dtype.hasobject:
        raise PickleRefused("a numpy scalar is an object: expected a number or text")
    return np.frombuffer(_raw(data, dtype, 1), dtype)[0]


def _array_of_buffer(data: Any, type_: Any, shape: Any, order: Any) -> np.ndarray:
    """Return an array from the form that protocol 5 gives it."""
    dtype = _checked(type_, shape)
    if dtype.hasobject:
        raise PickleRefused("a buffer contains objects: expected numbers or text")
    flat = np.frombuffer(_raw(data, dtype, math.prod(shape)), dtype)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def _checked(type_: Any, shape: Any) -> np.dtype:
    if not isinstance(type_, DtypeOfFile):
        raise PickleRefused("an array has no type: expected a numpy type")
    if not (type(shape) is tuple and all(type(n) is int and n >= 0 for n in shape)):
        raise PickleRefused("the shape of an array is unreadable: expected a tuple of sizes")
    return type_.dtype


def _raw(data: Any, dtype: np.dtype, count: int) -> bytes:
    """Return the bytes of `count` values, which are Latin-1 text in pickles of Python 2."""
    if isinstance(data, str):
        data = data.encode("latin1")
    if not isinstance(data, bytes) or len(data) != count * dtype.itemsize:
        raise PickleRefused(
            "the bytes of an array or scalar do not match its shape: expected as many"
        )
    if dtype.kind == "U":
        points = np.frombuffer(data, np.dtype("u4").newbyteorder(dtype.byteorder))
        if (points > 0x10FFFF).any():
            raise PickleRefused("text has an invalid character: expected Unicode")
    return data


def _encode(text: Any, encoding: Any) -> bytes:
    """Return the bytes that Python 3 writes for Python 2 as text to encode."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise PickleRefused(
            "_codecs.encode has another encoding: expected latin1", "_codecs.encode"
        )
    return text.encode("latin1")


def _bytes() -> bytes:
    """Return b"", which Python 3 writes for Python 2 as a call of `bytes`."""
    return b""


def _dict(items: Any = ()) -> dict:
    if not (type(items) in (list, tuple) and all(_is_pair(item) for item in items)):
        raise PickleRefused("a dict has unreadable items: expected pairs")
    return {checked_key(key): value for key, value in items}


def _default_dict(factory: Any = None) -> dict:
    # Without the factory: a missing conversation must be an error, not an empty one.
    if factory is not None and not isinstance(factory, GlobalName):
        raise PickleRefused("a defaultdict has an unknown default: expected a plain type")
    return {}


def _set(items: Any = ()) -> set:
    if type(items) not in (list, tuple, set, frozenset):
        raise PickleRefused("a set has unreadable elements: expected a list")
    return {checked_key(item) for item in items}


def _frozenset(items: Any = ()) -> frozenset:
    return frozenset(_set(items))


def _is_pair(item: Any) -> bool:
    return type(item) in (list, tuple) and len(item) == 2


_SCALARS = (str, bytes, int, float, type(None), np.generic)


def checked_key(key: Any) -> Any:
    """Return a key of a dict or an element of a set, if it is text, a number or a tuple of these.

    Nested tuples are refused, because Python computes their hash by recursion in C.
    """
    parts = key if type(key) is tuple else (key,)
    if not all(isinstance(part, _SCALARS) for part in parts):
        raise PickleRefused(f"a key has the type {type(key).__name__}: expected text or a number")
    return key


_BUILTINS = ("builtins", "__builtin__")
CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): _dict,
    ("collections", "defaultdict"): _default_dict,
    ("numpy", "dtype"): _dtype,
    **{(module, "bytes"): _bytes for module in _BUILTINS},
    **{(module, "set"): _set for module in _BUILTINS},
    **{(module, "frozenset"): _frozenset for module in _BUILTINS},
}
for _core in ("numpy.core", "numpy._core"):  # of numpy 1 and 2
    CALLS[f"{_core}.multiarray", "_reconstruct"] = _bare_array
    CALLS[f"{_core}.multiarray", "scalar"] = _scalar
    CALLS[f"{_core}.numeric", "_frombuffer"] = _array_of_buffer

# Types that a pickle names but does not call: the class of an array, the default of a defaultdict.
TYPES = {
    ("numpy", "ndarray"),
    *((m, n) for m in _BUILTINS for n in ("list", "dict", "tuple", "int", "float", "str", "bool")),
}
