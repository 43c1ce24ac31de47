"""A tiny Whisper encoder, in transformers and as a file of CTranslate2's format."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

SECONDS = 1
"""Of sound that it reads at once."""


def tiny_whisper() -> WhisperEncoder:
    """Return an encoder with two layers of width 16."""
    torch.manual_seed(0)
    config = WhisperConfig(
        d_model=16,
        encoder_layers=2,
        encoder_attention_heads=2,
        encoder_ffn_dim=32,
        num_mel_bins=80,
        max_source_positions=50 * SECONDS,
    )
    return WhisperEncoder(config).eval()


def write_whisper(encoder: WhisperEncoder, path: Path, spec: str = "WhisperSpec") -> None:
    """Write the encoder, between variables of a decoder, as CTranslate2's converter does."""
    weights = {name: value.numpy() for name, value in encoder.state_dict().items()}
    variables = {
        "decoder/before": np.ones((3, 2), np.float32),
        "encoder/num_heads": np.int16(encoder.config.encoder_attention_heads),
        "encoder/position_encodings/encodings": weights["embed_positions.weight"],
        "encoder/layer_norm/gamma": weights["layer_norm.weight"],
        "encoder/layer_norm/beta": weights["layer_norm.bias"],
        "zdecoder/after": np.ones(2, np.int8),
    }
    for name in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            variables[f"encoder/{name}/{kind}"] = weights[f"{name}.{kind}"]
    for number in range(encoder.config.encoder_layers):
        own, theirs = f"layers.{number}.", f"encoder/layer_{number}/"
        keys = weights[f"{own}self_attn.k_proj.weight"]  # its bias is 0 and left out
        biases = {"k": np.zeros(len(keys), np.float32)}
        biases |= {x: weights[f"{own}self_attn.{x}_proj.bias"] for x in ("q", "v")}
        joined = [weights[f"{own}self_attn.{x}_proj.weight"] for x in ("q", "k", "v")]
        attention = f"{theirs}self_attention/"
        variables[f"{attention}linear_0/weight"] = np.concatenate(joined)
        variables[f"{attention}linear_0/bias"] = np.concatenate(
            [biases[x] for x in ("q", "k", "v")]
        )
        for name, target in (
            ("self_attn.out_proj", "self_attention/linear_1"),
            ("fc1", "ffn/linear_0"),
            ("fc2", "ffn/linear_1"),
        ):
            for kind in ("weight", "bias"):
                variables[f"{theirs}{target}/{kind}"] = weights[f"{own}{name}.{kind}"]
        for name, target in (
            ("self_attn_layer_norm", "self_attention/layer_norm"),
            ("final_layer_norm", "ffn/layer_norm"),
        ):
            for kind, named in (("weight", "gamma"), ("bias", "beta")):
                variables[f"{theirs}{target}/{named}"] = weights[f"{own}{name}.{kind}"]
    types = {"float32": 0, "int8": 1, "int16": 2}
    with path.open("wb") as file:

        def string(text: str) -> None:
            file.write(struct.pack("<H", len(text) + 1) + text.encode() + b"\0")

        file.write(struct.pack("<I", 6))
        string(spec)
        file.write(struct.pack("<II", 3, len(variables)))
        for name, values in variables.items():
            values = np.asarray(values)
            string(name)
            file.write(struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape))
            file.write(struct.pack("<BI", types[values.dtype.name], values.nbytes))
            file.write(values.tobytes())
