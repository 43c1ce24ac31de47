"""The models: `SyncTVAModel` (fused utterance states) and `SyncTVAForEmotionRecognition`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.utils import CONFIG_NAME, can_return_tuple

from .calibration import drop_calibration_to_train
from .checkpoint_loading import load_checked
from .configuration_synctva import MODALITIES, SyncTVAConfig
from .context import ContextEncoder
from .conversation_padding import number_speakers
from .enhancement import DynamicEnhancement
from .feature_encoder import FeatureEncoder, FeatureEncoders, TextBackbone
from .fusion import CrossAttentionFusion
from .graph import LONE_BLOCK, HeterogeneousGraph, build_graph
from .graph_attention import HeterogeneousGraphLayer, RelationBias
from .layers import Dropout, ModalityLinear
from .objective import Criterion, cross_entropy, multitask_loss
from .outputs import PackedOutput, SyncTVAEmotionOutput, SyncTVAModelOutput
from .stream import SyncTVAStream
from .stream_cache import StreamCache

if TYPE_CHECKING:
    # Never executed. `save_pretrained` copies the files that it finds by following relative imports
    # in the source text, so that every checkpoint carries the whole folder.
    from .pipeline_synctva import EmotionRecognitionPipeline  # noqa: F401
    from .processing_synctva import SyncTVAProcessor  # noqa: F401


Loaded = TypeVar("Loaded", bound="SyncTVAPreTrainedModel")


class SyncTVAPreTrainedModel(PreTrainedModel):
    """The base class of the models, with initialisation and strict loading."""

    config_class = SyncTVAConfig
    base_model_prefix = "synctva"
    main_input_name = "text_features"
    supports_gradient_checkpointing = True
    # The loss is divided by the labelled utterances of the whole step, see `multitask_loss`.
    accepts_loss_kwargs = True
    _no_split_modules = ("HeterogeneousGraphLayer",)

    @classmethod
    def from_pretrained(
        cls: type[Loaded],
        pretrained_model_name_or_path: str | os.PathLike | None,
        *model_args: Any,
        **kwargs: Any,
    ) -> Loaded:
        """Load a model as transformers does, but refuse damaged or incomplete weights.

        See `load_checked`.
        """
        load = super().from_pretrained
        return load_checked(load, pretrained_model_name_or_path, *model_args, **kwargs)

    def save_pretrained(self, save_directory: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
        """Save as transformers does, with the same file mode for weights and config.

        safetensors writes to a temporary file that only its owner may read; the config has the mode
        that the user's umask gives to new files.
        """
        super().save_pretrained(save_directory, *args, **kwargs)
        for weights in Path(save_directory).glob("model*.safetensors"):
            shutil.copymode(weights.with_name(CONFIG_NAME), weights)

    @property
    def feature_encoders(self) -> FeatureEncoders:
        """The feature encoders, which hold the training set's statistics."""
        return self.base_model.encoders

    @torch.no_grad()
    def _init_weights(self, module):
        if isinstance(module, TextBackbone):
            return  # the backbone initialises itself
        if isinstance(module, FeatureEncoder):
            init.zeros_(module.mean)
            init.ones_(module.deviation)
        elif isinstance(module, nn.Linear):
            # Xavier keeps the scale of a residual branch at small widths, where a fixed standard
            # deviation of 0.02 would start the branch near zero.
            init.xavier_uniform_(module.weight)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.GRU):
            bound = module.hidden_size**-0.5
            for parameter in module.parameters():
                init.uniform_(parameter, -bound, bound)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, RelationBias):
            init.copy_(module.weight, module.initial())
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight, mean=0.0, std=self.config.initializer_range)
        elif isinstance(module, SyncTVAModel):
            init.normal_(module.lone, mean=0.0, std=self.config.initializer_range)
        elif isinstance(module, SyncTVAForEmotionRecognition):
            init.constant_(module.class_prior, 1 / self.config.num_labels)


