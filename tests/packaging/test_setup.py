"""What is installed: the built wheel's files, and the versions that belong together."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "synctva": "synctva",
    "synctva_command_line": "synctva_command_line",
    "modeling_synctva": "synctva/modeling_synctva",
    "configuration": "synctva/configuration",
    "datasets_scripts": "synctva/datasets_scripts",
    "synctva-meld": "synctva/checkpoint",
    "synctva-meld-causal": "synctva/causal_checkpoint",
}
"""Folders of the repository -> folders of the installed package."""

BUILD_FILES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "REPOSITORY")
"""What a build reads beside these folders."""


@pytest.fixture(scope="module")
def installed_files(tmp_path_factory) -> set[str]:
    """The names in a wheel, built from a copy of the tree so that nothing is left behind in it."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, source / folder, symlinks=True, ignore=ignored)
    for name in BUILD_FILES:
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    run = subprocess.run(
        [*command, "--no-index", "-w", str(built), str(source)],
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    assert run.returncode == 0, run.stderr
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def shipped(folder: Path) -> list[Path]:
    """Return the files that have to reach the user, by suffix."""
    suffixes = {".py", ".json", ".yaml", ".safetensors", ".typed", ".md", ".css", ".js"}
    paths = (path for path in folder.rglob("*") if path.suffix in suffixes)
    return [path for path in paths if "__pycache__" not in path.parts]


@pytest.mark.parametrize("folder", FOLDERS)
def test_wheel_ships_every_file_of_the_package(folder, installed_files):
    missing = {
        str(path.relative_to(ROOT))
        for path in shipped(ROOT / folder)
        if f"{FOLDERS[folder]}/{path.relative_to(ROOT / folder).as_posix()}" not in installed_files
    }
    assert not missing


def test_wheel_puts_nothing_but_the_command_beside_the_package(installed_files):
    top = {name.split("/")[0] for name in installed_files}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "synctva",
        "synctva_command_line",
    }


def test_installed_presets_and_profiles_are_found_from_the_package():
    configuration = files("synctva.configuration")
    assert configuration.joinpath("presets", "meld", "config.json").is_file()
    assert configuration.joinpath("accelerate", "single_process.yaml").is_file()


def test_torch_is_pinned_within_the_range_that_the_package_accepts():
    (pinned,) = (Requirement(line) for line in (ROOT / "constraints.txt").read_text().split())
    accepted = re.search(r'"(torch>=[^"]+)"', (ROOT / "setup.py").read_text())
    assert pinned.name == "torch" and accepted
    (specifier,) = pinned.specifier
    assert specifier.version in Requirement(accepted[1]).specifier


def test_setup_names_no_registry():
    """Where packages come from is the user's choice, in pip's own settings."""
    for name in ("Makefile", "setup.py", "pyproject.toml", "constraints.txt", ".ci/run"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|--index-url|--extra-index-url|--find-links", text), name


@pytest.fixture
def setup_py(monkeypatch) -> dict[str, Any]:
    """The functions and constants of setup.py."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("setuptools.setup", lambda **arguments: None)
    return runpy.run_path("setup.py")


README = """# Name
[pages](docs/README.md), [a `word`](CHANGELOG.md#unreleased), [below](#more), [far](https://a.b/c)

![figure](docs/images/a.png)

`[code](x.md)`
```
[code](y.md)
```
"""


def test_long_description_is_the_readme_with_absolute_links(setup_py):
    url, tag = "https://host/owner/name", f"v{setup_py['VERSION']}"
    assert setup_py["repository"](f"{url}/\n") == url
    text = setup_py["long_description"](README, url)
    assert text.splitlines() == [
        "# Name",
        f"[pages]({url}/blob/{tag}/docs/README.md), "
        f"[a `word`]({url}/blob/{tag}/CHANGELOG.md#unreleased), "
        f"[below]({url}/blob/{tag}/README.md#more), [far](https://a.b/c)",
        "",
        f"![figure]({url}/raw/{tag}/docs/images/a.png)",
        *README.splitlines()[4:],
    ]
    links = setup_py["project_urls"](url)
    assert set(links) == {"Homepage", "Documentation", "Issues", "Changelog"}
    assert all(link.startswith(url) for link in links.values())


def test_without_an_address_links_are_text_and_none_is_invented(setup_py):
    assert setup_py["repository"]("Not set. Replace this line.\n") is None
    text = setup_py["long_description"](README, None)
    assert text.splitlines() == [
        "# Name",
        "pages, a `word`, below, [far](https://a.b/c)",
        "",
        "",
        *README.splitlines()[4:],
    ]
    assert setup_py["project_urls"](None) == {}


def test_links_of_the_readme_become_absolute(setup_py):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    text = setup_py["long_description"](readme, "https://host/owner/name")
    prose = re.sub(r"^```.*?^```$|`[^`]*`", "", text, flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", prose)
    assert targets and all(target.startswith("https://") for target in targets)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_setup_is_stale_when_the_checkout_moved_or_something_else_is_asked_for(tmp_path):
    for name in ("Makefile", "setup.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    stamp = tmp_path / ".venv" / ".synctva-setup"
    stamp.parent.mkdir()
    # The variables of a `make test` around this test must not reach the make inside it.
    outer = ("TORCH", "SCATTER", "SPEECH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
    environment = {key: value for key, value in os.environ.items() if key not in outer}

    def up_to_date(*arguments: str) -> bool:
        command = ["make", "--question", "setup", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment).returncode == 0

    assert not up_to_date()
    stamp.write_text(f"{tmp_path}\n\n")
    assert up_to_date()
    assert not up_to_date("TORCH=torch==2.9.0")
    stamp.write_text(f"{tmp_path}\ntorch==2.9.0\n")
    assert up_to_date()  # the choice is kept
    assert up_to_date("TORCH=torch==2.9.0")
    assert not up_to_date("SCATTER=1")
    stamp.write_text(f"{tmp_path}\n\nscatter\n\n")
    assert up_to_date()
    assert up_to_date("SCATTER=1")
    assert not up_to_date("SPEECH=1")
    stamp.write_text(f"{tmp_path}\n\n\nspeech\n")
    assert up_to_date("SPEECH=1")
    assert not up_to_date("SCATTER=1")
    stamp.write_text("/somewhere/else\n\n\n\n")
    assert not up_to_date()
    stamp.write_text(f"{tmp_path}\n\n\n\n")
    assert up_to_date()
    os.utime(tmp_path / "setup.py", (stamp.stat().st_mtime + 10,) * 2)
    assert not up_to_date()


def test_the_makefile_installs_the_encoder_of_the_extra(monkeypatch):
    given: dict[str, Any] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("setuptools.setup", lambda **arguments: given.update(arguments))
    runpy.run_path("setup.py")
    pinned = re.search(r"^ENCODER_WEIGHTS := (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert given["extras_require"]["text"] == [pinned[1]]
