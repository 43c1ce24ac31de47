"""What a stranger meets first: workflow, templates, citation, security, installation."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

SETUP = (ROOT / "setup.py").read_text(encoding="utf-8")
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def parsed(name: str):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_workflow_runs_the_checks_on_the_oldest_and_the_newest_python():
    workflow = parsed(".github/workflows/checks.yml")
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    minors = [int(minor) for minor in re.search(r"minor in \((.+?)\)", SETUP)[1].split(",")]
    assert job["strategy"]["matrix"]["python"] == [f"3.{minors[0]}", f"3.{minors[-1]}"]
    assert job["steps"][-1]["run"] == ".ci/run"
    for step in job["steps"]:
        assert set(step) <= {"uses", "with", "name", "run"}


def test_no_address_is_invented():
    """The repository's own is in REPOSITORY, once its owner has set it."""
    files = (".github/workflows/checks.yml", ".pre-commit-config.yaml", "SECURITY.md")
    for name in (*files, "CODE_OF_CONDUCT.md", *(str(form.relative_to(ROOT)) for form in FORMS)):
        assert not re.search(r"://|\w@\w+\.", (ROOT / name).read_text(encoding="utf-8")), name
    assert len((ROOT / "REPOSITORY").read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_issue_forms_have_what_github_asks_for(form):
    content = parsed(str(form.relative_to(ROOT)))
    if form.stem == "config":
        assert content == {"blank_issues_enabled": False}
        return
    assert {"name", "description", "body"} <= set(content)
    identifiers = [element["id"] for element in content["body"] if element["type"] != "markdown"]
    assert identifiers and len(identifiers) == len(set(identifiers))
    for element in content["body"]:
        assert element["type"] in ("markdown", "textarea", "input", "dropdown", "checkboxes")
        shown = "value" if element["type"] == "markdown" else "label"
        assert element["attributes"][shown]


def test_hooks_are_the_repositorys_own():
    for repository in parsed(".pre-commit-config.yaml")["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            assert hook["language"] in ("system", "fail")


def test_citation_is_of_this_version():
    citation = parsed("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert f'VERSION = "{citation["version"]}"' in SETUP
    assert f'license="{citation["license"]}"' in SETUP
    (paper,) = citation["references"]
    assert paper["identifiers"][0]["value"] == "arXiv:2507.21395"


@pytest.mark.parametrize("name", ["SECURITY.md", "CODE_OF_CONDUCT.md"])
def test_reports_go_to_the_repositorys_private_report(name):
    assert '"Report a vulnerability"' in (ROOT / name).read_text(encoding="utf-8")


def test_nobody_is_told_to_install_the_package_from_pypi():
    """It is not there: see `how_to_install`. After a release, docs/releasing.md tries it."""
    command = ["git", "grep", "-lE", r"pip3? install [^.]*\bsynctva\b", "--", "."]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if run.returncode > 1:
        pytest.skip("not a git checkout")
    found = set(run.stdout.split()) - {str(Path(__file__).relative_to(ROOT))}
    assert found <= {"docs/releasing.md"}
