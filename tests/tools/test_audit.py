"""What pip-audit found is told, and that it could not look is not told as success."""

import json

import pytest

from tools.audit import main

SKIPPED = {"name": "own", "skip_reason": "not found on PyPI"}
CLEAN = {"name": "good", "version": "1.0", "vulns": []}
FLAWED = {
    "name": "bad",
    "version": "2.0",
    "vulns": [{"id": "X-1", "fix_versions": ["2.1"]}, {"id": "X-2", "fix_versions": []}],
}


@pytest.fixture
def auditor(tmp_path):
    """Make a program that answers as pip-audit would."""

    def make(printed: str) -> str:
        program = tmp_path / "python"
        program.write_text(
            f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\n" if printed else "#!/bin/sh\n"
        )
        program.chmod(0o755)
        return str(program)

    return make


def report(*packages) -> str:
    return json.dumps({"dependencies": packages})


def test_vulnerabilities_are_listed(auditor, capsys):
    assert main(auditor(report(CLEAN, SKIPPED, FLAWED))) == 1
    assert capsys.readouterr().out.splitlines() == [
        "bad 2.0: X-1, fixed in 2.1",
        "bad 2.0: X-2, fixed in no version",
        "2 known vulnerabilities in 2 packages; 1 are not on PyPI",
    ]


def test_no_vulnerability(auditor, capsys):
    assert main(auditor(report(CLEAN))) == 0
    assert capsys.readouterr().out.startswith("0 known vulnerabilities in 1 packages")


@pytest.mark.parametrize("printed", ["", report(SKIPPED)])
def test_nothing_audited_is_said(printed, auditor, capsys):
    assert main(auditor(printed)) == 0
    assert capsys.readouterr().out.startswith("No advisory data")
