"""The figures that the project set as goals, and tables of all measurements for a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.accuracy.tables import fill_places, markdown

from .shapes import CORPORA

KINDS = ("train", "inference")
OURS = "hgt, ours sparse"


def contract(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures that have goals, one number each; None if its part did not run.

    Args:
        parts: what each part measured, by allocator.
    """
    default = parts["default"]
    layer, memory = default.get("layer"), default["memory"]
    run, limits = default["training_run"], default["limits"]["meld"]
    trained = {name: settings(parts, name, "meld", "train") for name in parts}
    step = {corpus: found["parts"] for corpus, found in default["step"].items()}
    models = default["whole_models"]["meld"]["train"]
    return {
        "layer_vs_pyg_hgt": layer
        and {corpus: ratio(layer["seconds"][corpus]["preset"]["train"]) for corpus in CORPORA},
        "attention_memory_vs_scatter": memory["sparse"] / memory["scatter"],
        "per_utterance_10000_over_100": max(
            growth(default["lengths"]["by_length"][kind]["synctva"]) for kind in KINDS
        ),
        "gemm_fraction": {kind: limits[kind]["of_large"] for kind in KINDS},
        "gemm_fraction_of_its_own_shapes": {kind: limits[kind]["of_products"] for kind in KINDS},
        "train_utterances_per_second": max(max(found.values()) for found in trained.values()),
        "train_utterances_per_second_default": trained["default"]["default"],
        "train_vs_dense_transformer": models["synctva"] / models["transformer-3"],
        "edge_build_fraction": max(times["edges"] / times["step"] for times in step.values()),
        "collation_fraction": max(
            (times["reading"] + times["padding"]) / times["step"] for times in step.values()
        ),
        "meld_run_processor_seconds": run["processor_seconds"],
        "max_output_difference": layer and layer["max_output_difference"],
    }


def ratio(seconds: Mapping[str, float]) -> float:
    """Return how many times faster ours is, by medians."""
    return seconds["hgt"] / seconds[OURS]


def growth(by_length: Mapping[str, float]) -> float:
    """Return an utterance's cost in the longest conversation against one of 100 (or the first)."""
    costs = list(by_length.values())
    return costs[-1] / by_length.get("100", costs[0])


def settings(parts: Mapping[str, Any], allocator: str, corpus: str, kind: str) -> dict[str, float]:
    return parts[allocator]["settings"][corpus][kind]


def goals_table(parts: Mapping[str, Any]) -> str:
    """Return each goal, what was measured, and whether the goal is met."""
    found = contract(parts)
    rows = []
    for name, (key, kind, least, goal) in GOALS.items():
        value = found[key] if kind is None else (found[key] or {}).get(kind)
        if value is None:
            continue
        kept = value >= goal if least else value <= goal
        digits = 0 if goal >= 100 else 3 if goal < 0.1 else 2
        bound = f"{'≥' if least else '≤'} {goal:,g}"
        rows.append([name, bound, f"{value:,.{digits}f}", "yes" if kept else "no"])
    return markdown(["goal", "", "measured", "met"], rows)


