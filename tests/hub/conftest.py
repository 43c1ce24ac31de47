"""A Hub for each test module, and its clients in separate processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .server import Hub

ROOT = Path(__file__).resolve().parents[2]
TOKENS = {"hf_of_user": "user", "hf_of_other": "other"}


class Client:
    """Starts programs that use this Hub instead of the real one.

    They are separate processes, because libraries read the Hub's address when they are first
    imported, and the process of the tests is offline.
    """

    def __init__(self, hub: Hub, home: Path):
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(home),
            "HF_TOKEN": "hf_of_user",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
            "OMP_NUM_THREADS": "1",
        }

    def start(self, *arguments: object, token: str | None = None) -> subprocess.Popen[str]:
        """Start `python <arguments>` in the repository's root.

        Args:
            arguments: of Python.
            token: of another user, or "" for none.
        """
        changed = {} if token is None else {"HF_TOKEN": token}
        return subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=ROOT,
            env={**self.environment, **changed},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object, token: str | None = None) -> str:
        """Run such a program to its successful end, and return what it printed."""
        with self.start(*arguments, token=token) as process:
            printed, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        return printed


@pytest.fixture(scope="module")
def hub():
    with Hub(TOKENS) as hub:
        yield hub
    assert hub.unknown == []


@pytest.fixture(scope="module")
def client(hub, tmp_path_factory):
    return Client(hub, tmp_path_factory.mktemp("home"))
