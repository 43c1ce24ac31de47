"""What the tests of the export share: skips, a causal variant, and the comparison of answers."""

from importlib.util import find_spec

import pytest
import torch

from synctva.export import OUTPUT_NAMES

CAUSAL = {
    "causal": True,
    "future_window": 0,
    "cross_future_window": 0,
    "fusion_future_window": 0,
    "text_context_future": 0,
}

needs_recurrence = pytest.mark.skipif(
    find_spec("torch.export._patches") is None, reason="this torch cannot export a dynamic GRU"
)
needs_onnx = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="onnx, onnxscript or onnxruntime is not installed",
)


@torch.no_grad()
def assert_same(model, function, batch, tolerance=1e-5):
    """Check that a function of the batch's entries gives the model's answers."""
    expected = model(**batch)
    for name, values in zip(OUTPUT_NAMES, function(**batch), strict=True):
        torch.testing.assert_close(values, expected[name], rtol=0, atol=tolerance)
