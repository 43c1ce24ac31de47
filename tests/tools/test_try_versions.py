"""The bounds that are tried are those of setup.py."""

import pytest
from packaging.version import Version

from tools import try_versions
from tools.try_versions import ROOT, lower_bounds, requirements


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)  # setup.py reads files beside it


def test_every_requirement_has_a_lower_bound():
    bounds = lower_bounds()
    assert set(bounds) == {requirement.name for requirement in requirements()}
    assert {"torch", "transformers", "pytest", "av", "tensorboard"} <= set(bounds)
    for requirement in requirements():
        assert bounds[requirement.name] in requirement.specifier


def test_of_two_bounds_the_higher_counts(monkeypatch):
    extras = [*try_versions.EXTRAS, "onnx"]
    monkeypatch.setattr(try_versions, "EXTRAS", extras)
    named = [str(r.specifier) for r in requirements() if r.name == "torch"]
    assert len(named) == 2
    assert lower_bounds()["torch"] == max(Version(name.removeprefix(">=")) for name in named)
