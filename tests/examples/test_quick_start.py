"""The notebook runs from its first cell to its last, and the outputs that it keeps are its own."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from synctva.results import read_results

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOK = EXAMPLES / "quick_start.ipynb"


def code_cells(notebook):
    """Return the code cells that a run executes."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and "skip-execution" not in cell.metadata.get("tags", [])
    ]


def shown(cell):
    """Return which kinds of output a cell has; warnings come and go with versions."""
    return [
        sorted(output.get("data", {"printed": None}))
        for output in cell.outputs
        if output.get("name") != "stderr"
    ]


@pytest.fixture
def kept():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.mark.slow
def test_the_notebook_runs(kept, tmp_path):
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES / "data", folder / "data")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell.pop("outputs", None)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, coalesce_streams=True, resources=resources).execute()
    for cell, before in zip(code_cells(notebook), code_cells(kept), strict=True):
        assert shown(cell) == shown(before), cell.source
    results = read_results(tmp_path / "runs/quick-start")
    assert results["parent"]["name"] == "synctva-meld"
    card = (tmp_path / "runs/quick-start/README.md").read_text()
    for name in re.findall(r"\]\((\w+\.png)\)", card):
        assert (tmp_path / "runs/quick-start" / name).is_file()


def test_the_outputs_are_kept_and_name_no_machine(kept):
    cells = code_cells(kept)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum("image/png" in kinds for cell in cells for kinds in shown(cell)) == 4
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < 500_000
    assert not re.search(r"(?<![\w.])/(home|root|tmp|usr|opt|work|Users)/|site-packages", text)
    assert set(kept.metadata) == {"kernelspec", "language_info"}
    errors = [o for cell in cells for o in cell.outputs if o.output_type == "error"]
    assert not errors