class SyncTVAModel(SyncTVAPreTrainedModel):
    """Encode conversations: one fused state for each utterance.

    Example:
        >>> import torch
        >>> from synctva import SyncTVAConfig, SyncTVAModel
        >>> model = SyncTVAModel(SyncTVAConfig(audio_dim=4, hidden_size=32)).eval()
        >>> model(audio_features=torch.randn(2, 5, 4)).last_hidden_state.shape
        torch.Size([2, 5, 32])
    """

    _keys_to_ignore_on_load_unexpected: ClassVar[list[str]] = [
        r"^classifier\.",
        r"^context_classifier\.",
        r"^class_prior$",
    ]

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        self.text_backbone = TextBackbone(config) if config.text_backbone else None
        self.encoders = FeatureEncoders(config)
        self.speaker_embedding = nn.Embedding(config.max_speakers, config.hidden_size)
        self.lone = nn.Parameter(torch.empty(config.hidden_size))
        self.modality_heads = ModalityLinear(config.hidden_size, config.num_labels)
        self.context = ContextEncoder(config) if config.use_context else None
        self.enhancement = DynamicEnhancement(config) if config.use_enhancement else None
        self.layers = nn.ModuleList(
            [HeterogeneousGraphLayer(config) for _ in range(config.num_hidden_layers)]
        )
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.fusion = CrossAttentionFusion(config)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        text_features: Tensor | None = None,
        audio_features: Tensor | None = None,
        visual_features: Tensor | None = None,
        attention_mask: Tensor | None = None,
        modality_mask: Tensor | None = None,
        speaker_ids: Tensor | None = None,
        input_ids: Tensor | None = None,
        text_attention_mask: Tensor | None = None,
        utterance_token_mask: Tensor | None = None,
        graph: dict[str, Tensor] | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        cache: StreamCache | None = None,
        speakers: Sequence[Sequence[str | None]] | None = None,
        inputs_embeds: None = None,
    ) -> SyncTVAModelOutput:
        """Encode conversations.

        Args:
            text_features, audio_features, visual_features: (B, N, D_m) features, not standardised;
                each may be omitted. Values of missing modalities are never read.
            attention_mask: (B, N), nonzero for utterances and 0 for padding; default: no padding.
            modality_mask: (B, N, 3), nonzero where text, visual and audio are present; default: all
                modalities whose features are passed.
            speaker_ids: (B, N), numbered by first appearance in the conversation; default: a single
                speaker.
            input_ids, text_attention_mask, utterance_token_mask: (B, N, L) tokens of each utterance
                with its context, which of them are not padding, and which belong to the utterance
                itself; in place of text_features if the config names a text backbone.
            graph: `build_graph(...).tensors()` for these masks; default: built here.
            output_attentions, output_hidden_states: whether to return these too.
            cache: used by `SyncTVAStream`, which passes the graph too.
            speakers: the speakers' names in each conversation, in place of speaker_ids.
                transformers' own Trainer keeps only columns that are arguments of `forward`: this
                one is here so that `SyncTVACollator` sees the names there too.
            inputs_embeds: None, which PEFT passes to every model.

        Returns:
            The fused states (B, N, hidden_size) and intermediate results, see `SyncTVAModelOutput`.

        Raises:
            ValueError: shapes disagree with each other or with the config.
        """
        packed = self.encode(
            text_features=text_features,
            audio_features=audio_features,
            visual_features=visual_features,
            attention_mask=attention_mask,
            modality_mask=modality_mask,
            speaker_ids=speaker_ids,
            input_ids=input_ids,
            text_attention_mask=text_attention_mask,
            utterance_token_mask=utterance_token_mask,
            graph=graph,
            cache=cache,
            speakers=speakers,
            inputs_embeds=inputs_embeds,
        )
        return SyncTVAModelOutput(
            **packed.padded(*self._outputs(output_attentions, output_hidden_states))
        )

    def encode(
        self,
        *,
        text_features: Tensor | None = None,
        audio_features: Tensor | None = None,
        visual_features: Tensor | None = None,
        attention_mask: Tensor | None = None,
        modality_mask: Tensor | None = None,
        speaker_ids: Tensor | None = None,
        input_ids: Tensor | None = None,
        text_attention_mask: Tensor | None = None,
        utterance_token_mask: Tensor | None = None,
        graph: dict[str, Tensor] | None = None,
        cache: StreamCache | None = None,
        speakers: Sequence[Sequence[str | None]] | None = None,
        inputs_embeds: None = None,
    ) -> PackedOutput:
        """Encode conversations without restoring the padding. For the arguments, see `forward`."""
        config = self.config
        inputs = {"text": text_features, "visual": visual_features, "audio": audio_features}
        if inputs_embeds is not None:
            raise ValueError("inputs_embeds: expected None: the model embeds what it reads itself")
        if self.text_backbone is not None:
            inputs["text"] = input_ids
        elif input_ids is not None:
            raise ValueError(
                "input_ids: expected text_features, because config.text_backbone = None"
            )
        shape, device = self._check_shapes(inputs, attention_mask, modality_mask, speaker_ids)
        if attention_mask is None:
            attention_mask = torch.ones(shape, dtype=torch.bool, device=device)
        attention_mask = attention_mask.bool()
        passed = torch.tensor([inputs[name] is not None for name in MODALITIES], device=device)
        if modality_mask is None:
            modality_mask = passed.expand(*shape, -1)
        modality_mask = modality_mask.bool() & attention_mask[..., None] & passed
        if speaker_ids is None:
            speaker_ids = number_speakers(speakers, shape).to(device)
        elif speakers is not None:
            raise ValueError("speakers: expected None, because speaker_ids are given")
        packing = (
            build_graph(attention_mask, modality_mask, speaker_ids, config)
            if graph is None
            else HeterogeneousGraph.from_tensors(graph)
        )
        sizes = packing.nodes.sizes
        present = sum(sizes[:LONE_BLOCK])

        nodes, log_rms = self._embed(inputs, text_attention_mask, utterance_token_mask, packing)
        modality_logits = self.modality_heads(nodes, sizes)  # (V, C)
        numbers = packing.nodes.speaker.clamp(0, config.max_speakers - 1)
        speaker_states = self.speaker_embedding(numbers)  # (T, H)
        nodes = nodes + speaker_states.index_select(0, packing.nodes.utterance)
        context_states = None
        if self.context is not None:
            context, context_states = self.context(nodes, packing, cache)
            nodes = nodes + context
        gates = torch.ones_like(nodes)
        strength_logits = nodes.new_full((len(nodes),), float("inf"))
        if self.enhancement is not None:
            nodes, gates, strength_logits = self.enhancement(nodes, log_rms, packing.nodes, cache)
        nodes = self.dropout(nodes)

        hidden_states, attentions = [nodes], []
        for layer in self.layers:
            nodes, attention = layer(nodes, sizes, packing.edges, cache)
            hidden_states.append(nodes)
            attentions.append(attention)
        # A lone node is the only node of its utterance, so its weight is 1.
        weights = strength_logits.sigmoid()
        weights = torch.cat([weights[:present], torch.ones_like(weights[present:])])
        fused, fusion_attention = self.fusion(nodes, weights, packing, cache)
        return PackedOutput(
            graph=packing,
            modality_mask=modality_mask,
            fused=fused,
            context=context_states,
            modality_logits=modality_logits,
            strength_logits=strength_logits,
            gates=gates,
            hidden_states=tuple(hidden_states),
            attentions=tuple(attentions),
            fusion_attention=fusion_attention,
        )

    def _outputs(self, attentions: bool | None, hidden_states: bool | None) -> tuple[bool, bool]:
        """Return which outputs to include; the config decides where the caller does not."""
        config = self.config
        return (
            config.output_attentions if attentions is None else attentions,
            config.output_hidden_states if hidden_states is None else hidden_states,
        )

    def _embed(
        self,
        inputs: dict[str, Tensor | None],
        text_attention_mask: Tensor | None,
        utterance_token_mask: Tensor | None,
        graph: HeterogeneousGraph,
    ) -> tuple[Tensor, Tensor]:
        """Encode features as node states (V, H); also return their log RMS (V, 1)."""
        states, log_rms = [], []
        for name, index in zip(MODALITIES, graph.nodes.blocks, strict=False):
            features = inputs[name]
            if features is None:  # no nodes, but DDP needs the parameters to take part
                rows = self.lone.new_zeros(0, self.config.modality_dims[name])
            else:
                # Read only what is present, so that a masked NaN cannot spread.
                rows = features.flatten(0, 1).index_select(0, index)
                if name == "text" and self.text_backbone is not None:
                    tokens = (text_attention_mask, utterance_token_mask)
                    masks = [None if t is None else t.flatten(0, 1)[index] for t in tokens]
                    rows = self.text_backbone(rows, *masks)
            block_states, block_log_rms = self.encoders[name](rows)
            states.append(block_states)
            log_rms.append(block_log_rms)
        lone = graph.nodes.sizes[LONE_BLOCK]
        states.append(self.lone.to(states[0].dtype).expand(lone, -1))
        log_rms.append(log_rms[0].new_zeros(lone, 1))
        return torch.cat(states), torch.cat(log_rms)

    def _check_shapes(self, inputs, attention_mask, modality_mask, speaker_ids):
        """Check that all shapes agree; return the padded shape (B, N) and the device."""
        passed = {name: tensor for name, tensor in inputs.items() if tensor is not None}
        reference = next(iter(passed.values()), modality_mask)
        if reference is None:
            raise ValueError(
                "features are missing: expected any of text_features (input_ids with a text "
                "backbone), audio_features and visual_features, or at least modality_mask"
            )
        shape = reference.shape[:2]
        for name, tensor in passed.items():
            tokens = name == "text" and self.text_backbone is not None
            width = tensor.shape[-1] if tokens else self.config.modality_dims[name]
            if tensor.shape != (*shape, width):
                raise ValueError(
                    f"{'input_ids' if tokens else name + '_features'} has shape "
                    f"{tuple(tensor.shape)}: expected {(*shape, width)} (batch, utterances, "
                    f"config.{name}_dim)"
                )
        masks = {"attention_mask": (attention_mask, shape), "speaker_ids": (speaker_ids, shape)}
        masks["modality_mask"] = (modality_mask, (*shape, len(MODALITIES)))
        for name, (tensor, expected) in masks.items():
            if tensor is not None and tensor.shape != expected:
                raise ValueError(
                    f"{name} has shape {tuple(tensor.shape)}: expected {tuple(expected)}"
                )
        return shape, reference.device


