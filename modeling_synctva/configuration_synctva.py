"""Configuration of Sync-TVA: all sizes and switches of the model, each of them checked."""

import copy
import re
from itertools import pairwise
from typing import Any, ClassVar

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

MODALITIES = ("text", "visual", "audio")
"""The order of the modalities in masks, gates, strengths and per-modality logits."""

MELD_LABELS = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")
"""MELD's labels in their order; also those of a config that names no labels."""

CROSS_GRAPHS = ("text-visual", "text-audio", "visual-audio")
"""The three pairwise cross-modal graphs of the paper."""

GRAPH_ATTENTION_BACKENDS = ("auto", "scatter", "sparse", "torch_scatter")

CONFORMAL_LEVELS = 99
"""Number of thresholds of the prediction sets, for coverages of 1%, 2%, ..., 99%."""

AUTO_MAP = {
    "AutoConfig": "configuration_synctva.SyncTVAConfig",
    "AutoModel": "modeling_synctva.SyncTVAModel",
    "AutoModelForTokenClassification": "modeling_synctva.SyncTVAForEmotionRecognition",
    "AutoProcessor": "processing_synctva.SyncTVAProcessor",
}
"""The class that each auto class loads, and its file in the checkpoint."""


def how_to_install(extra: str = "") -> str:
    """Return the command that installs the package, for all messages that ask for it.

    Args:
        extra: an extra of `setup.py`, such as "media".
    """
    return f"in a checkout of the project, pip install '.{f'[{extra}]' if extra else ''}'"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, for messages: "1 utterance", "1,108 utterances"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


CUSTOM_PIPELINES = {
    "emotion-recognition": {
        "impl": "pipeline_synctva.EmotionRecognitionPipeline",
        "pt": ["AutoModelForTokenClassification"],
        "type": "multimodal",
    }
}


LARGEST_SIZE = 2**20
"""Upper limit of every size and of the number of labels, so that a damaged or hostile config.json
cannot make the process allocate all memory."""

LARGEST_DEPTH = 1_000
"""Upper limit of the number of graph layers: each takes time and memory, even without weights."""


_LIST = re.compile(r"\[([^][{}]*)\]")
"""A list of numbers or strings in JSON."""


def _in_a_line(found: re.Match[str]) -> str:
    entries = [entry.strip() for entry in found[1].split(",")]
    if len(entries) > 10:
        entries = [*entries[:2], f"... {len(entries) - 3} more ...", entries[-1]]
    return f"[{', '.join(entries)}]"


def _reject(name: str, value: object, expected: str) -> None:
    raise ValueError(f"SyncTVAConfig.{name} = {value!r}: expected {expected}")


