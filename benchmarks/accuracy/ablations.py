"""Sync-TVA with a part removed, or trained with another loss, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synctva.losses import CRITERIA
from synctva.modeling_synctva.configuration_synctva import CROSS_GRAPHS, SyncTVAConfig
from synctva.trainer.arguments import SyncTVATrainingArguments


@dataclass(frozen=True)
class Ablation:
    """What differs from the data set's recipe.

    Attributes:
        config: fields of `SyncTVAConfig`.
        training: fields of `SyncTVATrainingArguments`.
        needs: modalities that the data must have for anything to be removed.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    def changes(
        self,
        config: SyncTVAConfig,
        arguments: SyncTVATrainingArguments,
        modalities: set[str],
    ) -> bool:
        """Return whether this makes another model of one so configured, on these modalities."""
        fields = [(config, self.config), (arguments, self.training)]
        return set(self.needs) <= modalities and any(
            getattr(target, name) != value
            for target, values in fields
            for name, value in values.items()
        )


_FUTURE = ("future_window", "cross_future_window", "fusion_future_window", "text_context_future")

ABLATIONS = {
    "no-enhancement": Ablation({"use_enhancement": False}),
    **{
        f"no-{graph}": Ablation(
            {"cross_graphs": [other for other in CROSS_GRAPHS if other != graph]},
            needs=tuple(graph.split("-")),
        )
        for graph in CROSS_GRAPHS
    },
    "no-graph": Ablation({"num_hidden_layers": 0}),
    "no-temporal": Ablation({"use_temporal_graph": False}),
    # With a single embedding for all speakers, too: then nothing tells who speaks.
    "no-speaker": Ablation({"use_speaker_relations": False, "max_speakers": 1}),
    "no-distance": Ablation({"use_distance": False}),
    "no-asymmetry": Ablation({"asymmetric": False}),
    "no-fusion": Ablation({"use_fusion": False}),
    "no-context": Ablation({"use_context": False}),
    "no-auxiliary-loss": Ablation({"auxiliary_loss_weight": 0.0}),
    "no-strength-loss": Ablation({"strength_loss_weight": 0.0}),
    "no-modality-dropout": Ablation(training={"modality_dropout": 0.0}),
    # `causal` comes last, because the config checks that the windows are 0 by then.
    "causal": Ablation({**dict.fromkeys(_FUTURE, 0), "causal": True}),
    **{f"loss-{name.replace('_', '-')}": Ablation(training={"loss": name}) for name in CRITERIA},
}
"""By name; `loss-*` replaces the recipe's loss."""

__all__ = ["ABLATIONS", "Ablation"]
