"""Peak memory of the graph attention, forward and backward, by backend; Linux only.

python -m benchmarks.speed.memory --run sparse iemocap
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.peak_memory import peak_megabytes
from synctva.modeling_synctva.graph import HeterogeneousGraph
from synctva.modeling_synctva.graph_attention import BACKENDS
from synctva.modeling_synctva.graph_attention_torch_scatter import torch_scatter_available

from .shapes import FULL, TOY, Size, batch, lengths

COMPARED = ("scatter", "sparse", "torch_scatter")


def measure(size: Size) -> dict[str, Any]:
    """Return megabytes above the inputs on IEMOCAP's shapes, by backend, a process for each."""
    backends = filter(available, COMPARED)
    return {backend: apart(backend, "iemocap", toy=size == TOY) for backend in backends}


def available(backend: str) -> bool:
    """Return whether the package that a backend needs, if any, is installed."""
    return backend != "torch_scatter" or torch_scatter_available()


def apart(backend: str, corpus: str, toy: bool) -> float:
    """Call `peak_above_inputs` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.speed.memory", "--run", backend, corpus]
    command += ["--toy"] if toy else []
    return float(json.loads(subprocess.check_output(command, text=True).splitlines()[-1]))


def peak_above_inputs(backend: str, corpus: str, size: Size) -> float:
    """Return the peak of megabytes that forward and backward of the attention need.

    The graph, queries, keys, values and biases are not counted; their gradients are.
    """
    config = size.build_config(corpus)
    tensors = batch(config, corpus, lengths(corpus, size.batch_size(corpus)))["graph"]
    graph = HeterogeneousGraph.from_tensors(tensors)
    heads, width = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    nodes = len(graph.nodes.utterance)
    attention = BACKENDS[backend]

    def forward_and_backward(few: int) -> None:
        """Run with this many times fewer channels."""
        arguments = [
            torch.randn(rows, heads, width // few, requires_grad=True)
            for rows in (nodes, nodes, 3 * nodes)
        ]
        bias = torch.randn(len(graph.edges.source), heads, requires_grad=True)
        if few == 1:
            forget_peak()
        before = peak_megabytes()
        attention(*arguments, bias, graph.edges)[0].sum().backward()
        found.append(peak_megabytes() - before)

    found: list[float] = []
    forward_and_backward(width)  # the libraries load their code and buffers
    forward_and_backward(1)
    return found[-1]


def forget_peak() -> None:
    """Reset the process's peak to its present memory, see proc(5)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--run", nargs=2, metavar=("BACKEND", "CORPUS"), required=True)
    parser.add_argument("--toy", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    backend, corpus = options.run
    print(json.dumps(peak_above_inputs(backend, corpus, TOY if options.toy else FULL)))


if __name__ == "__main__":
    main()

__all__ = ["COMPARED", "available", "measure", "peak_above_inputs"]
