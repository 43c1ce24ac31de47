import json
import logging
from contextlib import suppress

import numpy as np
import pytest
import torch
from transformers import AutoProcessor

from synctva.modeling_synctva.processing_synctva import FACE_WEIGHTS_FILE, SyncTVAProcessor
from synctva.modeling_synctva.text_encoder import TextEncoder
from synctva.registration import register
from synctva.video.encoder import FACE_SPEC
from tests.support.toy import toy_model

register()

MEASURES = ["duration", "pitch"]


@pytest.fixture
def processor(toy_encoder_spec):
    return SyncTVAProcessor(16, 3, 2, text_encoder=toy_encoder_spec, audio_features=MEASURES)


@pytest.fixture
def token_processor(toy_encoder_folder):
    tokens = {"name": str(toy_encoder_folder), "past": 1, "future": 1, "max_length": 16}
    return SyncTVAProcessor(16, 3, 2, text_tokens=tokens)


def test_strings_are_embedded(processor, toy_encoder_spec):
    batch = processor([["hello ann", "  ", "no way !"], ["good day"]])
    vectors = TextEncoder.from_spec(toy_encoder_spec).encode(["hello ann", "no way !", "good day"])
    np.testing.assert_allclose(batch["text_features"][0, [0, 2]], vectors[:2], atol=1e-5)
    np.testing.assert_allclose(batch["text_features"][1, 0], vectors[2], atol=1e-5)
    assert batch["modality_mask"][0].any(-1).tolist() == [True, False, True]
    assert batch["attention_mask"].sum(1).tolist() == [3, 1]
    assert set(batch) <= set(processor.model_input_names)


def test_a_contextual_encoder_reads_the_whole_conversation(toy_encoder_spec):
    context = {"tokens": 20, "past": 8, "future": 8, "turn": 8}
    spec = {**toy_encoder_spec, "context": context}
    processor = SyncTVAProcessor(16, None, None, text_encoder=spec)
    texts, speakers = ["hello", "no way !", "good day"], ["ann", "bo", None]
    (expected,) = TextEncoder.from_spec(spec).encode_conversations([(texts, speakers)])
    utterances = [
        {"text": text, "speaker": name} for text, name in zip(texts, speakers, strict=True)
    ]
    # An utterance with features keeps them, and is still context for the others.
    utterances[1]["text_features"] = np.ones(16)
    features = processor([utterances])["text_features"][0]
    np.testing.assert_allclose(features[[0, 2]], expected[[0, 2]], atol=1e-5)
    np.testing.assert_allclose(features[1], np.ones(16))


def test_dictionaries(processor):
    batch = processor(
        [
            [
                {"text": "hello", "speaker": "bo", "audio_features": [1.0, 2.0]},
                {"text": "", "speaker": "ann", "visual_features": np.ones(3)},
                {"audio_features": {"pitch": 4.0, "duration": 3.0}, "speaker": "bo"},
                {"text_features": np.full(16, 5.0)},
                {"speaker": "ann"},
            ]
        ]
    )
    assert batch["modality_mask"][0].long().tolist() == [
        [1, 0, 1],
        [0, 1, 0],
        [0, 0, 1],
        [1, 0, 0],
        [0, 0, 0],
    ]
    assert batch["speaker_ids"][0].tolist() == [0, 1, 0, 2, 1]
    assert batch["audio_features"][0, [0, 2]].tolist() == [[1, 2], [3, 4]]
    assert batch["text_features"][0, 3].eq(5).all()
    assert not batch["text_features"][0, [1, 2, 4]].any()


def test_columns_equal_a_list_of_utterances(processor):
    row = {
        "dialogue_id": "d1",
        "texts": ["hello", "no way !"],
        "speakers": ["ann", "bo"],
        "audio_features": [[1.0, 2.0], [0.0, 0.0]],
        "modality_mask": [[True, False, True], [True, False, False]],
        "labels": [0, 1],
    }
    utterances = [
        {"text": "hello", "speaker": "ann", "audio_features": [1.0, 2.0]},
        {"text": "no way !", "speaker": "bo"},
    ]
    columns, listed = processor([row]), processor([utterances])
    assert columns.pop("labels").tolist() == [[0, 1]]
    assert set(columns) == set(listed)
    assert all(torch.equal(columns[name], listed[name]) for name in listed)
    assert row["texts"] == ["hello", "no way !"]
    assert "text_features" not in row


def test_batch_equals_single_conversations(processor):
    conversations = [["hello"], ["no", "good day ann", "bad"], ["bo : no way !", "good"]]
    batch = processor(conversations)
    for i, conversation in enumerate(conversations):
        for name, tensor in processor([conversation]).items():
            torch.testing.assert_close(batch[name][i : i + 1, : tensor.shape[1]], tensor)


def test_modality_that_the_checkpoint_lacks_is_masked(toy_encoder_spec):
    processor = SyncTVAProcessor(16, None, None, text_encoder=toy_encoder_spec)
    batch = processor([[{"text": "hello", "audio_features": [1.0] * 9}]])
    assert "audio_features" not in batch
    assert batch["modality_mask"].tolist() == [[[True, False, False]]]


