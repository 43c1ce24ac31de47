"""Live conversations: one utterance in, its emotion out, at constant cost however long they get."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .calibration import calibrated_probabilities
from .configuration_synctva import MODALITIES, SyncTVAConfig
from .graph import GraphEdges, HeterogeneousGraph, build_graph
from .stream_cache import StreamCache

PUSH_FIELDS = ("speaker", *(f"{name}_features" for name in MODALITIES))
"""What a pushed utterance may carry."""

_TENSORS = ("logits", "strengths", "gates", "modality_logits")


class SyncTVAStream:
    """One live conversation of a causal model; `model.stream()` makes it.

    Every answer equals that of the whole conversation so far in one forward pass, up to rounding.
    That is so because nothing looks ahead: older nodes never change, so each attention's keys and
    values and the enhancement's states are kept for as many utterances as the widest window is
    long, and the recurrent state. Time and memory of a `push` do not depend on how many came
    before, nor on how many people speak. Answers and states are on the model's device; a stream is
    for one thread, a model may have many streams.

    Args:
        model: a `SyncTVAForEmotionRecognition` in evaluation mode.

    Raises:
        ValueError: the model is not causal, reads tokens instead of features, or is in training
            mode.

    Example:
        >>> import torch
        >>> from synctva import SyncTVAConfig, SyncTVAForEmotionRecognition
        >>> windows = ("future_window", "cross_future_window", "fusion_future_window")
        >>> past_only = dict.fromkeys((*windows, "text_context_future"), 0)
        >>> config = SyncTVAConfig(text_dim=16, hidden_size=32, causal=True, **past_only)
        >>> stream = SyncTVAForEmotionRecognition(config).eval().stream()
        >>> answer = stream.push({"text_features": torch.randn(16), "speaker": "Ann"})
        >>> answer["logits"].shape, answer["modalities"]
        (torch.Size([7]), ['text'])
    """

    def __init__(self, model: Any):
        config = model.config
        if not config.causal:
            raise ValueError(
                "SyncTVAConfig.causal = False: expected a model that does not look ahead, such as "
                "one trained on the preset meld-causal, to answer before the next utterance"
            )
        if config.text_backbone is not None:
            raise ValueError(
                f"SyncTVAConfig.text_backbone = {config.text_backbone!r}: expected None, a model "
                "that reads text_features, to stream"
            )
        self.model = model
        self._names = {module: name for name, module in model.named_modules()}
        self._state: dict[str, Tensor] = {}
        self._state = self._initial_state()

    @torch.no_grad()
    def push(self, utterance: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the next utterance.

        Args:
            utterance: any of `text_features`, `visual_features`, `audio_features`, numbers of the
                config's width or None where it is missing, and `speaker`, a name or None. One
                without any features is answered from its context.

        Returns:
            `label`, the likeliest emotion; `score`, its probability; `scores`, the probability of
            each, likeliest first, with the checkpoint's temperature; `modalities`, those present;
            `logits` (C,), `strengths` (3,), `gates` (3, H) and `modality_logits` (3, C), as the
            model's output has them.

        Raises:
            ValueError: an unknown field, another width, a value that is not finite, a speaker that
                is no name, or a model in training mode. The conversation is then as it was.
        """
        output, after = self._advance(self._state, *self._read(utterance))
        config = self.model.config
        values = {name: output[name][0, 0] for name in _TENSORS}
        probabilities = calibrated_probabilities(values["logits"], config.calibration_temperature)
        order = probabilities.argsort(descending=True, stable=True).tolist()
        scores = {config.id2label[c]: float(probabilities[c]) for c in order}
        label, score = next(iter(scores.items()))
        here = output.modality_mask[0, 0].tolist()
        modalities = [name for name, given in zip(MODALITIES, here, strict=True) if given]
        self._state = after
        return {
            "label": label, "score": score, "scores": scores, "modalities": modalities, **values
        }  # fmt: skip

    def state_dict(self) -> dict[str, Tensor]:
        """All that the next utterance depends on: tensors of constant size, for safetensors.

        Of the speakers it has checksums of their names, not the names.
        """
        return {name: tensor.clone() for name, tensor in self._state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on where a stream of the same checkpoint was.

        Raises:
            ValueError: the state is of another checkpoint, or damaged.
        """
        own = self._initial_state()
        if set(state) != set(own):
            raise ValueError(
                f"state has {sorted(set(state) - set(own))} and lacks "
                f"{sorted(set(own) - set(state))}: expected a stream's state_dict of this model"
            )
        if int(state["model"]) != int(own["model"]):
            raise ValueError("state is of a model with other weights: expected the same checkpoint")
        known = min(state["known_speakers"].numel(), self.model.config.max_speakers - 1)
        own["known_speakers"] = own["known_speakers"].new_zeros(known)
        for name, tensor in own.items():
            given = state[name]
            if given.shape != tensor.shape or given.dtype != tensor.dtype:
                raise ValueError(
                    f"state[{name!r}] is {given.dtype} of shape {tuple(given.shape)}: expected "
                    f"{tensor.dtype} of shape {tuple(tensor.shape)}"
                )
            if not given.isfinite().all():
                raise ValueError(f"state[{name!r}] has values that are not finite")
        self._state = {name: state[name].to(own[name].device, copy=True) for name in own}

    @property
    def utterances(self) -> int:
        """How many have been answered."""
        return int(self._state["utterances"])

    @torch.no_grad()
    def _initial_state(self) -> dict[str, Tensor]:
        """Nothing said yet: zeros, of the shapes that any utterance leaves."""
        config, device = self.model.config, self.model.device
        window = max(config.past_window, config.cross_past_window, config.fusion_past_window)
        bare = {
            "model": torch.tensor(_fingerprint(self.model), device=device),
            "utterances": torch.tensor(0, device=device),
            "present": torch.zeros(window, len(MODALITIES), dtype=torch.bool, device=device),
            "speakers": torch.zeros(window, dtype=torch.long, device=device),
            "known_speakers": torch.zeros(0, dtype=torch.long, device=device),
        }
        _, after = self._advance(bare, {}, 0)
        return {name: torch.zeros_like(tensor) for name, tensor in after.items()} | bare

    def _read(self, utterance: Mapping[str, Any]) -> tuple[dict[str, Tensor], int]:
        """Features by modality, (D,) each, and the speaker's checksum; see `push` for errors."""
        name = f"utterance {self.utterances}"
        if not isinstance(utterance, Mapping):
            raise ValueError(f"{name} = {utterance!r}: expected a dictionary")
        unknown = [field for field in utterance if field not in PUSH_FIELDS]
        if unknown:
            raise ValueError(f"{name} has {unknown}: expected any of {PUSH_FIELDS}")
        features = {}
        for modality, width in self.model.config.modality_dims.items():
            field = f"{modality}_features"
            given = utterance.get(field)
            if given is None:
                continue
            try:
                values = torch.as_tensor(given, dtype=torch.float32, device=self.model.device)
            except (TypeError, ValueError, RuntimeError) as error:
                raise ValueError(
                    f"{name}, {field} = {given!r}: expected {width} numbers"
                ) from error
            if values.shape != (width,):
                raise ValueError(
                    f"{name}, {field} has shape {tuple(values.shape)}: expected {width} numbers"
                )
            finite = values.isfinite()
            if not finite.all():
                column = int((~finite).long().argmax())
                raise ValueError(
                    f"{name}, {field}, column {column} = {float(values[column])}: expected a "
                    "finite number"
                )
            features[modality] = values
        speaker = utterance.get("speaker")
        if speaker is not None and not isinstance(speaker, str):
            raise ValueError(f"{name}, speaker = {speaker!r}: expected a name or None")
        return features, _checksum(speaker)

    def _advance(
        self, state: Mapping[str, Tensor], features: Mapping[str, Tensor], speaker: int
    ) -> tuple[Any, dict[str, Tensor]]:
        """The model's output for one more utterance, and the state after it."""
        if self.model.training:
            raise ValueError("the model is in training mode: expected model.eval(), to stream")
        config = self.model.config
        here = state["present"].new_tensor([name in features for name in MODALITIES])
        present = torch.cat([state["present"], here[None]])
        speakers = torch.cat([state["speakers"], state["speakers"].new_tensor([speaker])])
        # Numbered by first appearance. Who comes when all embeddings but the last are taken shares
        # that one and need not be remembered; same or other, within the window, is told by name.
        known = state["known_speakers"]
        found = (known == speaker).nonzero().flatten().tolist()
        number = found[0] if found else len(known)
        if not found and number < config.max_speakers - 1:
            known = torch.cat([known, speakers[-1:]])
        cache = StreamCache(self._names, state, present)
        output = self.model(
            **{f"{name}_features": values[None, None] for name, values in features.items()},
            modality_mask=here[None, None],
            graph=_newest_graph(present, speakers, number, config).tensors(),
            cache=cache,
            return_dict=True,
        )
        after = {
            "model": state["model"],
            "utterances": state["utterances"] + 1,
            "present": present[1:],
            "speakers": speakers[1:],
            "known_speakers": known,
        }
        return output, after | cache.next


def _newest_graph(
    present: Tensor, speakers: Tensor, number: int, config: SyncTVAConfig
) -> HeterogeneousGraph:
    """Connect the newest of W + 1 utterances with all of them.

    Args:
        present: (W + 1, 3) bool. Before the conversation's beginning nothing is present, so that
            nothing sends.
        speakers: (W + 1,), equal where the speaker is the same.
        number: of the newest utterance's speaker.

    Returns:
        As `build_graph` for one utterance, except that sources and windows count the S present
        nodes of all W + 1 utterances, and that the value table has 3S rows.
    """
    mask = torch.ones(1, len(present), dtype=torch.bool, device=present.device)
    whole = build_graph(mask, present[None], speakers[None], config)
    graph = build_graph(
        mask[:, -1:],
        present[None, -1:],
        torch.full_like(mask[:, -1:], number, dtype=torch.long),
        config,
    )
    newest = whole.nodes.utterance == len(present) - 1  # (nodes of all,)
    position = newest.cumsum(0) - 1
    sources, nodes = len(whole.nodes.modality), len(newest)

    def edges_into_newest(edges: GraphEdges) -> GraphEdges:
        chosen = newest[edges.destination]  # (E,)
        source = edges.source[chosen]
        rowptr = position.new_zeros(int(newest.sum()) + 1)
        rowptr[1:] = edges.rowptr.diff()[newest].cumsum(0)
        return GraphEdges(
            source=source,
            destination=position[edges.destination[chosen]],
            rowptr=rowptr,
            relation=edges.relation[chosen],
            bias=edges.bias[chosen],
            value=edges.value[chosen] // nodes * sources + source,
        )

    return graph._replace(
        nodes=graph.nodes._replace(
            window_begin=whole.nodes.window_begin[newest],
            window_count=whole.nodes.window_count[newest],
        ),
        edges=edges_into_newest(whole.edges),
        fusion=None if whole.fusion is None else edges_into_newest(whole.fusion),
    )


def _checksum(speaker: str | None) -> int:
    """64 bits that tell a speaker from the others, the same in every process."""
    return _as_integer(hashlib.blake2b(json.dumps(speaker).encode(), digest_size=8))


def _fingerprint(model: Any) -> int:
    """64 bits of the weights."""
    digest = hashlib.blake2b(digest_size=8)
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().flatten().view(torch.uint8).numpy())
    return _as_integer(digest)


def _as_integer(digest: Any) -> int:
    return int.from_bytes(digest.digest(), "little", signed=True)


__all__ = ["PUSH_FIELDS", "SyncTVAStream"]
