"""The section of a model card on how the model was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synctva.cards.card_plots import LEARNING_CURVE
from synctva.cards.tables import markdown
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig

MODEL = ("hidden_size", "num_hidden_layers", "num_attention_heads", "hidden_dropout_prob")
"""Fields of the config that the card shows."""

TRAINING = (
    "loss", "label_smoothing_factor", "learning_rate", "lr_scheduler_type", "warmup_steps",
    "weight_decay", "optim", "max_grad_norm", "per_device_train_batch_size",
    "gradient_accumulation_steps", "num_train_epochs", "max_steps", "early_stopping_patience",
    "metric_for_best_model", "modality_dropout", "ema_decay", "bf16", "fp16",
)  # fmt: skip
"""Training arguments that the card shows, unless they are off."""

OF_LOSS = {
    "focal": "focal_gamma",
    "class_balanced": "class_balanced_beta",
    "logit_adjusted": "logit_adjustment_tau",
}
"""Loss -> its own argument."""


def making_section(
    results: Mapping[str, Any], config: SyncTVAConfig, arguments: Mapping[str, Any] | None
) -> str:
    """Return command, source, hyperparameters and learning curve; arguments as for `model_card`."""
    parts = [f"```\n{results['command']}\n```"] if "command" in results else []
    versions = ", ".join(f"{name} {value}" for name, value in results.get("versions", {}).items())
    changed = " with uncommitted changes" if results.get("uncommitted_changes") else ""
    lines = [
        f"Seed {results['seed']}",
        f"Source at commit {results.get('commit', 'unknown')}{changed}",
        versions,
    ]
    if "parent" in results:
        lines.append(_start(results["parent"]))
    if "parameters" in results:
        lines.append(f"{results['parameters']:,} parameters")
    if "training_seconds" in results:
        lines.append(f"Trained in {results['training_seconds']:.0f} s")
    parts.append("\n".join(f"- {line}" for line in lines))
    if arguments is not None:
        rows = [[name, str(value)] for name, value in _hyperparameters(config, arguments).items()]
        parts.append(f"### Hyperparameters\n\n{markdown(['setting', 'value'], rows)}")
    if results.get("learning_curve"):
        parts.append(f"### Learning curve\n\n{_curve(results['learning_curve'])}")
    return "\n\n".join(parts)


def _start(parent: Mapping[str, Any]) -> str:
    """Return from which model the training started, and what of it was kept."""
    name = parent["name"]
    shown = f"[{name}](https://huggingface.co/{name})" if parent["on_hub"] else f"`{name}`"
    frozen = "" if parent["frozen"] == "none" else f"; not trained: {parent['frozen']}"
    return (
        f"Started from {shown}, whose terms and limits apply too; its feature statistics were "
        f"{parent['statistics']}{frozen}"
    )


def _hyperparameters(config: SyncTVAConfig, arguments: Mapping[str, Any]) -> dict[str, Any]:
    names = [*TRAINING]
    names[1:1] = [OF_LOSS[arguments["loss"]]] if arguments.get("loss") in OF_LOSS else []
    if config.text_backbone is not None:
        names.insert(names.index("learning_rate") + 1, "backbone_learning_rate")
    if (arguments.get("max_steps") or 0) > 0:
        names.remove("num_train_epochs")  # it has no effect
    shown = {name: arguments.get(name) for name in names}
    if shown["gradient_accumulation_steps"] == 1:
        del shown["gradient_accumulation_steps"]
    off = (None, 0, -1)  # and False, which equals 0
    return {name: getattr(config, name) for name in MODEL} | {
        name: value for name, value in shown.items() if value not in off
    }


def _curve(curve: Sequence[Mapping[str, Any]]) -> str:
    kept = [point for point in curve if point["best"]]
    text = ""
    if kept:
        best = kept[0]
        text = (
            f"The weights are those after epoch {best['epoch']:g} of {curve[-1]['epoch']:g}, with "
            f"a weighted F1 of {best['weighted_f1']:.4f} on dev (grey line).\n\n"
        )
    return f"{text}![Losses of training and dev, and scores on dev, by epoch]({LEARNING_CURVE})"


__all__ = ["making_section"]