def test_tokens_of_a_text_backbone(token_processor):
    batch = token_processor([["hello", {"text": "no way", "speaker": "bo"}, ""], ["good"]])
    tokenizer = token_processor.text_tokenizer
    decoded = tokenizer.batch_decode(batch["input_ids"][0])
    assert decoded[0].split("[PAD]")[0].strip() == "[CLS] hello [SEP] bo : no way [SEP]"
    own = batch["input_ids"][0, 1][batch["utterance_token_mask"][0, 1]]
    assert tokenizer.decode(own) == "bo : no way"
    assert batch["modality_mask"][0, :, 0].tolist() == [True, True, False]
    assert not batch["text_attention_mask"][0, 2].any()
    assert "text_features" not in batch


@pytest.mark.parametrize(
    ("conversations", "message"),
    [
        ("hello", "conversations is of type str"),
        (
            ["hello"],
            r"conversation 0 = 'hello': expected a list of utterances, such as \['hello'\]",
        ),
        ([["hello"], []], "conversation 1 is empty"),
        ([["hello"], 3], "conversation 1 is of type int"),
        ([["hello", 3]], "conversation 0, utterance 1 = 3: expected a string or a dictionary"),
        ([[{"txt": "hello"}]], "utterance 0 = {'txt': 'hello'}: expected a string or a dictionary"),
        ([[{"text": 3}]], "conversation 0, utterance 0, text = 3: expected a string"),
        ([["hello"], ["", " "]], "conversation 1 has no modality at all"),
        ([[{"speaker": "ann"}]], "conversation 0 has no modality at all"),
        (
            [[{"audio_features": [1.0]}]],
            r"conversation 0, audio_features has width 1: expected 2",
        ),
        (
            [["hello", {"audio_features": [1.0, float("nan")]}]],
            "conversation 0, audio_features, utterance 1, column 1 = nan: expected a finite number",
        ),
        (
            [[{"audio_features": {"pitch": 1.0}}]],
            r"audio_features has \['pitch'\]: expected exactly \['duration', 'pitch'\]",
        ),
        (
            [{"texts": ["hello"], "speakers": ["ann", "bo"]}],
            "conversation 0, speakers has 2 utterances: expected 1",
        ),
    ],
)
def test_refuses(processor, conversations, message):
    with pytest.raises(ValueError, match=message):
        processor(conversations)


@pytest.mark.parametrize(
    ("settings", "conversation", "unread"),
    [
        ({}, [{"text": "hello", "audio_features": [1.0, 2.0]}], ""),
        ({}, {"texts": ["hello"], "media_paths": [None], "labels": [0]}, ""),
        ({"visual_dim": None}, ["hello", {"visual_features": [1.0]}], "visual_features"),
        ({"audio_dim": None}, {"texts": ["hello"], "audio_features": [[1.0]]}, "audio_features"),
        ({"text_dim": None, "text_encoder": None}, [{"text": "hello"}], "text"),
        ({"text_encoder": None}, {"texts": ["hello"], "visual_features": [[1.0] * 3]}, "texts"),
        ({"audio_dim": None}, ["hello", {"audio": "nowhere.wav"}], "audio"),
        ({"audio_dim": None, "visual_dim": None}, ["hello", {"video": "nowhere.mp4"}], "video"),
        ({}, {"texts": ["hello"], "media_paths": ["nowhere.mp4"]}, "media_paths"),
    ],
)
def test_what_the_checkpoint_does_not_read_is_named(
    settings, conversation, unread, toy_encoder_spec, monkeypatch
):
    said = []
    monkeypatch.setattr(logging.Logger, "warning_once", lambda _, message: said.append(message))
    dims = {"text_dim": 16, "visual_dim": 3, "audio_dim": 2, "text_encoder": toy_encoder_spec}
    with suppress(ValueError):  # where nothing is left to read
        SyncTVAProcessor(**dims | settings)([conversation])
    assert [
        message.removeprefix("not read: ").split("; expected some of [")[0] for message in said
    ] == ([unread] if unread else [])


def test_return_tensors_accepts_pt_only(processor):
    conversations = [[{"visual_features": [1.0, 2.0, 3.0]}]]
    batch = processor(conversations)
    for asked in (None, "pt"):
        again = processor(conversations, return_tensors=asked)
        assert again.keys() == batch.keys()
        for name, tensor in batch.items():
            torch.testing.assert_close(again[name], tensor)
    with pytest.raises(ValueError, match=r"return_tensors = 'np': expected \"pt\" or None"):
        processor(conversations, return_tensors="np")


