"""Export of the inference model to other runtimes: `torch.export`, ONNX, int8."""

from .agreement import TOLERANCE, largest_difference, random_conversations
from .dense import DenseSyncTVA
from .onnx_file import export_onnx, quantize_onnx
from .program import INPUT_NAMES, OUTPUT_NAMES, export_program

__all__ = [
    "INPUT_NAMES",
    "OUTPUT_NAMES",
    "TOLERANCE",
    "DenseSyncTVA",
    "export_onnx",
    "export_program",
    "largest_difference",
    "quantize_onnx",
    "random_conversations",
]
