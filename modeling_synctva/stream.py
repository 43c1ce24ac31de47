"""Live conversations, answered one utterance at a time at a constant cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .calibration import INFORMATIVE_FROM, calibrated_probabilities, distance_from_base_rates
from .configuration_synctva import MODALITIES, SyncTVAConfig
from .graph import GraphEdges, HeterogeneousGraph, build_graph
from .stream_cache import StreamCache

PUSH_FIELDS = ("speaker", *(f"{name}_features" for name in MODALITIES))
"""The fields of an utterance that `SyncTVAStream.push` reads."""

_TENSORS = ("logits", "strengths", "gates", "modality_logits")


class SyncTVAStream:
    """One live conversation of a causal model; `model.stream()` returns it.

    Up to rounding, every answer equals that of a forward pass over the whole conversation so far.
    Since a causal model never looks ahead, older nodes never change. The stream therefore keeps the
    recurrent state and, for as many utterances as the widest window, the keys and values of each
    attention and the states that the enhancement reads. The time and memory of a `push` depend
    neither on the number of earlier utterances nor on the number of speakers.

    Tensors in answers and states are on the model's device. A model may have many streams; use each
    of them in one thread.

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
                "one trained with the preset meld-causal, to answer before the next utterance"
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
            utterance: a dictionary with any of `text_features`, `visual_features` and
                `audio_features`, each as many numbers as the config's width or None if missing, and
                `speaker`, a name or None. Without any features, the utterance is recognised from
                its context.

        Returns:
            `label`: the likeliest emotion; `score`: its probability; `scores`: the calibrated
            probability of each emotion, likeliest first; `modalities`: those present;
            `informative`: as in the pipeline's answer; `logits`
            (C,), `strengths` (3,), `gates` (3, H) and `modality_logits` (3, C), as in the model's
            output.

        Raises:
            ValueError: a field is unknown, features have another width or are not finite, the
                speaker is not a name, or the model is in training mode. The stream's state is then
                unchanged.
        """
        output, new_state = self._advance(self._state, *self._read(utterance))
        config = self.model.config
        values = {name: output[name][0, 0] for name in _TENSORS}
        probabilities = calibrated_probabilities(values["logits"], config.calibration_temperature)
        order = probabilities.argsort(descending=True, stable=True).tolist()
        scores = {config.id2label[c]: float(probabilities[c]) for c in order}
        label, score = next(iter(scores.items()))
        present = output.modality_mask[0, 0].tolist()
        modalities = [
            name for name, is_present in zip(MODALITIES, present, strict=True) if is_present
        ]
        distance = distance_from_base_rates(probabilities, self.model.class_prior)
        self._state = new_state
        return {
            "label": label,
            "score": score,
            "scores": scores,
            "modalities": modalities,
            "informative": bool(modalities) and float(distance) >= INFORMATIVE_FROM,
            **values,
        }

    def state_dict(self) -> dict[str, Tensor]:
        """Return all that the next answers depend on, as tensors that safetensors can save.

        Their size is constant. Speakers are stored as checksums, not by name.
        """
        return {name: tensor.clone() for name, tensor in self._state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from the state of a stream of the same checkpoint.

        Args:
            state: what `state_dict` returned.

        Raises:
            ValueError: the state belongs to another checkpoint, or is damaged.
        """
        initial = self._initial_state()
        if set(state) != set(initial):
            raise ValueError(
                f"state has {sorted(set(state) - set(initial))} and lacks "
                f"{sorted(set(initial) - set(state))}: expected a state of this model's streams"
            )
        if int(state["model"]) != int(initial["model"]):
            raise ValueError("state belongs to other weights: expected the same checkpoint")
        known = min(state["known_speakers"].numel(), self.model.config.max_speakers - 1)
        initial["known_speakers"] = initial["known_speakers"].new_zeros(known)
        for name, tensor in initial.items():
            loaded = state[name]
            if loaded.shape != tensor.shape or loaded.dtype != tensor.dtype:
                raise ValueError(
                    f"state[{name!r}] is {loaded.dtype} of shape {tuple(loaded.shape)}: expected "
                    f"{tensor.dtype} of shape {tuple(tensor.shape)}"
                )
            if not loaded.isfinite().all():
                raise ValueError(f"state[{name!r}] is not finite: expected only finite values")
        self._state = {name: state[name].to(initial[name].device, copy=True) for name in initial}

    @property
    def utterances(self) -> int:
        """The number of utterances answered so far."""
        return int(self._state["utterances"])

    @torch.no_grad()
    def _initial_state(self) -> dict[str, Tensor]:
        """Return the state before the first utterance: zeros in the final shapes."""
        config, device = self.model.config, self.model.device
        window = max(config.past_window, config.cross_past_window, config.fusion_past_window)
        state = {
            "model": torch.tensor(_fingerprint(self.model), device=device),
            "utterances": torch.tensor(0, device=device),
            "present": torch.zeros(window, len(MODALITIES), dtype=torch.bool, device=device),
            "speakers": torch.zeros(window, dtype=torch.long, device=device),
            "known_speakers": torch.zeros(0, dtype=torch.long, device=device),
        }
        _, after_one = self._advance(state, {}, 0)  # shows the shapes of the modules' states
        return {name: torch.zeros_like(tensor) for name, tensor in after_one.items()} | state

    def _read(self, utterance: Mapping[str, Any]) -> tuple[dict[str, Tensor], int]:
        """Return the features (D,) of each modality and the speaker's checksum, or raise an error.

        See `push`.
        """
        name = f"utterance {self.utterances}"
        if not isinstance(utterance, Mapping):
            raise ValueError(f"{name} = {utterance!r}: expected a dictionary")
        unknown = [field for field in utterance if field not in PUSH_FIELDS]
        if unknown:
            raise ValueError(f"{name} has {unknown}: expected any of {PUSH_FIELDS}")
        features = {}
        for modality, width in self.model.config.modality_dims.items():
            field = f"{modality}_features"
            numbers = utterance.get(field)
            if numbers is None:
                continue
            try:
                values = torch.as_tensor(numbers, dtype=torch.float32, device=self.model.device)
            except (TypeError, ValueError, RuntimeError) as error:
                raise ValueError(
                    f"{name}, {field} = {numbers!r}: expected {width} numbers"
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
        """Return the model's output for the next utterance, and the state after it."""
        if self.model.training:
            raise ValueError(
                "model.training = True: expected a model in evaluation mode, model.eval()"
            )
        config = self.model.config
        newest = state["present"].new_tensor([name in features for name in MODALITIES])
        present = torch.cat([state["present"], newest[None]])
        speakers = torch.cat([state["speakers"], state["speakers"].new_tensor([speaker])])
        # Speakers are numbered by first appearance. Those who share the last embedding need not be
        # remembered: within the window, their checksums tell them apart.
        known = state["known_speakers"]
        matches = (known == speaker).nonzero().flatten().tolist()
        number = matches[0] if matches else len(known)
        if not matches and number < config.max_speakers - 1:
            known = torch.cat([known, speakers[-1:]])
        cache = StreamCache(self._names, state, present)
        output = self.model(
            **{f"{name}_features": values[None, None] for name, values in features.items()},
            modality_mask=newest[None, None],
            graph=_newest_graph(present, speakers, number, config).tensors(),
            cache=cache,
            return_dict=True,
        )
        new_state = {
            "model": state["model"],
            "utterances": state["utterances"] + 1,
            "present": present[1:],
            "speakers": speakers[1:],
            "known_speakers": known,
        }
        return output, new_state | cache.next


def _newest_graph(
    present: Tensor, speakers: Tensor, number: int, config: SyncTVAConfig
) -> HeterogeneousGraph:
    """Build the graph that connects the newest of W + 1 utterances to all of them.

    Args:
        present: (W + 1, 3) bool. Nothing is present before the beginning of the conversation, so
            that nothing is sent from there.
        speakers: (W + 1,) checksums of the speakers.
        number: number of the newest utterance's speaker.
        config: the model's.

    Returns:
        The graph of one utterance, as `build_graph` returns it, except that sources and windows
        refer to the S present nodes of all W + 1 utterances, and that the table of values has 3S
        rows.
    """
    mask = torch.ones(1, len(present), dtype=torch.bool, device=present.device)
    whole = build_graph(mask, present[None], speakers[None], config)
    graph = build_graph(
        mask[:, -1:],
        present[None, -1:],
        torch.full_like(mask[:, -1:], number, dtype=torch.long),
        config,
    )
    newest = whole.nodes.utterance == len(present) - 1  # (nodes of all utterances,)
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
    """Return 64 bits that identify a speaker, the same in every process."""
    return _as_integer(hashlib.blake2b(json.dumps(speaker).encode(), digest_size=8))


def _fingerprint(model: Any) -> int:
    """Return a 64-bit checksum of the weights."""
    digest = hashlib.blake2b(digest_size=8)
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().flatten().view(torch.uint8).numpy())
    return _as_integer(digest)


def _as_integer(digest: Any) -> int:
    return int.from_bytes(digest.digest(), "little", signed=True)


__all__ = ["PUSH_FIELDS", "SyncTVAStream"]
