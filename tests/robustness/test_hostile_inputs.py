"""Any input gives a clear error, or finite and normalised answers that no other input changes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import pipeline

from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.property_based import REPEATABLE
from tests.support.toy import LABELS, toy_config

WIDTHS = {"text": 16, "visual": 5, "audio": 4}
CALM = [
    {"text": "Well.", "speaker": "Ann", "audio_features": [0.1, 0.2, 0.3, 0.4]},
    {"text": "No!", "speaker": "Bo", "visual_features": [0.5, 0.1, -1.0, 0.0, 2.0]},
]


@pytest.fixture(scope="module")
def recognise(tmp_path_factory, toy_encoder_spec):
    folder = tmp_path_factory.mktemp("hostile")
    torch.manual_seed(0)
    widths = {f"{name}_dim": width for name, width in WIDTHS.items()}
    config = toy_config(**widths)
    SyncTVAForEmotionRecognition(config).save_pretrained(folder)
    SyncTVAProcessor(**widths, text_encoder=toy_encoder_spec).save_pretrained(folder)
    return pipeline("emotion-recognition", model=str(folder))


# What a user may pass in place of a feature vector, a text or a speaker.

_numbers = st.one_of(
    st.floats(width=32),
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0.0, -0.0, 1e38, 3.4e38, 1e-45, math.nan, math.inf, -math.inf, True]),
)


def _vectors(width):
    right = st.lists(_numbers, min_size=width, max_size=width)
    plain = st.lists(st.floats(-5, 5, width=32), min_size=width, max_size=width)
    kinds = st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.bool_, object])
    return st.one_of(
        plain,
        plain,  # more often, so that some conversations are accepted
        right,
        st.lists(_numbers, max_size=width + 1),
        st.builds(lambda values, kind: np.array(values, dtype=kind), plain, kinds),
        plain.map(torch.tensor),
        st.sampled_from([None, "loud", {}, [[1.0] * width], np.zeros((width, width)), 7, b"\0"]),
    )


_texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", " \t\n", "\0", "\ud800", "a" * 5_000, "🙂" * 50, "‮right", "e\u0301" * 9]),
    st.sampled_from([None, 3, ["Hi."], b"Hi."]),
)
_speakers = st.one_of(st.text(max_size=3), st.none(), st.integers(), st.sampled_from([["Ann"], {}]))
_utterances = st.one_of(
    _texts,
    st.fixed_dictionaries(
        {},
        optional={
            "text": _texts,
            "speaker": _speakers,
            **{f"{name}_features": _vectors(width) for name, width in WIDTHS.items()},
        },
    ),
    st.dictionaries(st.sampled_from(["texts", "labels", "mood"]), _texts, max_size=2),
)
_conversations = st.one_of(st.lists(_utterances, max_size=6), _utterances)


def assert_answers(answers, count):
    assert len(answers) == count
    for answer in answers:
        assert set(answer["scores"]) == set(LABELS)
        assert all(0 <= score <= 1 for score in answer["scores"].values())
        assert sum(answer["scores"].values()) == pytest.approx(1, abs=1e-4)
        assert answer["label"] in LABELS
        assert all(0 <= value <= 1 for value in answer["strengths"].values())


def check_raw_conversation(recognise, conversation):
    try:
        answers = recognise([CALM, conversation], top_k=None)
    except (ValueError, TypeError) as error:
        assert str(error)
    else:
        # A dictionary is a mapping of columns: its keys are not utterances.
        by_column = isinstance(conversation, dict)
        assert_answers(answers[1], len(answers[1]) if by_column else len(conversation))
        for answer, single in zip(answers[0], recognise(CALM, top_k=None), strict=True):
            assert answer["scores"] == pytest.approx(single["scores"], abs=1e-5)


@st.composite
def _batches(draw):
    """Draw a padded batch of up to five conversations, with any masks and any masked values."""
    shape = (draw(st.integers(1, 5)), draw(st.integers(1, 7)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = draw(st.sampled_from([0.0, 0.3, 1.0]))
    scale = draw(st.sampled_from([0.0, 1e-30, 1.0, 1e4, 1e18]))
    attention = generator.random(shape) < draw(st.sampled_from([0.4, 1.0]))
    present = generator.random((*shape, 3)) < share
    batch = {
        "attention_mask": torch.from_numpy(attention),
        "modality_mask": torch.from_numpy(present),
        "speaker_ids": torch.from_numpy(generator.integers(-3, 5_000, shape)),
    }
    rubbish = draw(st.sampled_from([math.nan, math.inf, 3e38]))
    for index, name in enumerate(MODALITIES):
        if draw(st.booleans()):
            values = generator.normal(size=(*shape, WIDTHS[name])) * scale
            values[~(present[..., index] & attention)] = rubbish
            batch[f"{name}_features"] = torch.from_numpy(values).float()
    return batch


@torch.no_grad()
def check_tensors(model, batch):
    output = model(**batch)
    mask = batch["attention_mask"]
    assert output.logits.isfinite().all() and output.strengths.isfinite().all()
    assert (output.logits[~mask] == 0).all()
    for row in range(len(mask)):
        single = model(**{name: tensor[row : row + 1] for name, tensor in batch.items()})
        torch.testing.assert_close(output.logits[row], single.logits[0], rtol=1e-5, atol=1e-5)


def many(count):
    return settings(REPEATABLE, max_examples=count)


@many(100)
@given(conversation=_conversations)
def test_raw_conversations(recognise, conversation):
    check_raw_conversation(recognise, conversation)


@many(60)
@given(batch=_batches())
def test_tensors(recognise, batch):
    check_tensors(recognise.model, batch)


@pytest.mark.slow
@many(7_000)
@given(conversation=_conversations)
def test_thousands_of_raw_conversations(recognise, conversation):
    check_raw_conversation(recognise, conversation)


@pytest.mark.slow
@many(4_000)
@given(batch=_batches())
def test_thousands_of_tensors(recognise, batch):
    check_tensors(recognise.model, batch)


def test_empty_shortest_and_long_conversations(recognise):
    with pytest.raises(ValueError, match="empty"):
        recognise([])
    assert_answers(recognise([{"text": "Hi."}], top_k=None), 1)
    long = [
        {"speaker": f"speaker {t}", "audio_features": [0.0, 1.0, float(t % 7), -1.0]}
        for t in range(2_000)
    ]
    assert_answers(recognise(long, top_k=None), 2_000)
