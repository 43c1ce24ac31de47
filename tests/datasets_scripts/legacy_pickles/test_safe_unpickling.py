"""Data in pickles is read back, and nothing in a hostile pickle is executed."""

import collections
import copyreg
import os
import pickle
import struct

import numpy as np
import pytest

from synctva.datasets_scripts.legacy_pickles.safe_globals import PickleRefused
from synctva.datasets_scripts.legacy_pickles.safe_unpickling import load_pickle
from tests.support.pickle_forms import write_pickle

DATA = {
    "matrix": np.arange(6.0).reshape(2, 3),
    "columns first": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
    "big-endian": np.arange(6, dtype=">i4"),
    "booleans": np.array([True, False]),
    "text": np.array(["a", "bcd\u2603"]),
    "byte strings": np.array([b"x", b"yz\xff"]),
    "objects": np.array([1, "a", None, np.ones(2)], dtype=object),
    "empty": np.zeros((0, 3), dtype=np.float32),
    "no dimension": np.array(5.0),
    "scalars": [np.float32(3), np.int64(-4), np.bool_(True), np.str_("h\u00e9")],
    "containers": [{1, 2}, frozenset("ab"), (1, (2,)), {(1, "a"): [], None: {}}],
    "plain": [b"\xff\x00", b"", "h\u00e9\u2603", 10**30, -1, 1.5, None, True],
}