class EmotionClassifier(nn.Sequential):
    """A two-layer classifier: utterance states (..., width) → emotion logits (..., C)."""

    def __init__(self, width: int, config: SyncTVAConfig):
        super().__init__(
            Dropout(config.hidden_dropout_prob),
            nn.Linear(width, config.hidden_size),
            nn.GELU(),
            Dropout(config.hidden_dropout_prob),
            nn.Linear(config.hidden_size, config.num_labels),
        )


class SyncTVAForEmotionRecognition(SyncTVAPreTrainedModel):
    """Sync-TVA with two emotion classifiers, on the fused states and on the context states.

    Each classifier has its own loss, and the model returns the mean of their logits. They make
    different errors: the fused states come from attention over a window, the context states from
    the order of the whole conversation. docs/history.md says how much this gains.

    Example:
        >>> import torch
        >>> from synctva import SyncTVAConfig, SyncTVAForEmotionRecognition
        >>> config = SyncTVAConfig(text_dim=16, audio_dim=4, visual_dim=4, hidden_size=32)
        >>> model = SyncTVAForEmotionRecognition(config).eval()
        >>> model(text_features=torch.randn(2, 5, 16)).logits.shape
        torch.Size([2, 5, 7])
    """

    class_prior: Tensor

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        self.synctva = SyncTVAModel(config)
        self.classifier = EmotionClassifier(config.hidden_size, config)
        self.context_classifier = (
            EmotionClassifier(self.synctva.context.width, config) if self.synctva.context else None
        )
        self.register_buffer("class_prior", torch.full((config.num_labels,), 1 / config.num_labels))
        self.post_init()

    def set_class_prior(self, counts: Tensor) -> None:
        """Store the training set's base rates, which the loss of the strengths needs.

        Args:
            counts: (C,) number of training utterances per class. One is added to each, so that a
                class without any still has a rate above 0.
        """
        self.class_prior.copy_((counts + 1) / (counts + 1).sum())

    @can_return_tuple
    def forward(
        self,
        text_features: Tensor | None = None,
        audio_features: Tensor | None = None,
        visual_features: Tensor | None = None,
        attention_mask: Tensor | None = None,
        modality_mask: Tensor | None = None,
        speaker_ids: Tensor | None = None,
        labels: Tensor | None = None,
        input_ids: Tensor | None = None,
        text_attention_mask: Tensor | None = None,
        utterance_token_mask: Tensor | None = None,
        graph: dict[str, Tensor] | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        num_items_in_batch: int | Tensor | None = None,
        cache: StreamCache | None = None,
        speakers: Sequence[Sequence[str | None]] | None = None,
        inputs_embeds: None = None,
    ) -> SyncTVAEmotionOutput:
        """Recognise the emotion of every utterance. Other arguments are those of `SyncTVAModel`.

        Args:
            labels: (B, N), `IGNORE_INDEX` where there is no label. With labels the output has a
                `loss`, whose criterion is plain cross-entropy (the trainer uses its own).
            num_items_in_batch: see `multitask_loss`.

        Returns:
            Uncalibrated logits (B, N, C), the loss if there are labels, and intermediate results,
            see `SyncTVAEmotionOutput`.

        Raises:
            ValueError: shapes disagree with each other or with the config.
        """
        packed = self.synctva.encode(
            text_features=text_features,
            audio_features=audio_features,
            visual_features=visual_features,
            attention_mask=attention_mask,
            modality_mask=modality_mask,
            speaker_ids=speaker_ids,
            input_ids=input_ids,
            text_attention_mask=text_attention_mask,
            utterance_token_mask=utterance_token_mask,
            graph=graph,
            cache=cache,
            speakers=speakers,
            inputs_embeds=inputs_embeds,
        )
        branch_logits = self.classify(packed)
        detailed = self.synctva._outputs(output_attentions, output_hidden_states)
        output = SyncTVAEmotionOutput(
            logits=branch_logits.mean(-2), branch_logits=branch_logits, **packed.padded(*detailed)
        )
        if labels is not None:
            if labels.is_floating_point():
                raise ValueError(
                    f"labels has dtype {labels.dtype}: expected one whole number for each "
                    "utterance (regression and soft labels are not supported)"
                )
            if labels.shape != branch_logits.shape[:2]:
                raise ValueError(
                    f"labels has shape {tuple(labels.shape)}: "
                    f"expected {tuple(branch_logits.shape[:2])}, one for each utterance"
                )
            loss = self.emotion_loss(output, labels, num_items_in_batch=num_items_in_batch)
            # A new object, because `to_tuple` returns fields in the order in which they were set.
            output = SyncTVAEmotionOutput(loss=loss, **output)
        return output

    def classify(self, packed: PackedOutput) -> Tensor:
        """Return the logits of both classifiers, (B, N, 2, C), 0 at padding.

        Their mean over the third axis gives the model's logits. Without the recurrent context there
        is one classifier.
        """
        branches = [self.classifier(packed.fused)]
        if self.context_classifier is not None:
            branches.append(self.context_classifier(packed.context))
        logits = packed.pad_utterances(torch.cat(branches, dim=-1))
        return logits.unflatten(-1, (len(branches), -1))

    def stream(self, state: dict[str, Tensor] | None = None) -> SyncTVAStream:
        """Start a live conversation, which is answered one utterance at a time.

        Args:
            state: the `state_dict()` of a stream to continue; default: a new conversation.

        Returns:
            See `SyncTVAStream`.

        Raises:
            ValueError: the model looks ahead (`config.causal` is False) or reads tokens, or the
                state belongs to another checkpoint.
        """
        stream = SyncTVAStream(self)
        if state is not None:
            stream.load_state_dict(state)
        return stream

    def emotion_loss(
        self,
        output: SyncTVAEmotionOutput,
        labels: Tensor,
        criterion: Criterion = cross_entropy,
        num_items_in_batch: int | Tensor | None = None,
    ) -> Tensor:
        """Return `multitask_loss` with the config's weights. The trainer passes its own criterion.

        Args:
            output: the output of `forward`.
            labels: (B, N), `IGNORE_INDEX` where there is no label.
            criterion: (K, C) logits and (K,) labels → (K,) losses.
            num_items_in_batch: number of labelled utterances to divide by; default: those of this
                batch.

        Returns:
            A scalar, in nats.
        """
        if self.training and torch.is_grad_enabled():
            drop_calibration_to_train(self.config)
        has_strengths = self.synctva.enhancement is not None
        return multitask_loss(
            cast(Tensor, output.branch_logits),
            cast(Tensor, output.modality_logits),
            cast(Tensor, output.strength_logits),
            cast(Tensor, output.modality_mask),
            labels,
            self.class_prior,
            auxiliary_weight=self.config.auxiliary_loss_weight,
            strength_weight=self.config.strength_loss_weight if has_strengths else 0.0,
            criterion=criterion,
            num_items_in_batch=num_items_in_batch,
        )


__all__ = [
    "SyncTVAEmotionOutput",
    "SyncTVAForEmotionRecognition",
    "SyncTVAModel",
    "SyncTVAModelOutput",
    "SyncTVAPreTrainedModel",
]