def document_tables(results: Mapping[str, Any], path: Path) -> None:
    """Put the tables into the places that a document has for them."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    texts = {
        "speed machine": f"{machine['processor']}, one thread of {machine['cores']} cores; "
        f"{machine['libc']}; {versions}."
    }
    for name, table in TABLES.items():
        try:
            texts[f"speed {name}"] = table(results["parts"])
        except KeyError:  # its part did not run
            continue
    fill_places(path, texts)


def layer_table(parts: Mapping[str, Any]) -> str:
    rows = []
    for allocator, found in parts.items():
        for corpus, widths in found["layer"]["seconds"].items():
            for width, kinds in widths.items():
                for kind, seconds in kinds.items():
                    cells = [f"{1e3 * s:.1f}" for s in seconds.values()]
                    times = [
                        f"{seconds[peer] / seconds[f'{peer}, ours sparse']:.2f}"
                        for peer in ("hgt", "gatv2")
                    ]
                    rows.append([allocator, corpus, width, kind, *cells, *times])
    header = ["allocator", "shapes", "width", "ms per batch", "HGTConv", "ours sparse"]
    header += ["ours scatter", "GATv2Conv", "ours", "HGTConv / ours", "GATv2Conv / ours"]
    return markdown(header, rows)


def models_table(parts: Mapping[str, Any]) -> str:
    columns = [(a, c, k) for a in parts for c in CORPORA for k in KINDS]
    names = parts["default"]["whole_models"]["meld"]["train"]
    rows = [
        [name, *(f"{parts[a]['whole_models'][c][k][name]:,.0f}" for a, c, k in columns)]
        for name in names
    ]
    return markdown(["utterances/s", *(f"{c}, {k}, {a}" for a, c, k in columns)], rows)


def settings_table(parts: Mapping[str, Any]) -> str:
    columns = [(c, k) for c in CORPORA for k in KINDS]
    rows = []
    for allocator in parts:
        for name in settings(parts, allocator, "meld", "train"):
            cells = [f"{settings(parts, allocator, c, k)[name]:,.0f}" for c, k in columns]
            moved = parts[allocator]["settings"]["meld"]["logits_moved"][name]
            rows.append([allocator, name, *cells, f"{moved:.1e}"])
    header = ["allocator", "products", *(f"{c}, {k}" for c, k in columns), "logits moved by"]
    return markdown(header, rows)


def lengths_table(parts: Mapping[str, Any]) -> str:
    found = parts["default"]["lengths"]["by_length"]
    columns = [(kind, name) for kind in KINDS for name in found[kind]]
    rows = [
        [f"{int(n):,}", *(number(found[kind][name].get(n)) for kind, name in columns)]
        for n in found["train"]["synctva"]
    ]
    return markdown(["utterances", *(f"{name}, {kind}" for kind, name in columns)], rows)


def batch_table(parts: Mapping[str, Any]) -> str:
    found = parts["default"]["lengths"]["by_batch"]
    rows = [[n, *(number(found[kind][n]) for kind in KINDS)] for n in found["train"]]
    return markdown(["conversations", *KINDS], rows)


def memory_table(parts: Mapping[str, Any]) -> str:
    found = parts["default"]["memory"]
    rows = [[k, f"{v:.0f}", f"{v / found['scatter']:.2f}"] for k, v in found.items()]
    return markdown(["backend", "MiB", "share of scatter's"], rows)


def limits_table(parts: Mapping[str, Any]) -> str:
    rows = [
        [
            corpus,
            kind,
            f"{these['operations_per_utterance'] / 1e6:.1f}",
            f"{these['gemm_rate'] / 1e9:.0f}",
            f"{these['of_large']:.2f}",
            f"{these['of_products']:.2f}",
        ]
        for corpus, kinds in parts["default"]["limits"].items()
        for kind, these in kinds.items()
    ]
    header = ["shapes", "", "Mflop per utterance", "Gflop/s of 2048³", "limit by 2048³ / step"]
    return markdown([*header, "the products / step"], rows)


def step_table(parts: Mapping[str, Any]) -> str:
    rows = []
    for corpus, found in parts["default"]["step"].items():
        step = found["parts"]["step"]
        rows += [
            [corpus, name, f"{ms:.1f}", f"{100 * ms / step:.1f}%"]
            for kind in ("parts", "train")
            for name, ms in found[kind].items()
        ]
    return markdown(["shapes", "", "ms per batch", "share of a training step"], rows)


def latency_table(parts: Mapping[str, Any]) -> str:
    rows = [
        [name, *(f"{times[clock][p]:.1f}" for clock in times for p in times[clock])]
        for name, times in parts["default"]["latency"].items()
    ]
    return markdown(["ms", "wall p50", "wall p95", "thread p50", "thread p95"], rows)


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


GOALS: dict[str, tuple[str, str | None, bool, float]] = {
    "layer, times faster than HGTConv, MELD's shapes": ("layer_vs_pyg_hgt", "meld", True, 2.3),
    "layer, times faster than HGTConv, IEMOCAP's shapes": (
        "layer_vs_pyg_hgt", "iemocap", True, 2.7,
    ),
    "attention's memory, share of scatter's": ("attention_memory_vs_scatter", None, False, 0.25),
    "cost per utterance, 10,000 against 100": (
        "per_utterance_10000_over_100", None, False, 1.3,
    ),
    "GEMM limit / training step": ("gemm_fraction", "train", True, 0.60),
    "GEMM limit / inference": ("gemm_fraction", "inference", True, 0.65),
    "training on MELD's shapes, fastest setting, utterances per second": (
        "train_utterances_per_second", None, True, 4_000,
    ),
    "training, times faster than the dense Transformer": (
        "train_vs_dense_transformer", None, True, 3,
    ),
    "building edges, share of a step": ("edge_build_fraction", None, False, 0.02),
    "reading and padding, share of a step": ("collation_fraction", None, False, 0.03),
    "a whole run of MELD's size, processor seconds": (
        "meld_run_processor_seconds", None, False, 240,
    ),
}  # fmt: skip
"""Name → the contract's key, its part, whether more is better, and the goal.

Two minutes on two cores are four minutes of processor time.
"""

TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "goals": goals_table,
    "layer": layer_table,
    "models": models_table,
    "settings": settings_table,
    "lengths": lengths_table,
    "batch": batch_table,
    "memory": memory_table,
    "limits": limits_table,
    "step": step_table,
    "latency": latency_table,
}

__all__ = ["TABLES", "contract", "document_tables"]