def same(one, other):
    """Return whether nested data are equal; arrays by type, shape and values."""
    if isinstance(one, np.ndarray):
        return (
            type(other) is np.ndarray
            and one.shape == other.shape
            and one.dtype.newbyteorder("=") == other.dtype.newbyteorder("=")
            and all(map(same, one.ravel().tolist(), other.ravel().tolist()))
        )
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file and read it."""

    def reader(data, **options):
        path = tmp_path / "features.pkl"
        path.write_bytes(data)
        return load_pickle(path, **options)

    return reader


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", DATA)
def test_allowed_data_is_read_back(read, name, protocol):
    value = DATA[name]
    first, again = read(pickle.dumps([value, value], protocol))
    assert same(value, first)
    assert first is again


@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_the_names_of_numpy_1_and_2(read, core):
    data = pickle.dumps([np.arange(3.0), np.float64(2)], 2)
    data = data.replace(b"cnumpy._core.", b"c" + core + b".")
    data = data.replace(b"cnumpy.core.", b"c" + core + b".")
    assert core + b".multiarray" in data
    assert same(read(data), [np.arange(3.0), np.float64(2)])


def test_python_2_pickles(tmp_path):
    value = {"d": [np.arange(3.0), "it\x92s", {"a"}], "e": (np.float32(2), b"raw")}
    found = load_pickle(write_pickle(tmp_path / "two.pkl", value, "python 2"))
    assert same(found["d"], value["d"])
    assert found["e"] == (np.float32(2), "raw")


def test_other_dicts_become_plain_dicts(read):
    for value in (collections.OrderedDict(a=1), collections.defaultdict(list, a=1)):
        found = read(pickle.dumps(value))
        assert type(found) is dict
        assert found == {"a": 1}


# Hostile pickles. Each would create the file `canary` if it were executed.


def text(value: str) -> bytes:
    return pickle.BINUNICODE + struct.pack("<I", len(value)) + value.encode()


def call(name: str, *arguments: bytes) -> bytes:
    """Return the instructions that call the global "module name"."""
    module, name = name.split(" ")
    return f"c{module}\n{name}\n(".encode() + b"".join(arguments) + b"tR"


@pytest.fixture
def canary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "canary"


COMMAND = text("touch canary")
CODE = text("open('canary', 'w')")
CALLS = {
    "os system": [COMMAND],
    "posix system": [COMMAND],
    "nt system": [COMMAND],
    "os popen": [COMMAND],
    "os execv": [text("/bin/sh"), b"(" + text("-c") + COMMAND + b"l"],
    "subprocess Popen": [b"(" + text("touch") + text("canary") + b"l"],
    "subprocess check_output": [b"(" + text("touch") + text("canary") + b"l"],
    "builtins eval": [CODE],
    "builtins exec": [CODE],
    "__builtin__ eval": [CODE],
    "builtins compile": [CODE, text("f"), text("exec")],
    "builtins __import__": [text("os")],
    "builtins getattr": [text("a"), text("__class__")],
    "builtins open": [text("canary"), text("w")],
    "builtins map": [],
    "importlib import_module": [text("os")],
    "functools partial": [COMMAND],
    "functools reduce": [],
    "operator attrgetter": [text("system")],
    "operator methodcaller": [text("system"), COMMAND],
    "types FunctionType": [],
    "types CodeType": [],
    "copyreg _reconstructor": [],
    "copy_reg _reconstructor": [],
    "copyreg __newobj__": [],
    "webbrowser open": [text("file://canary")],
    "pickle loads": [pickle.SHORT_BINBYTES + b"\x01."],
    "_pickle loads": [],
    "shutil rmtree": [text(".")],
    "ctypes CDLL": [text("x.so")],
    "runpy run_path": [text("x.py")],
    "code interact": [],
    "pty spawn": [text("sh")],
    "asyncio.unix_events _UnixSubprocessTransport._start": [],
    "numpy.testing._private.utils runstring": [CODE, b"}"],
    "numpy.testing runstring": [CODE, b"}"],
    "numpy load": [text("other.npy")],
    "numpy fromfile": [text("canary")],
    "numpy memmap": [text("canary")],
    "numpy.core.multiarray fromfile": [],
    "numpy._core.multiarray frombuffer": [],
    "numpy.core.numeric load": [],
    "numpy f2py.capi_maps.eval": [],
    "numpy.core multiarray.scalar": [],
    "torch._utils _rebuild_tensor_v2": [],
    "_codecs decode": [],
    "codecs encode": [CODE, text("rot13")],
    "collections namedtuple": [text("x"), text("y")],
    "cogmen.Sample Sample": [],
}


def test_the_usual_reader_executes_the_payloads(canary):
    """Otherwise the tests below would show nothing."""
    for name in ("posix system", "builtins eval", "subprocess check_output"):
        pickle.loads(call(name, *CALLS[name]) + b".")
        assert canary.exists()
        canary.unlink()


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_refused_and_named(read, canary, name):
    module, attribute = name.split(" ")
    stack_global = text(module) + text(attribute) + pickle.STACK_GLOBAL
    instructions = b"(" + b"".join(CALLS[name])
    streams = {
        "GLOBAL and REDUCE": call(name, *CALLS[name]),
        "STACK_GLOBAL and REDUCE": b"\x80\x04" + stack_global + instructions + b"tR",
        "NEWOBJ": b"\x80\x02" + stack_global + instructions + b"t" + pickle.NEWOBJ,
        "NEWOBJ_EX": b"\x80\x04" + stack_global + instructions + b"t}" + pickle.NEWOBJ_EX,
        "INST": instructions + f"i{module}\n{attribute}\n".encode(),
        "OBJ": b"(" + stack_global + instructions[1:] + pickle.OBJ,
        "BUILD": stack_global + b"}" + text("__call__") + stack_global + b"sb",
    }
    for form, stream in streams.items():
        with pytest.raises(PickleRefused) as refusal:
            read(stream + b".")
        message = str(refusal.value)
        assert "features.pkl" in message and f"asks for {module}.{attribute}:" in message, form
        assert refusal.value.name == f"{module}.{attribute}"
    assert not canary.exists()


@pytest.mark.parametrize(
    "dotted",
    [
        ("numpy", "os.system"),
        ("numpy", "testing._private.utils.os.system"),
        ("numpy.core.multiarray", "_reconstruct.__globals__"),
        ("numpy", "ndarray.__subclasses__"),
        ("builtins", "set.__class__"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("builtins", ""),
        ("", "eval"),
    ],
)
def test_a_dotted_name_reaches_no_attribute(read, canary, dotted):
    module, name = dotted
    for protocol in (b"\x80\x04", b"\x80\x05"):
        stream = protocol + text(module) + text(name) + pickle.STACK_GLOBAL + b"(" + COMMAND
        with pytest.raises(PickleRefused, match="asks for"):
            read(stream + b"tR.")
    assert not canary.exists()


class Hostile:
    def __reduce__(self):
        return os.system, ("touch canary",)


class HostileState:
    def __reduce__(self):
        return dict, (), {"update": 1}


class HostileItems(list):
    def __reduce__(self):
        return collections.OrderedDict, (), None, None, iter([("a", Hostile())])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value",
    [
        np.array([1, [{"a": (Hostile(),)}]], dtype=object),
        [np.array([np.array([Hostile(), 1], dtype=object), None], dtype=object)],
        HostileItems(),
        {"d": [np.ones(2), {"x": [[[Hostile()]]]}]},
        HostileState(),
    ],
    ids=["in an object array", "in an array in one", "in items", "deep", "a state"],
)
def test_hostile_objects_among_data(read, canary, value, protocol):
    with pytest.raises(PickleRefused):
        read(pickle.dumps(value, protocol))
    assert not canary.exists()


def test_extension_codes_are_refused_even_where_they_are_registered(read, canary):
    copyreg.add_extension("os", "system", 0x7A)
    try:
        for code in (b"\x82\x7a", b"\x83\x7a\x00", b"\x84\x7a\x00\x00\x00"):
            # The usual reader caches the object of a code, so that later reads skip `find_class`.
            pickle.loads(code + b".")
            with pytest.raises(PickleRefused, match="the instruction EXT"):
                read(code + b"(" + COMMAND + b"tR.")
    finally:
        copyreg.remove_extension("os", "system", 0x7A)
        copyreg.clear_extension_cache()
    assert not canary.exists()


ARRAY = pickle.dumps(np.arange(3.0), 2)[2:-1]


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"Pid\n.", "the instruction PERSID"),
        (b"NQ.", "the instruction BINPERSID"),
        (b"\x80\x05\x97.", "the instruction NEXT_BUFFER"),
        (b"N2.", "the instruction DUP"),
        (b"\xff.", "the byte 0xff"),
        (b"N" + text("x") + b"Ns.", "adds to a NoneType"),
        (b"}}b.", "sets the state of a dict"),
        (b"cnumpy\ndtype\n}b.", "sets the state of a global numpy.dtype"),
        (b"cnumpy\nndarray\n}" + text("shape") + b"Nsb.", "state of a global numpy.ndarray"),
        (call("numpy ndarray", b"(K\x01t") + b".", "calls an unknown function"),
        (b"cbuiltins\nlist\n)R.", "calls an unknown function"),
        (text("a") + b")R.", "calls an unknown function"),
        (ARRAY + b"Na.", "adds to a ndarray"),
        (ARRAY + b"N" + text("x") + b"s.", "adds to a ndarray"),
        (b"]" + ARRAY + text("x") + b"s.", "adds to a list"),
        (b"(" + ARRAY + b"\x91.", "a key has the type ndarray"),
        (call("_codecs encode", CODE, text("rot13")) + b".", "another encoding: expected latin1"),
        (call("numpy dtype", text("V8")) + b".", "a numpy type = 'V8'"),
        (call("numpy dtype", text("f8, O")) + b".", "a numpy type = 'f8, O'"),
        (call("numpy dtype", text("M8[s]")) + b".", "a numpy type ="),
        (call("numpy dtype", b"(" + text("O") + b"l") + b".", "a numpy type = a list"),
    ],
)
def test_instructions_that_data_does_not_need_are_refused(read, stream, message):
    with pytest.raises(PickleRefused, match=rf"features\.pkl: .*{message}"):
        read(stream)


DTYPE = call("numpy dtype", text("f8"), b"\x89", b"\x88")
OBJECTS = call("numpy dtype", text("O"), b"\x89", b"\x88")
BARE = call("numpy.core.multiarray _reconstruct", b"cnumpy\nndarray\n", b"(K\x00t", text("b"))
EIGHT = pickle.SHORT_BINBYTES + b"\x08" + bytes(8)


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        # A shape that the bytes do not back: an array of 8 TB.
        (
            BARE + b"(K\x01(\x8a\x05\x00\x00\x00\x00\x01t" + DTYPE + b"\x89" + EIGHT + b"tb",
            "bytes of an array or scalar do not match its shape",
        ),
        (BARE + b"(K\x01(J\xff\xff\xff\xfft" + DTYPE + b"\x89" + EIGHT + b"tb", "a tuple of sizes"),
        (BARE + b"(K\x01K\x01" + DTYPE + b"\x89" + EIGHT + b"tb", "a tuple of sizes"),
        # Bytes that would be read as pointers to objects.
        (
            BARE + b"(K\x01(K\x01t" + OBJECTS + b"\x89" + EIGHT + b"tb",
            "elements of an array do not match its shape",
        ),
        (call("numpy.core.multiarray scalar", OBJECTS, EIGHT), "a numpy scalar is an object"),
        (
            call("numpy._core.numeric _frombuffer", EIGHT, OBJECTS, b"(K\x01t", text("C")),
            "a buffer contains objects",
        ),
        (
            call("numpy.core.multiarray scalar", DTYPE, b"C\x04" + bytes(4)),
            "bytes of an array or scalar do not match",
        ),
        (BARE + b"(K\x01(K\x01tN\x89" + EIGHT + b"tb", "an array has no type"),
        (BARE + b"Nb", "unknown form: expected numpy's"),
        # Fields, by which the same bytes could be both a number and a pointer.
        (DTYPE + b"(K\x03" + text("|") + b"N(" + text("a") + b"t}K\x08K\x01K\x00tb", "has fields"),
        (
            call("numpy.core.multiarray _reconstruct", b"cnumpy\ndtype\n", b"(K\x00t", text("b")),
            "an array has another class",
        ),
        (
            call(
                "numpy.core.multiarray scalar",
                call("numpy dtype", text("U1")),
                b"C\x04" + b"\xff" * 4,
            ),
            "invalid character",
        ),
    ],
)
def test_arrays_are_checked(read, stream, message):
    with pytest.raises(PickleRefused, match=message):
        read(stream + b".")


def test_a_damaged_file_is_refused_and_named(read):
    whole = pickle.dumps({"a": [np.arange(9.0), "text", {1: (2, 3)}]}, 4)
    for length in range(len(whole)):
        with pytest.raises(PickleRefused, match=r"features\.pkl"):
            read(whole[:length])
    generator = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[generator.integers(len(whole))] = generator.integers(256)
        try:
            read(bytes(damaged))
        except PickleRefused as refusal:
            assert "features.pkl" in str(refusal)
    for garbage in (b"", b"PK\x03\x04", b"\x93NUMPY", b"a,b\n1,2\n", generator.bytes(999)):
        with pytest.raises(PickleRefused, match=r"features\.pkl"):
            read(garbage)


@pytest.mark.parametrize(
    "stream",
    [
        b"\x8e" + struct.pack("<Q", 2**62),  # bytes
        b"\x96" + struct.pack("<Q", 2**40),  # a bytearray
        b"X" + struct.pack("<I", 2**32 - 1),  # text
        b"\x8b" + struct.pack("<i", 2**31 - 1),  # a number
        b"\x95" + struct.pack("<Q", 2**50),  # a frame
    ],
)
def test_a_length_alone_allocates_nothing(read, stream):
    with pytest.raises(PickleRefused):
        read(b"\x80\x05" + stream + b"abc.")


def test_deep_nesting_does_not_exhaust_the_stack(read):
    depth = 100_000
    lists = read(b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b".")
    assert type(lists) is list
    assert type(read(b"\x80\x02N" + b"\x85" * depth + b".")) is tuple
    # Python computes the hash of a nested tuple by recursion in C, which has no limit.
    with pytest.raises(PickleRefused, match="a key has the type tuple"):
        read(b"\x80\x02}N" + b"\x85" * depth + b"Ns.")


def test_shared_lists_are_not_expanded(read):
    """Sixty lists, each with the previous one twice: 2^60 elements if they were expanded."""
    levels = b"]q\0" + b"".join(
        b"0](" + (b"h" + bytes([level])) * 2 + b"eq" + bytes([level + 1]) for level in range(60)
    )
    found = read(levels + b".")
    assert len(found) == 2 and found[0] is found[1]
    # A large index takes no memory for smaller ones; an index that was never set is refused.
    assert read(b"N" + b"r" + struct.pack("<I", 2**32 - 1) + b".") is None
    with pytest.raises(PickleRefused, match="expected a whole pickle"):
        read(b"j" + struct.pack("<I", 2**32 - 1) + b".")


def test_advice_on_tensors_and_tables(read):
    with pytest.raises(PickleRefused, match=r"torch\._utils.*tensor\.numpy\(\)"):
        read(call("torch._utils _rebuild_tensor_v2") + b".")
    with pytest.raises(PickleRefused, match=r"frame\.to_numpy\(\)"):
        read(call("pandas.core.frame DataFrame") + b".")


def test_a_strange_name_is_escaped_and_shortened(read):
    with pytest.raises(PickleRefused) as refusal:
        read(b"\x80\x04" + text("x\x1b[2J\n" + "y" * 10_000) + text("z") + b"\x93.")
    assert r"x\x1b[2J\n" in str(refusal.value)
    assert len(str(refusal.value)) < 700


def test_files_that_cannot_be_read(read, tmp_path):
    with pytest.raises(FileNotFoundError, match="is missing: expected a pickle"):
        load_pickle(tmp_path / "absent.pkl")
    with pytest.raises(PickleRefused, match="cannot be read"):
        load_pickle(tmp_path)
    with pytest.raises(PickleRefused, match="has 1,000 bytes: expected at most 999"):
        read(bytes(1000), max_bytes=999)
