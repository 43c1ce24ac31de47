import unittest

import pytest
import transformers
from packaging.version import Version
from torch.nn.modules.module import register_module_forward_pre_hook

from . import test_modeling, test_processing
from .skips import MODEL, PROCESSOR, WRITTEN_FOR, fitting

pytestmark = pytest.mark.slow

TABLE = [
    *((test_modeling.SyncTVAModelTest, pattern) for pattern in MODEL),
    *((test_processing.SyncTVAProcessorTest, pattern) for pattern in PROCESSOR),
]


def outcome(case: type, name: str) -> str:
    """Run a skipped test and return what it does."""
    unskipped = type(case.__name__, (case,), {name: getattr(case, name).__wrapped__})
    result, ran = unittest.TestResult(), []
    hook = register_module_forward_pre_hook(lambda module, inputs: ran.append(module))
    try:
        unittest.TestSuite([unskipped(name)]).run(result)
    finally:
        hook.remove()
    if result.failures or result.errors:
        return "fails"
    if result.skipped:
        return f"is skipped by transformers: {result.skipped[0][1]}"
    return "passes" if ran else "runs no model"


@pytest.mark.parametrize(
    "case, pattern", TABLE, ids=[f"{case.__name__}-{pattern}" for case, pattern in TABLE]
)
def test_no_skip_is_stale(case, pattern):
    names = fitting(case, pattern)
    if not names and Version(transformers.__version__) < Version(WRITTEN_FOR):
        pytest.skip(f"transformers {transformers.__version__} does not have this test yet")
    assert names, f"transformers has no test {pattern} any more"
    outcomes = {name: outcome(case, name) for name in names}
    stale = {name: did for name, did in outcomes.items() if did not in ("fails", "runs no model")}
    assert not stale
