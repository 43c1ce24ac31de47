"""Imports point one way: modeling_synctva ← datasets_scripts ← synctva ← the rest."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

INSTALLED_AS = {
    "modeling_synctva": "synctva.modeling_synctva",
    "datasets_scripts": "synctva.datasets_scripts",
    "configuration": "synctva.configuration",
}
"""Folders of the repository that are packages of `synctva`; all others keep their name."""

OURS = ("synctva", "synctva_command_line", "examples", "benchmarks", "tools", "tests")

MAY_IMPORT = {
    "modeling_synctva": {"synctva.modeling_synctva"},
    "datasets_scripts": {"synctva.modeling_synctva", "synctva.datasets_scripts"},
    "configuration": set(),
    "synctva_command_line": {"synctva_command_line"},  # which does not import torch
    "synctva": {"synctva", "synctva_command_line"},
    "examples": {"synctva"},
    # The recordings whose words and speakers are known are those of the tests.
    "benchmarks": {
        *("synctva", "benchmarks"),
        *("tests.support.synthetic_speech", "tests.support.drawn_face"),
    },
    "tools": {"synctva", "benchmarks", "tools"},
}
"""Folder -> packages of ours that its files may import."""

RECORDINGS = {"synctva.recordings", "synctva.speech"}
"""The packages outside its folder that travelling code imports, where they are installed."""


def programs(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def package_of(path: Path) -> str:
    """Return the package that a file is in, as it is installed."""
    first, *rest = path.relative_to(ROOT).parent.parts
    return ".".join([INSTALLED_AS.get(first, first), *rest])


def imported(path: Path) -> set[str]:
    """Return the absolute names of the modules of ours that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                parts = package_of(path).split(".")
                above = parts[: len(parts) - node.level + 1]
                module = ".".join([*above, *filter(None, [module])])
            # `from package import module` imports the module too.
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in OURS}


def below(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_import_points_the_other_way(folder):
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in programs(folder)
        for name in imported(path)
        if not below(name, MAY_IMPORT[folder])
        and not (folder == "modeling_synctva" and below(name, RECORDINGS))
    }
    assert not wrong


def test_travelling_code_imports_its_siblings_by_name():
    """transformers' loader follows `from .module import name`, and no other relative import."""
    siblings = {path.stem for path in programs("modeling_synctva")}
    for path in programs("modeling_synctva"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1 and node.module in siblings, ast.unparse(node)


def test_travelling_code_leaves_its_folder_for_recordings_only_and_within_try():
    """An import within `try` is one that transformers' check of requirements leaves alone."""
    leaving = []
    for path in programs("modeling_synctva"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tried = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.Try)
            for statement in node.body
            for inner in ast.walk(statement)
        }
        for node in ast.walk(tree):
            absolute = isinstance(node, ast.Import) or (
                isinstance(node, ast.ImportFrom) and not node.level
            )
            if absolute and "synctva" in ast.unparse(node):
                leaving.append((path.name, ast.unparse(node)))
                assert id(node) in tried
    assert sorted(leaving) == [
        ("processing_synctva.py", "from synctva.recordings import features"),
        ("processing_synctva.py", "from synctva.speech import transcription"),
    ]
