"""Fixtures for all tests. No test uses the network."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when huggingface_hub is first imported

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from synctva.modeling_synctva import text_encoder

TOY_WORDS = ["hello", "no", "way", "good", "bad", "day", "ann", "bo", ":", ".", "!"]


@pytest.fixture(scope="session", autouse=True)
def every_processor_computes_in_float32():
    """Tests compare answers closely, and on every processor; those of bfloat16 ask for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_encoder, "_multiplies_bfloat16", lambda: False)
        yield


@pytest.fixture(scope="session")
def toy_encoder_folder(tmp_path_factory):
    """A saved tiny BERT with its tokenizer: the text encoder of the tests, 16 features per text."""
    folder = tmp_path_factory.mktemp("toy_encoder")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *TOY_WORDS]))
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=5 + len(TOY_WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def deep_encoder_folder(toy_encoder_folder, tmp_path_factory):
    """A tiny BERT with three layers and no dropout, for tests of fine-tuning."""
    folder = tmp_path_factory.mktemp("deep_encoder")
    tokenizer = BertTokenizerFast.from_pretrained(toy_encoder_folder)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=16,
        initializer_range=0.3,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def toy_encoder_spec(toy_encoder_folder):
    return {"name": str(toy_encoder_folder), "pooling": "mean", "width": 16}


@pytest.fixture(scope="session")
def data_dir():
    """The folder of the real corpora (meld/, iemocap/): SYNCTVA_DATA, or ../shared/data."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SYNCTVA_DATA", default))
    if not folder.is_dir():
        pytest.skip(
            f"{folder} is missing: expected the real corpora; set SYNCTVA_DATA to their folder"
        )
    return folder
