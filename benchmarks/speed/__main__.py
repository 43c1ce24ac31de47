"""Speed and memory of Sync-TVA and of its alternatives; takes minutes on one quiet core.

    python -m benchmarks.speed              # results/speed/<processor>.json and plots
    python -m benchmarks.speed --json FILE --write docs/speed.md
    python -m benchmarks.speed --toy --json FILE    # checks in seconds that everything runs

Everything runs on one thread, and times are its processor time, so that other work on the machine
counts little; subjects that are compared take turns. Conversations are random, with the lengths and
widths of the corpora. There are two runs, each in a process of its own: one with glibc's default
allocator settings, which all figures use unless they say otherwise, and one with raised thresholds,
so that the process keeps its memory. Each setting applies to every subject of its run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from synctva.provenance import provenance

from .plots import save_plots
from .report import contract, document_tables
from .shapes import FULL, TOY, Size

RESULTS = Path(__file__).parents[1] / "results" / "speed"

ALLOCATORS = {
    "default": {},
    "raised": {
        # The largest value that glibc accepts for the first.
        "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
        "MALLOC_TRIM_THRESHOLD_": str(2**30),
        "MALLOC_TOP_PAD_": str(64 * 2**20),
    },
}

PARTS = {
    "default": (
        "layer", "whole_models", "step", "limits", "settings", "lengths", "latency", "memory",
        "training_run",
    ),
    "raised": ("layer", "whole_models", "settings"),
}  # fmt: skip

NEEDS = {"layer": "torch_geometric"}
"""Packages that only `pip install -e '.[bench]'` installs, by the part that needs them."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    size = TOY if options.toy else FULL
    if options.run:
        print(json.dumps(run_parts(options.run, size)))
        return
    parts = {name: apart(name, options.toy) for name in ALLOCATORS}
    results = {**contract(parts), "machine": machine(), "parts": parts}
    path = options.json or RESULTS / f"{processor_name()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({k: v for k, v in results.items() if k != "parts"}, indent=2))
    print(path)
    for plot in save_plots(parts, path.with_suffix("")):
        print(plot)
    for document in options.write:
        document_tables(results, document)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--json", type=Path, help="file for the results; the plots go next to it")
    parser.add_argument(
        "--write", type=Path, nargs="+", default=[], help="documents to put the tables into"
    )
    parser.add_argument("--toy", action="store_true", help="tiny sizes: check that everything runs")
    parser.add_argument("--run", choices=ALLOCATORS, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def apart(allocator: str, toy: bool) -> dict[str, Any]:
    """Call `run_parts` in a process of its own: glibc reads its settings at the start."""
    command = [sys.executable, "-m", "benchmarks.speed", "--run", allocator]
    command += ["--toy"] if toy else []
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    surroundings |= {"OMP_NUM_THREADS": "1", **ALLOCATORS[allocator]}
    output = subprocess.run(
        command, env=surroundings, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(output.stdout.splitlines()[-1])


def run_parts(allocator: str, size: Size) -> dict[str, Any]:
    """Return what each part measures, by its name; parts that cannot run here are left out."""
    torch.set_num_threads(1)
    found = {}
    for name in PARTS[allocator]:
        needed = NEEDS.get(name)
        if needed is not None and find_spec(needed) is None:
            print(f"{name}: left out, {needed} is not installed", file=sys.stderr)
            continue
        print(f"{name}, allocator {allocator}", file=sys.stderr, flush=True)
        found[name] = importlib.import_module(f"{__package__}.{name}").measure(size)
    return found


def machine() -> dict[str, Any]:
    """Describe the machine and the settings of the figures."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": 1,
        "libc": " ".join(platform.libc_ver()),
        "allocators": ALLOCATORS,
        **provenance(),
    }


def processor() -> str:
    """Return the processor's model, with its numbers where Linux knows them."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor() or platform.machine()
    found = dict(re.findall(r"^(model name|cpu family|model)\s*:\s*(.+)$", path.read_text(), re.M))
    return f"{found.get('model name', platform.machine())}" + (
        f" (family {found['cpu family']}, model {found['model']})" if "model" in found else ""
    )


def processor_name() -> str:
    """Return the processor's model as a file name."""
    return re.sub(r"[^a-z0-9]+", "-", processor().lower()).strip("-")


if __name__ == "__main__":
    main()