def test_text_needs_an_encoder():
    processor = SyncTVAProcessor(16, None, 2)
    with pytest.raises(
        ValueError, match=r"expected .* one of \['text_features', 'audio_features'\]"
    ):
        processor([["hello"]])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text_dim": 0}, "text_dim = 0: expected an integer of at least 1"),
        ({"audio_dim": 3, "audio_features": MEASURES}, "has 2 names: expected audio_dim = 3"),
        (
            {"text_dim": 4, "text_encoder": {"name": "x", "width": 5}},
            "text_dim = 4: expected 5, the width of text_encoder 'x'",
        ),
        ({"text_tokens": {"name": "x"}}, "text_tokens = {'name': 'x'}: expected"),
    ],
)
def test_refuses_inconsistent_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        SyncTVAProcessor(**fields)


def test_save_and_load(processor, tmp_path):
    processor(["hello"] for _ in range(1))  # a loaded encoder must not be saved
    processor.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "processor_config.json").read_text())
    assert saved["auto_map"] == {"AutoProcessor": "processing_synctva.SyncTVAProcessor"}
    assert saved["audio_features"] == MEASURES
    assert (tmp_path / "processing_synctva.py").is_file()
    assert (tmp_path / "text_encoder.py").is_file()
    for loaded in (
        AutoProcessor.from_pretrained(tmp_path),
        SyncTVAProcessor.from_pretrained(tmp_path),
    ):
        assert type(loaded) is SyncTVAProcessor
        assert loaded.to_dict() == processor.to_dict()
        expected, actual = processor([["hello"]]), loaded([["hello"]])
        assert all(torch.equal(actual[name], expected[name]) for name in expected)


@pytest.mark.parametrize("source", [SyncTVAProcessor, AutoProcessor])
def test_a_folder_without_a_processor_is_refused(source, tmp_path):
    toy_model().save_pretrained(tmp_path)
    with pytest.raises(OSError, match=r"expected a model with processor_config\.json beside"):
        source.from_pretrained(tmp_path)


def test_saving_keeps_the_checkpoints_own_face_weights(tmp_path):
    """They may be of another version than the installed package's."""
    saved, again = tmp_path / "saved", tmp_path / "again"
    SyncTVAProcessor(None, FACE_SPEC["width"], None, visual_encoder=FACE_SPEC).save_pretrained(
        saved
    )
    (saved / FACE_WEIGHTS_FILE).write_bytes(b"other weights")
    loaded = AutoProcessor.from_pretrained(saved)
    for folder in (again, saved):
        loaded.save_pretrained(folder)
        assert (folder / FACE_WEIGHTS_FILE).read_bytes() == b"other weights"


def test_save_and_load_with_tokenizer(token_processor, tmp_path):
    token_processor.save_pretrained(tmp_path)
    loaded = AutoProcessor.from_pretrained(tmp_path)
    loaded.text_tokens["name"] = "owner/nowhere"  # the saved tokenizer is used, not this name
    expected, actual = token_processor([["hello", "no"]]), loaded([["hello", "no"]])
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_named_features_of_every_modality(tmp_path):
    names = {"text": ["text_a", "text_b"], "visual": ["smile"], "audio": ["audio_x", "audio_y"]}
    made = SyncTVAProcessor(2, 1, 2, **{f"{name}_features": own for name, own in names.items()})
    made.save_pretrained(tmp_path)
    processor = SyncTVAProcessor.from_pretrained(tmp_path)
    assert processor.feature_names == names
    vectors = {"text_features": [1, 2], "visual_features": [3], "audio_features": [4, 5]}
    expected = processor([[vectors]])
    for given in (
        {
            "text_features": {"text_b": 2, "text_a": 1},
            "visual_features": {"smile": 3},
            "audio_features": {"audio_y": 5, "audio_x": 4},
        },
        {
            "text_features": {"a": 1, "b": 2},
            "visual_features": {"visual_smile": 3},
            "audio_features": {"y": 5, "audio_x": 4},
        },
    ):
        batch = processor([[given]])
        for field in vectors:
            assert batch[field].tolist() == expected[field].tolist()
    for wrong in ({"x": 4}, {"x": 4, "y": 5, "z": 6}, {"x": 4, "audio_x": 4}, {}):
        with pytest.raises(
            ValueError, match=r"audio_features has \[.*expected exactly \['audio_x'"
        ):
            processor([[{**vectors, "audio_features": wrong}]])
    bare = SyncTVAProcessor(2, None, None)
    with pytest.raises(ValueError, match="text_features has names: expected a vector of 2 numbers"):
        bare([[{"text_features": {"a": 1, "b": 2}}]])
    with pytest.raises(ValueError, match="visual_features has 2 names: expected visual_dim = 1"):
        SyncTVAProcessor(2, 1, 2, visual_features=["a", "b"])


def test_a_processor_saved_without_names_of_text_and_visual_features_loads(tmp_path):
    SyncTVAProcessor(2, 1, 2, audio_features=["x", "y"]).save_pretrained(tmp_path)
    file = tmp_path / "processor_config.json"
    saved = json.loads(file.read_text())
    del saved["text_features"], saved["visual_features"]
    file.write_text(json.dumps(saved))
    assert SyncTVAProcessor.from_pretrained(tmp_path).feature_names == {"audio": ["x", "y"]}
