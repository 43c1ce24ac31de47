import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_entry_for_launchers_has_the_options_of_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / "train.py"), run_name="__main__")
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "--dataset" in printed and "--modality_dropout" in printed


def test_there_are_six_scripts_to_copy_beside_it():
    scripts = sorted(path for path in EXAMPLES.glob("*.py") if path.name != "train.py")
    assert len(scripts) == 6
    assert all(20 <= len(path.read_text().splitlines()) <= 70 for path in scripts)