@strict
class SyncTVAConfig(PreTrainedConfig):
    """Sizes and switches of Sync-TVA.

    Where the paper (arXiv 2507.21395) gives no value, the default is ours; `docs/architecture.md`
    explains each choice.

    Inputs:
        text_dim, visual_dim, audio_dim: width of an utterance's feature vector, per modality.
        text_backbone: name or folder of a Hub encoder that reads `input_ids` in place of
            `text_features` and is trained end to end; None for pre-extracted features.
        text_backbone_config: the backbone's own configuration, stored here as soon as it is known,
            so that a checkpoint can rebuild the backbone without the Hub.
        text_context_past, text_context_future: number of utterances before and after the current
            one that the backbone reads with it.
        text_max_length: maximal number of tokens of an utterance with its context.
        max_speakers: number of speaker embeddings. Speakers are numbered by first appearance in
            their conversation; those beyond this number share the last embedding.

    Sizes:
        hidden_size: width of every state, a multiple of `num_attention_heads`.
        num_hidden_layers: number of graph layers; 0 for none.
        num_attention_heads: number of attention heads in the graph layers and the fusion.
        intermediate_size: inner width of a graph layer's feed-forward.
        hidden_dropout_prob: dropout probability, in [0, 1).
        layer_norm_eps: added to the variance in every layer norm.
        initializer_range: standard deviation of the embeddings before training.

    Graph:
        past_window, future_window: number of utterances before and after its own that a node
            attends to within its modality.
        cross_past_window, cross_future_window: the same across modalities.
        fusion_past_window, fusion_future_window: the same in the cross-attention fusion.
        max_distance: larger distances share one bias.
        value_rank: rank of the value transform of each ordered pair of modalities.
        causal: whether the model must not look ahead; every `*_future*` field must then be 0.
        graph_attention: one of `GRAPH_ATTENTION_BACKENDS`, which all give the same results; "auto"
            chooses the fastest that needs no further package.

    Parts:
        use_context, use_enhancement, use_temporal_graph, use_speaker_relations, use_distance,
            asymmetric, use_fusion: switches for ablations.
        cross_graphs: which of `CROSS_GRAPHS` to use.

    Training:
        auxiliary_loss_weight: weight of the mean loss of the per-modality heads.
        strength_loss_weight: weight of the loss of the strengths, see `multitask_loss`.

    Calibration:
        calibration_temperature: the pipeline divides logits by this; it is fitted on dev after
            training. 1 for no calibration. The model's own logits are not divided. Like the
            thresholds, it belongs to the weights and the labels: training and other labels reset
            it.
        conformal_thresholds: for a coverage of 1%, 2%, ..., 99%, the largest 1 - p of the labels
            in a prediction set; None if they have not been fitted.

    Raises:
        ValueError: a field is out of range. The message names the field, its value and what was
            expected.

    Example:
        >>> config = SyncTVAConfig(text_dim=384, audio_dim=8, hidden_size=64)
        >>> config.num_labels
        7
    """

    model_type = "synctva"
    # A Trainer gathers only the logits: the rest is large, or differs in shape between batches.
    keys_to_ignore_at_inference: ClassVar[list[str]] = [
        "last_hidden_state", "context_states", "branch_logits", "modality_logits", "strengths",
        "strength_logits", "gates", "modality_mask", "hidden_states", "attentions",
        "fusion_attention",
    ]  # fmt: skip

    # Inputs
    text_dim: int = 384
    visual_dim: int = 263
    audio_dim: int = 8
    text_backbone: str | None = None
    text_backbone_config: dict | None = None
    text_context_past: int = 4
    text_context_future: int = 1
    text_max_length: int = 128
    max_speakers: int = 9

    # Width and depth
    hidden_size: int = 128
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    intermediate_size: int = 256
    hidden_dropout_prob: float | int = 0.3
    layer_norm_eps: float = 1e-5
    initializer_range: float = 0.02

    # Graph
    past_window: int = 10
    future_window: int = 10
    cross_past_window: int = 2
    cross_future_window: int = 2
    fusion_past_window: int = 2
    fusion_future_window: int = 2
    max_distance: int = 10
    value_rank: int = 16
    causal: bool = False
    graph_attention: str = "auto"

    # Parts
    use_context: bool = True
    use_enhancement: bool = True
    cross_graphs: list[str] | tuple[str, ...] = CROSS_GRAPHS
    use_temporal_graph: bool = True
    use_speaker_relations: bool = True
    use_distance: bool = True
    asymmetric: bool = True
    use_fusion: bool = True

    # Training
    auxiliary_loss_weight: float | int = 0.3
    strength_loss_weight: float | int = 0.3

    # Calibration. Not `temperature`, which transformers treats as an option of text generation.
    calibration_temperature: float | int = 1.0
    conformal_thresholds: list[float | int] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        if not isinstance(self.id2label, dict | None):
            _reject("id2label", self.id2label, "a dictionary from ids to names")
        if not isinstance(self.label2id, dict | None):
            _reject("label2id", self.label2id, "a dictionary from names to ids")
        labels = kwargs.get("num_labels")
        if labels is not None and not (type(labels) is int and 1 <= labels <= LARGEST_SIZE):
            _reject("num_labels", labels, f"an integer from 1 to {LARGEST_SIZE}")
        if self.id2label is None and self.label2id is not None:
            self.id2label = {index: name for name, index in self.label2id.items()}
        if self.id2label is None and labels is None:
            self.id2label = dict(enumerate(MELD_LABELS))
        if self.id2label is not None and labels not in (None, len(self.id2label)):
            _reject("num_labels", labels, f"{len(self.id2label)}, because id2label has as many")
        self._saved: tuple[list[str], bool] | None = None  # see `from_dict`
        # Never taken from a config.json: see below.
        kwargs.pop("custom_pipelines", None)
        super().__post_init__(**kwargs)
        inverse = {name: int(index) for index, name in self.id2label.items()}
        if self.label2id not in (None, inverse):
            _reject("label2id", self.label2id, f"the inverse of id2label, {inverse}, or None")
        self.label2id = inverse
        self.cross_graphs = list(self.cross_graphs)
        # The whole map, not only the entry of the class that is saved: otherwise AutoModel cannot
        # load a checkpoint that was saved from the classification model.
        self.auto_map = dict(AUTO_MAP)
        if __name__.startswith("transformers_modules."):
            # For remote code only: on an installed class, this would take precedence over the
            # pipeline registry and require trust_remote_code for code that is already installed.
            self.custom_pipelines = copy.deepcopy(CUSTOM_PIPELINES)

    def validate_sizes(self) -> None:
        at_least = {
            "text_dim": 1, "visual_dim": 1, "audio_dim": 1, "max_speakers": 1, "hidden_size": 1,
            "num_hidden_layers": 0, "num_attention_heads": 1, "intermediate_size": 1,
            "past_window": 0, "future_window": 0, "cross_past_window": 0, "cross_future_window": 0,
            "fusion_past_window": 0, "fusion_future_window": 0, "max_distance": 0, "value_rank": 1,
            "text_context_past": 0, "text_context_future": 0, "text_max_length": 8,
        }  # fmt: skip
        for name, minimum in at_least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
                _reject(name, value, f"an integer of at least {minimum}")
            largest = LARGEST_DEPTH if name == "num_hidden_layers" else LARGEST_SIZE
            if value > largest:
                _reject(name, value, f"an integer of at most {largest}")
        if self.hidden_size % self.num_attention_heads:
            _reject(
                "hidden_size",
                self.hidden_size,
                f"a multiple of num_attention_heads = {self.num_attention_heads}",
            )

    def validate_ranges(self) -> None:
        if not 0 <= self.hidden_dropout_prob < 1:
            _reject("hidden_dropout_prob", self.hidden_dropout_prob, "a number in [0, 1)")
        for name in ("auxiliary_loss_weight", "strength_loss_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                _reject(name, getattr(self, name), "a finite number of at least 0")
        for name in ("initializer_range", "layer_norm_eps", "calibration_temperature"):
            if not 0 < getattr(self, name) < float("inf"):
                _reject(name, getattr(self, name), "a finite number above 0")

    def validate_thresholds(self) -> None:
        thresholds = self.conformal_thresholds
        if thresholds is not None and not (
            len(thresholds) == CONFORMAL_LEVELS
            # In ascending order within [0, 1]; a NaN fails every comparison.
            and all(low <= high for low, high in pairwise([0, *thresholds, 1]))
        ):
            _reject(
                "conformal_thresholds",
                thresholds,
                f"{CONFORMAL_LEVELS} numbers in [0, 1], none below the one before it",
            )

    def validate_labels(self) -> None:
        names = self.id2label or {}
        if not (
            sorted(names) == list(range(len(names)))
            and all(isinstance(name, str) for name in names.values())
            and 0 < len(names) == len(set(names.values()))
        ):
            _reject("id2label", names, "ids that count from 0, each with a distinct name")
        if self.problem_type not in (None, "single_label_classification"):
            _reject("problem_type", self.problem_type, "None: each utterance has one label")

    def validate_names(self) -> None:
        if self.graph_attention not in GRAPH_ATTENTION_BACKENDS:
            _reject("graph_attention", self.graph_attention, f"one of {GRAPH_ATTENTION_BACKENDS}")
        unknown = [name for name in self.cross_graphs if name not in CROSS_GRAPHS]
        if unknown or len(set(self.cross_graphs)) != len(self.cross_graphs):
            _reject("cross_graphs", self.cross_graphs, f"distinct names from {CROSS_GRAPHS}")

    def validate_causality(self) -> None:
        if not self.causal:
            return
        for name in (
            "future_window", "cross_future_window", "fusion_future_window", "text_context_future",
        ):  # fmt: skip
            if getattr(self, name):
                _reject(name, getattr(self, name), "0, because causal = True")

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Build a config from the content of a config.json, with changes; see the base class.

        Labels change together: any of `id2label`, `label2id` and `num_labels` replaces the file's
        labels. Other labels drop the file's temperature and thresholds, which belong to its own;
        `load_checked` says so when the weights are loaded.
        """
        content, saved = dict(config_dict), config_dict.get("id2label")
        # The base class sets what the caller gives beside the file without a check.
        content |= {name: kwargs.pop(name) for name in ("problem_type",) if name in kwargs}
        if isinstance(saved, dict):
            changes = {
                name: kwargs.pop(name)
                for name in ("id2label", "label2id", "num_labels")
                if kwargs.get(name) is not None
            }
            if changes != {"num_labels": len(saved)}:
                # Without what the file says of labels; their inverse is made again in any case.
                content |= {"id2label": None if changes else saved, "label2id": None, **changes}
        built = super().from_dict(content, **kwargs)
        if isinstance(saved, dict):
            config = built[0] if isinstance(built, tuple) else built
            names = [name for _, name in sorted((int(key), name) for key, name in saved.items())]
            config._saved = names, config.is_calibrated
            if names != config.label_names:
                config.drop_calibration()
        return built

    @property
    def label_names(self) -> list[str]:
        """The names of the labels, in the order of their ids."""
        return [self.id2label[index] for index in range(self.num_labels)]

    @property
    def is_calibrated(self) -> bool:
        """Whether there is a temperature or thresholds."""
        return self.calibration_temperature != 1 or self.conformal_thresholds is not None

    def drop_calibration(self) -> None:
        """Return to uncalibrated answers without prediction sets."""
        self.calibration_temperature, self.conformal_thresholds = 1.0, None

    def remember_labels(self) -> None:
        """Remember the labels as those that the calibration belongs to, see `from_dict`."""
        self._saved = self.label_names, self.is_calibrated

    @property
    def modality_dims(self) -> dict[str, int]:
        """The feature width per modality, in the order text, visual, audio."""
        return {"text": self.text_dim, "visual": self.visual_dim, "audio": self.audio_dim}

    def __repr__(self) -> str:
        """Return the config as JSON, with each list in a line."""
        return _LIST.sub(_in_a_line, super().__repr__())

    def to_dict(self) -> dict[str, Any]:
        output = super().to_dict()
        output.pop("_saved", None)
        # pipeline() replaces class names in this dictionary by classes, in place. A saved config
        # must remain plain JSON.
        output["custom_pipelines"] = copy.deepcopy(CUSTOM_PIPELINES)
        return output


__all__ = ["SyncTVAConfig"]
