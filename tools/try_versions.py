"""Run the tests on the oldest or the newest versions of the dependencies that setup.py allows.

    python tools/try_versions.py minimum --python python3.10
    python tools/try_versions.py newest --python python3.13 tests/modeling_synctva -x

Each combination of versions and Python gets its own environment in build/versions/, which is kept.
The bounds are read from setup.py. Without further settings, pip installs torch's CUDA build on
Linux, which is several GB: point it to a CPU build (PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS).
"""

from __future__ import annotations

import argparse
import os
import runpy
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("dev", "logging", "media")  # those of `make setup`


def requirements() -> list[Requirement]:
    """Return the requirements in setup.py, with the extras."""
    with mock.patch("setuptools.setup") as setup:
        runpy.run_path(str(ROOT / "setup.py"))
    given: Mapping[str, Any] = setup.call_args.kwargs
    lines = [given["install_requires"], *(given["extras_require"][extra] for extra in EXTRAS)]
    return [Requirement(line) for group in lines for line in group]


def lower_bounds() -> dict[str, Version]:
    """Return the oldest version of each distribution that all requirements allow."""
    bounds: dict[str, Version] = {}
    for requirement in requirements():
        (bound,) = (Version(s.version) for s in requirement.specifier if s.operator == ">=")
        bounds[requirement.name] = max(bound, bounds.get(requirement.name, bound))
    return bounds


def prepare(versions: str, python: str, packages: list[str]) -> Path:
    """Make the environment, install everything, and return its Python."""
    tag = "import sys; print('{}.{}'.format(*sys.version_info))"
    release = subprocess.run([python, "-c", tag], check=True, capture_output=True, text=True).stdout
    folder = ROOT / "build" / "versions" / f"{versions}-{release.strip()}"
    subprocess.run([python, "-m", "venv", folder], check=True)
    constraints = folder / "constraints.txt"
    pins = lower_bounds().items() if versions == "minimum" else ()
    constraints.write_text("".join(f"{name}=={bound}\n" for name, bound in pins))
    interpreter = folder / "bin" / "python"
    pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    project = f"{ROOT}[{','.join(EXTRAS)}]"
    # setuptools and wheel too, as in `make setup`: the tests build packages without isolation.
    tools = ["setuptools", "wheel"]
    subprocess.run([*pip, "--upgrade", "-c", str(constraints), *tools, "-e", project], check=True)
    if packages:
        subprocess.run([*pip, "--no-deps", *packages], check=True)
    return interpreter


def main() -> int:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="All other arguments are passed to pytest.",
        allow_abbrev=False,
    )
    parser.add_argument("versions", choices=("minimum", "newest"))
    parser.add_argument("--python", default="python3", help="interpreter of the environment")
    parser.add_argument("--package", action="append", default=[], help="install it too, alone")
    options, tests = parser.parse_known_args()
    start = time.monotonic()
    python = prepare(options.versions, options.python, options.package)
    installed = "from importlib.metadata import version; import sys; print(*(f'{n} {version(n)}' "
    installed += "for n in sys.argv[1:]), sep=', ')"
    subprocess.run([python, "-V"], check=True)
    subprocess.run([python, "-c", installed, *lower_bounds()], check=True)
    print(f"installed in {time.monotonic() - start:.0f} s", flush=True)
    return subprocess.run(
        [python, "-m", "pytest", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main())
