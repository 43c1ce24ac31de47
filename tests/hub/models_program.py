"""Push toy models and report their answers; run by `test_models.py`.

    python -m tests.hub.models_program <folder of a text encoder> <report.json>

Repositories:
    user/encoder     the frozen text encoder that the processors name
    user/toy         one model at tag v1, another on main, with a card
    user/end-to-end  a model with a text backbone and its tokenizer
    user/secret      private
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi
from transformers import pipeline

import synctva
from synctva.cards.model_card import model_card
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.toy import LABELS
from tests.synctva.cards.test_model_card import RESULTS

CONVERSATIONS = [
    ["hello ann", {"text": "no way !", "speaker": "bo"}, {"speaker": "ann"}],
    [{"text": "good day", "audio_features": [0.5, -1.0]}],
]


def toy_model(seed: int, **changes: Any) -> SyncTVAForEmotionRecognition:
    torch.manual_seed(seed)
    settings = {
        "text_dim": 16,
        "visual_dim": 3,
        "audio_dim": 2,
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "id2label": dict(enumerate(LABELS)),
    }
    return SyncTVAForEmotionRecognition(SyncTVAConfig(**{**settings, **changes})).eval()


def fingerprints(model: torch.nn.Module) -> dict[str, str]:
    """Return a checksum of each tensor's bytes."""
    return {
        name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
        for name, tensor in model.state_dict().items()
    }


def described(model: SyncTVAForEmotionRecognition, processor: SyncTVAProcessor) -> dict[str, Any]:
    recognise = pipeline("emotion-recognition", model=model, processor=processor)
    return {
        "weights": fingerprints(model),
        "answers": recognise(CONVERSATIONS, top_k=None, batch_size=2),
    }


def message(function, *arguments: Any, **options: Any) -> str:
    """Return the error message of a call that must fail."""
    try:
        function(*arguments, **options)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    raise AssertionError(f"{function} {arguments} {options} did not fail")


def main() -> None:
    encoder, report_file = Path(sys.argv[1]), Path(sys.argv[2])
    api = HfApi()
    api.create_repo("user/encoder")
    api.upload_folder(repo_id="user/encoder", folder_path=encoder)
    spec = {"name": "user/encoder", "pooling": "mean", "width": 16}
    processor = SyncTVAProcessor(16, 3, 2, text_encoder=spec)

    first, second = toy_model(1), toy_model(2)
    first.push_to_hub("user/toy")
    processor.push_to_hub("user/toy")
    api.create_tag("user/toy", tag="v1")
    card = model_card(RESULTS, second.config, model_name="user/toy", text_encoder=spec)
    # Not `card.push_to_hub`, which validates the card at huggingface.co (huggingface_hub < 2.2).
    content = str(card).encode()
    api.upload_file(path_or_fileobj=content, path_in_repo="README.md", repo_id="user/toy")
    second.push_to_hub("user/toy")
    second.push_to_hub("user/secret", private=True)

    backbone = {"text_backbone": str(encoder)}
    whole = toy_model(3, **backbone)
    whole.synctva.text_backbone.load_pretrained()
    tokens = {"name": "user/encoder", "past": 2, "future": 1, "max_length": 32}
    reader = SyncTVAProcessor(16, 3, 2, text_tokens=tokens)
    whole.push_to_hub("user/end-to-end")
    reader.push_to_hub("user/end-to-end")

    load = SyncTVAForEmotionRecognition.from_pretrained
    report = {
        "version": synctva.__version__,
        "v1": described(first, processor),
        "main": described(second, processor),
        "end-to-end": described(whole, reader),
        "messages": {
            "no such revision": message(load, "user/toy", revision="v9"),
            "processor, no such revision": message(
                SyncTVAProcessor.from_pretrained, "user/toy", revision="v9"
            ),
            "pipeline, no such revision": message(
                pipeline, "emotion-recognition", model="user/toy", revision="v9"
            ),
            "load, wrong token": message(load, "user/toy", token="hf_wrong"),
            "push, wrong token": message(first.push_to_hub, "user/toy", token="hf_wrong"),
            "push, no token": message(first.push_to_hub, "user/toy", token=False),
            "push, another's": message(first.push_to_hub, "user/toy", token="hf_of_other"),
            "private, no token": message(load, "user/secret", token=False),
            "private, another's token": message(load, "user/secret", token="hf_of_other"),
        },
        # Last, because a client that has loaded the model would answer from its cache.
        "reloaded": fingerprints(load("user/secret")),
    }
    report_file.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
