"""The source executes no data: no eval, no shell, no pickle, no remote code unless asked for."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("modeling_synctva", "datasets_scripts", "synctva", "examples", "benchmarks")
FILES = [*ROOT.glob("*.py"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*.py"))]

# By the last two parts of the name, so that `import numpy as np` and `import torch` both fit.
FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput",
    "subprocess.getstatusoutput", "pickle.load", "pickle.loads", "pickle.Unpickler",
    "marshal.load", "marshal.loads", "shelve.open", "dill.load", "dill.loads", "joblib.load",
    "yaml.load", "yaml.unsafe_load", "yaml.full_load", "runpy.run_path", "pandas.read_pickle",
    "pd.read_pickle", "pandas.eval", "pd.eval",
}  # fmt: skip
MODULES_OF_METHODS = {"os", "subprocess", "pickle", "marshal", "shelve", "dill", "joblib", "yaml"}


def offences(source: str) -> list[str]:
    """Return the forbidden calls of a program, as "line: call"."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES_OF_METHODS:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [f"{node.lineno}: {name}" for name in names if name in FORBIDDEN]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found += [f"{node.lineno}: {name}" for name in _trusting_defaults(node.args)]
        elif isinstance(node, ast.Call):
            name = ".".join(ast.unparse(node.func).split(".")[-2:])
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if (
                name in FORBIDDEN
                or given.get("shell", "False") != "False"
                or given.get("trust_remote_code", "False") != "False"
                or given.get("allow_pickle", "False") != "False"
                or (name == "torch.load" and given.get("weights_only") != "True")
            ):
                found.append(f"{node.lineno}: {ast.unparse(node)[:80]}")
    return found


def _trusting_defaults(arguments: ast.arguments) -> list[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    pairs = [*zip(positional, defaults, strict=True)]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return [
        f"{argument.arg} = {ast.unparse(default)}"
        for argument, default in pairs
        if argument.arg == "trust_remote_code"
        and default is not None
        and ast.unparse(default) != "False"
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_runs_nothing_that_a_file_says(path):
    assert not offences(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "line",
    [
        "eval('1')", "exec(code)", "__import__('os')", "compile(text, 'f', 'exec')",
        "os.system('ls')", "subprocess.run('ls', shell=True)", "subprocess.run('ls', shell=yes)",
        "pickle.load(file)", "pickle.loads(data)", "from pickle import loads",
        "from os import system", "torch.load(path)", "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)", "pd.read_pickle(path)", "yaml.load(file)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=options.trust)",
        "def load(name, trust_remote_code=True): ...",
        "def load(name, *, trust_remote_code=None): ...",
    ],
)  # fmt: skip
def test_what_must_not_be_there_is_found(line):
    assert offences(line)


def test_what_may_be_there_is_not_found():
    assert not offences(
        "model.eval()\ntorch.compile(model)\nre.compile('a')\ntorch.load(p, weights_only=True)\n"
        "np.load(path)\nsubprocess.run(['ls'], check=True)\nAutoModel.from_pretrained(name)\n"
        "def load(name, trust_remote_code=False): ...\njson.load(file)\nyaml.safe_load(file)"
    )
