"""The common tests of the installed version of transformers, from its source distribution.

The wheel does not contain them. `load` downloads the distribution with pip, once per version, and
keeps its tests in the git-ignored `build/`, which `make clean` removes.
"""

import importlib
import importlib.util
import subprocess
import sys
import tarfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pytest
import transformers

DISTRIBUTION = f"transformers-{transformers.__version__}"
FOLDER = Path(__file__).parents[2] / "build" / "transformers_tests"
PACKAGE = "transformers_tests"

STAND_INS = {
    # The distribution lacks the subfolders of tests/. The common tests import these from them:
    "tests/exporters/test_export.py": "class ExportTesterMixin: pass\n",
    "tests/generation/test_utils.py": "class GenerationTesterMixin: pass\n",
    # Fields of `PreTrainedConfig` with other values than the defaults.
    "tests/utils/test_configuration_utils.py": """config_common_kwargs = {
    "architectures": ["SyncTVAModel"],
    "chunk_size_feed_forward": 5,
    "dtype": "float16",
    "id2label": {0: "calm", 1: "glad"},
    "label2id": {"calm": 0, "glad": 1},
    "output_hidden_states": True,
    "problem_type": "single_label_classification",
    "return_dict": False,
}
""",
    "tests/utils/tiny_model_summary.json": "{}\n",  # describes models on the Hub
    "utils/fetch_hub_objects_for_ci.py": "url_to_local_path = str\n",
    # Executed to find the module `transformers`; the installed one is then used.
    "tests/__init__.py": "",
    "src/transformers/__init__.py": "",
}
"""Files that the common tests need and that the distribution lacks."""


def load(name: str) -> ModuleType:
    """Return a module of transformers' tests, or skip the calling module if it is unavailable."""
    reason = "transformers' tests need `pip install parameterized`"
    pytest.importorskip("parameterized", reason=reason)
    root = FOLDER / DISTRIBUTION
    if failure := fetch(root):
        pytest.skip(failure, allow_module_level=True)
    if PACKAGE not in sys.modules:
        folder = root / "tests"
        spec = importlib.util.spec_from_file_location(
            PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    try:
        return importlib.import_module(f"{PACKAGE}.{name}")
    except ModuleNotFoundError as error:  # other versions import other files
        if not str(error.name).startswith(PACKAGE):
            raise
        pytest.skip(
            f"{DISTRIBUTION}.tar.gz has {name} without {error.name}, which it needs",
            allow_module_level=True,
        )


@cache  # so that a failure costs its time-out only once
def fetch(root: Path) -> str:
    """Download the tests to `root` unless they are there; return an error message, or ""."""
    if root.is_dir():
        return ""
    root.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=root.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
        command += ["--retries", "1", "--timeout", "15", "--no-deps", "--no-binary", ":all:"]
        run = subprocess.run(
            [*command, "-d", folder, DISTRIBUTION.replace("-", "==")],
            capture_output=True,
            text=True,
            timeout=300,
        )
        if run.returncode:
            lines = run.stderr.strip().splitlines() or ["pip gave no reason"]
            return f"{DISTRIBUTION}.tar.gz, which has the tests, cannot be downloaded: {lines[-1]}"
        with tarfile.open(Path(folder, f"{DISTRIBUTION}.tar.gz")) as archive:
            tests = [m for m in archive if m.name.startswith(f"{DISTRIBUTION}/tests/")]
            archive.extractall(folder, tests, filter="data")
        for name, text in STAND_INS.items():
            file = Path(folder, DISTRIBUTION, name)
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        Path(folder, DISTRIBUTION).rename(root)
    return ""
