"""What is published: wheel and source distribution, and that they work on their own."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PREDICT = ["--text", "good day", "no way !"]


def run(*command: object, folder: Path, **environment: str) -> str:
    """Run a command, which must succeed, and return what it prints."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the repository's files, with its links, without what was built or left in it."""
    listed = run("git", "ls-files", "-z", "-co", "--exclude-standard", folder=ROOT).split("\0")
    folder = tmp_path_factory.mktemp("source")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture(scope="module")
def sdist(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "setup.py", "-q", "sdist", "-d", folder, folder=source)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """A wheel built from the source distribution, as an installer does that finds no wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder]
    run(sys.executable, "-m", "pip", "wheel", *options, sdist, folder=folder)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """An environment with the wheel, which sees the packages of this one but not its `synctva`.

    The packages of this one come last on its path, and their `.pth` files, which would make the
    editable installation visible, are not read.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    scripts = folder / "bin"
    (packages,) = (folder / "lib").glob("python*/site-packages")
    (packages / "others.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("site-packages"))
    )
    options = ["-q", "--no-deps", "--no-index", "--ignore-installed"]
    python = scripts / "python"
    run(python, "-m", "pip", "install", *options, wheel, folder=folder)
    where = run(python, "-c", "import synctva; print(synctva.__file__)", folder=folder)
    assert Path(where.strip()) == packages / "synctva" / "__init__.py"
    return scripts


def names(archive: Path) -> set[str]:
    """Return the files of an archive; of a source distribution, below its folder."""
    if archive.suffix == ".whl":
        return set(zipfile.ZipFile(archive).namelist())
    with tarfile.open(archive) as tar:
        assert all(member.isfile() or member.isdir() for member in tar.getmembers())  # no links
        files = (member.name for member in tar.getmembers() if member.isfile())
        return {name.partition("/")[2] for name in files}


def contents(archive: Path, name: str) -> bytes:
    """Return a file of an archive; of a source distribution, below its folder."""
    if archive.suffix == ".whl":
        return zipfile.ZipFile(archive).read(name)
    with tarfile.open(archive) as tar:
        file = tar.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{name}")
        assert file is not None
        return file.read()


@pytest.mark.slow
def test_wheel_holds_the_package_and_its_licences(wheel):
    held = names(wheel)
    assert {name.split("/")[0] for name in held if ".dist-info/" not in name} == {
        "synctva",
        "synctva_command_line",
    }
    assert "synctva/py.typed" in held
    for name in ("LICENSE", "NOTICE"):
        (licence,) = (held_name for held_name in held if held_name.endswith(f"licenses/{name}"))
        assert contents(wheel, licence) == (ROOT / name).read_bytes()
    # The checkpoint that ships with the package and the face networks; no other weights, no data.
    assert {name for name in held if name.endswith(".safetensors")} == {
        "synctva/checkpoint/model.safetensors",
        "synctva/video/face_synctva.safetensors",
    }
    data = (".csv", ".jsonl", ".parquet", ".npy", ".npz", ".pkl", ".pt", ".bin", ".mp4", ".wav")
    assert not [name for name in held if name.endswith(data) or "__pycache__" in name]
    assert wheel.stat().st_size < 25_000_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, installed",
    [("synctva-meld", "checkpoint"), ("synctva-meld-causal", "causal_checkpoint")],
)
def test_code_of_a_checkpoint_is_real_files(name, installed, source, sdist, wheel):
    code = [path for path in (source / name).glob("*.py") if path.is_symlink()]
    assert code
    for path in code:
        assert contents(sdist, f"{name}/{path.name}") == path.read_bytes()
        assert contents(wheel, f"synctva/{installed}/{path.name}") == path.read_bytes()


@pytest.mark.slow
def test_source_distribution_holds_the_repository(source, sdist):
    held = names(sdist)
    kept = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    assert kept - held <= {".gitignore"}
    made = {name for name in held - kept if not name.startswith("synctva.egg-info/")}
    assert made == {"PKG-INFO", "setup.cfg"}


@pytest.mark.slow
def test_metadata_says_what_it_runs_on(wheel):
    (written,) = (name for name in names(wheel) if name.endswith(".dist-info/METADATA"))
    said = message_from_bytes(contents(wheel, written))
    assert said["Requires-Python"] == ">=3.10"
    assert {"LICENSE", "NOTICE"} == set(said.get_all("License-File"))
    versions = {f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)}
    assert versions <= set(said.get_all("Classifier"))
    assert "emotion recognition in conversation" in said["Keywords"]


@pytest.mark.slow
def test_installed_wheel_answers(environment, toy_encoder_folder, tmp_path):
    help_text = run(environment / "synctva", "--help", folder=tmp_path)
    assert "synctva <command> --help" in help_text
    predict = [environment / "synctva", "predict", *PREDICT]
    answers = run(*predict, folder=tmp_path, HF_HUB_OFFLINE="1").splitlines()
    assert len(answers) == 2


@pytest.mark.slow
def test_installed_wheel_trains_and_evaluates(environment, tmp_path):
    small = "hidden_size=16,intermediate_size=16,num_attention_heads=2,num_hidden_layers=1"
    options = ["--max_train_conversations", "20", "--num_train_epochs", "1", "--use_cpu"]
    program = environment / "synctva"
    run(program, "train", *options, "--config_overrides", small, folder=tmp_path)
    printed = run(program, "evaluate", "--json", "--use_cpu", folder=tmp_path)
    assert '"of_optimum"' in printed
    launch = ["-m", "accelerate.commands.launch", "--num_processes", "1", "--cpu", "--module"]
    run(
        *(environment / "python", *launch, "synctva.commands.train", *options),
        *("--config_overrides", small, "--output_dir", "launched"),
        folder=tmp_path,
    )
    assert (tmp_path / "launched" / "results.json").is_file()
