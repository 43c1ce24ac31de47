"""Run the thirty lines of the README with a push to the Hub; run by `test_first_page.py`.

python -m tests.hub.first_page_program <folder>
"""

from __future__ import annotations

import os
import shutil
import sys

from tests.docs.pages import ROOT, Block, blocks


def thirty_lines() -> Block:
    """Return the block that trains."""
    return next(block for block in blocks("README.md") if "trainer.train()" in block.text)


def pushing(text: str) -> str:
    """Return the block's code with the Hub in place of the folder."""
    changes = {
        'trainer.save_model("our-talks")': "trainer.push_to_hub()",
        'model="our-talks"': "model=trainer.hub_model_id",
    }
    for folder, hub in changes.items():
        assert text.count(folder) == 1, folder
        text = text.replace(folder, hub)
    return text


def main() -> None:
    os.chdir(sys.argv[1])
    shutil.copy(ROOT / "examples/data/conversations.csv", "own.csv")
    exec(compile(pushing(thirty_lines().text), "README.md", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main()
