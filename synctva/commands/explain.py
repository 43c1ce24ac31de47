"""Explain the emotion of one utterance.

    synctva explain --text "I got the job!" "That is wonderful!" --utterance 1
    synctva explain --file conversation.json --utterance 3 --label joy --json
    synctva explain --file conversation.json --utterance 3 --plots folder

The file contains one conversation, in any form that `synctva predict` reads. The plots are
shapley.png and attention.png. docs/explanations.md says how to read both.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import pipeline
from transformers.utils import logging

import synctva  # noqa: F401  (registers the pipeline)
from synctva.files import written_whole
from synctva.model_lookup import find_model
from synctva.plots import plot_attention, plot_shapley
from synctva.transcripts.reading import read_conversations
from synctva_command_line.parsing import parse, parser_of


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("explain"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    conversation = options.text
    if options.file:
        conversation, *others = read_conversations(options.file)[0]
        if others:
            raise SystemExit(f"{options.file} has {1 + len(others)} conversations: expected one")
    logging.disable_progress_bar()
    recognise = pipeline("emotion-recognition", model=find_model(options.model))
    try:
        explanation = recognise.explain(conversation, options.utterance, options.label)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    if options.json:
        print(json.dumps(explanation, indent=2, ensure_ascii=False))
    else:
        print(table(explanation, options.edges))
    if options.plots:
        with written_whole(options.plots) as unfinished:
            plot_shapley(explanation).savefig(unfinished / "shapley.png")
            plot_attention(explanation).savefig(unfinished / "attention.png")


def table(explanation: Mapping[str, Any], edges: int) -> str:
    """Return an explanation as text, with this number of edges."""
    whole, empty = (explanation["log_probabilities"][i]["log_probability"] for i in (0, -1))
    lines = [
        f"utterance {explanation['utterance']}: {explanation['label']}, probability "
        f"{math.exp(whole):.3f}, from its context alone {math.exp(empty):.3f}",
        *explanation["cautions"],
        "",
        "modality  Shapley value (nats)",
    ]
    for name, value in explanation["shapley"].items():
        missing = "" if name in explanation["modalities"] else "  missing"
        lines.append(f"{name:8}  {value:+.3f}{missing}")
    lines += ["", "attention  layer    from utterance  relation"]
    for edge in explanation["edges"][:edges]:
        lines.append(
            f"{edge['attention']:9.3f}  {edge['layer']:7}  {edge['source_utterance']:14}  "
            f"{edge['relation']}"
        )
    return "\n".join(lines)
