"""Run transformers' own common tests on our classes: `make test-transformers`."""

import pytest
from transformers.models.auto import modeling_auto, processing_auto

from synctva import SyncTVAConfig, SyncTVAForEmotionRecognition, SyncTVAModel, SyncTVAProcessor

MARKERS = (
    "accelerate_tests",
    "flash_attn_test",
    "flash_attn_3_test",
    "flash_attn_4_test",
    "is_pipeline_test",
    "torch_compile_test",
)
"""Markers of transformers' tests, which `--strict-markers` requires to be declared."""

NAMES = (
    (modeling_auto.MODEL_MAPPING_NAMES, SyncTVAModel),
    (modeling_auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES, SyncTVAForEmotionRecognition),
    (processing_auto.PROCESSOR_MAPPING_NAMES, SyncTVAProcessor),
)
"""The mappings in which the common tests look up the purpose of a class."""


def pytest_configure(config):
    for name in MARKERS:
        config.addinivalue_line("markers", f"{name}: set by transformers' own tests")


def pytest_ignore_collect(config):
    """Ignore this folder in the default run, because collecting it downloads the tests."""
    return True if config.option.markexpr == "not slow" else None


@pytest.fixture(autouse=True)
def known_to_transformers(monkeypatch):
    """Add our classes to transformers' mappings of its own models."""
    for names, entry in NAMES:
        monkeypatch.setitem(names, SyncTVAConfig.model_type, entry.__name__)
