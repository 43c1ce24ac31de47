import inspect
import json
import os
import subprocess
import sys

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForTokenClassification, AutoProcessor, pipeline
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.utils import logging as transformers_logging

from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.pipeline_synctva import EmotionRecognitionPipeline
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.modeling_synctva.text_encoder import TextEncoder
from synctva.registration import checkpoint_folder, register

register()

CONVERSATIONS = [
    ["hello ann", {"text": "no way !", "speaker": "bo"}, {"text": "", "speaker": "ann"}],
    [{"text": "good day", "audio_features": [0.5, -1.0]}],
    ["bad", {"audio_features": [1.0, 2.0]}, "no", "good", "bad day ."],
]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = SyncTVAConfig(
        text_dim=16,
        visual_dim=3,
        audio_dim=2,
        hidden_size=16,
        num_attention_heads=2,
        intermediate_size=16,
        num_hidden_layers=1,
        id2label={0: "calm", 1: "glad", 2: "sad"},
    )
    return SyncTVAForEmotionRecognition(config).eval()


@pytest.fixture(scope="module")
def processor(toy_encoder_spec):
    return SyncTVAProcessor(16, 3, 2, text_encoder=toy_encoder_spec)


@pytest.fixture(scope="module")
def folder(model, processor, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint")
    model.save_pretrained(path)
    processor.save_pretrained(path)
    return str(path)


@pytest.fixture(scope="module")
def recognise(folder):
    return pipeline("emotion-recognition", model=folder)


def assert_same(actual, expected):
    """Check that answers are equal, numbers up to 1e-5."""
    if isinstance(expected, dict):
        assert list(actual) == list(expected)
        for key in expected:
            assert_same(actual[key], expected[key])
    elif isinstance(expected, list):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
    else:
        assert actual == (pytest.approx(expected, abs=1e-5))


def test_answers_equal_those_of_the_model(recognise, model, processor):
    answer = recognise(CONVERSATIONS[0], top_k=None)
    with torch.no_grad():
        output = model(**processor([CONVERSATIONS[0]]))
    for t, utterance in enumerate(answer):
        probabilities = dict(
            zip(("calm", "glad", "sad"), output.logits[0, t].softmax(-1).tolist(), strict=True)
        )
        assert utterance["scores"] == pytest.approx(probabilities, abs=1e-5)
        ordered = sorted(utterance["scores"].values(), reverse=True)
        assert list(utterance["scores"].values()) == ordered
        assert utterance["label"] == max(probabilities, key=probabilities.get)
        assert utterance["score"] == max(utterance["scores"].values())
        strengths = output.strengths[0, t].tolist()
        assert list(utterance["strengths"].values()) == pytest.approx(strengths, abs=1e-5)


def test_fields_of_an_answer(recognise):
    answer = recognise(CONVERSATIONS[0])
    assert [utterance["modalities"] for utterance in answer] == [["text"], ["text"], []]
    given = [{"text"}, {"speaker", "text"}, {"speaker"}]
    for utterance, own in zip(answer, given, strict=True):
        assert set(utterance) == own | {
            "label", "score", "strengths", "modalities", "informative", "cautions", "precision",
        }  # fmt: skip
        assert list(utterance["strengths"]) == ["text", "visual", "audio"]
        for name, strength in utterance["strengths"].items():
            assert 0 <= strength <= 1
            assert name in utterance["modalities"] or strength == 0
    audio = recognise(CONVERSATIONS[2])[1]
    assert audio["modalities"] == ["audio"]
    assert audio["strengths"]["audio"] > 0


def test_top_k(recognise):
    assert "scores" not in recognise(["hello"], top_k=1)[0]
    assert len(recognise(["hello"], top_k=2)[0]["scores"]) == 2
    assert len(recognise(["hello"], top_k=99)[0]["scores"]) == 3
    everything = recognise(["hello"], top_k=None)[0]["scores"]
    assert sum(everything.values()) == pytest.approx(1)
    for top_k in (0, -1, 1.5, True, "all"):
        with pytest.raises(
            ValueError, match=r"top_k = .*expected an integer of at least 1, or None"
        ):
            recognise(["hello"], top_k=top_k)


def test_top_k_at_construction(model, processor):
    recognise = pipeline("emotion-recognition", model=model, processor=processor, top_k=None)
    assert len(recognise(["hello"])[0]["scores"]) == 3
    assert "scores" not in recognise(["hello"], top_k=1)[0]


@pytest.fixture
def calibrated(model, processor):
    """Return a pipeline of the same model, with a temperature and thresholds in its config."""
    again = SyncTVAForEmotionRecognition(SyncTVAConfig(**model.config.to_dict())).eval()
    again.load_state_dict(model.state_dict())
    again.config.calibration_temperature = 0.25
    again.config.conformal_thresholds = [level / 100 for level in range(1, 100)]
    return pipeline("emotion-recognition", model=again, processor=processor)


def test_calibration_changes_only_the_scores(recognise, calibrated, model, processor):
    plain = recognise(CONVERSATIONS, top_k=None)
    assert_same(recognise(CONVERSATIONS, top_k=None, calibrate=False), plain)  # temperature 1
    told = calibrated(CONVERSATIONS, top_k=None, calibrate=False)
    # Like prediction sets, `informative` always comes from calibrated probabilities.
    for answer in (answer for answers in (*told, *plain) for answer in answers):
        del answer["informative"], answer["cautions"]
    assert_same(told, plain)
    with torch.no_grad():
        logits = model(**processor(CONVERSATIONS[:1])).logits[0]
    for t, utterance in enumerate(calibrated(CONVERSATIONS[0], top_k=None)):
        assert utterance["label"] == plain[0][t]["label"]
        assert list(utterance["scores"]) == list(plain[0][t]["scores"])
        expected = (logits[t] / 0.25).softmax(-1).max().item()
        assert utterance["score"] == pytest.approx(expected, abs=1e-5)
        assert utterance["strengths"] == pytest.approx(plain[0][t]["strengths"], abs=1e-5)


def test_abstains_below_a_score(calibrated):
    plain = calibrated(CONVERSATIONS[2])
    limit = sorted(answer["score"] for answer in plain)[2]
    for answer, told in zip(
        calibrated(CONVERSATIONS[2], abstain_below=limit - 1e-6), plain, strict=True
    ):
        unsure = told["score"] < limit - 1e-6
        assert_same(answer, {**told, "label": None if unsure else told["label"]})
    labels = [answer["label"] for answer in calibrated(CONVERSATIONS[2], abstain_below=1)]
    assert labels == [None] * 5
    # The threshold applies to the scores in the answer.
    assert any(answer["label"] for answer in calibrated(CONVERSATIONS[2], abstain_below=limit))
    uncalibrated = calibrated(CONVERSATIONS[2], abstain_below=limit, calibrate=False)
    assert sum(a["label"] is None for a in uncalibrated) > 2
    json.dumps(uncalibrated)


def test_prediction_sets_come_from_calibrated_scores(calibrated):
    answers = calibrated(CONVERSATIONS[2], top_k=None, prediction_set=0.8)
    for answer in answers:
        likely = [name for name, score in answer["scores"].items() if 1 - score <= 0.8]
        assert answer["prediction_set"] == (likely or [answer["label"]])
    assert any(1 < len(answer["prediction_set"]) < 3 for answer in answers)
    for changed in ({"calibrate": False}, {"abstain_below": 1.0}, {"batch_size": 2}):
        again = calibrated(CONVERSATIONS[2], prediction_set=0.8, **changed)
        assert [a["prediction_set"] for a in again] == [a["prediction_set"] for a in answers]
    assert "prediction_set" not in calibrated(CONVERSATIONS[2])[0]
    at_construction = pipeline(
        "emotion-recognition",
        model=calibrated.model,
        processor=calibrated.processor,
        prediction_set=0.8,
    )
    assert at_construction(["hello"])[0]["prediction_set"]


def test_labels_renamed_after_the_calibration_are_told_so(calibrated, tmp_path, caplog):
    calibrated.save_pretrained(tmp_path)
    recognise = pipeline("emotion-recognition", model=str(tmp_path))
    config = recognise.model.config
    recognise(["hello"], prediction_set=0.8)
    config.id2label = {0: "ruhig", 1: "froh", 2: "traurig"}
    recognise(["hello"], calibrate=False)
    assert not caplog.records
    for options in ({}, {"calibrate": False, "prediction_set": 0.8}):
        transformers_logging.warning_once.cache_clear()
        caplog.clear()
        assert recognise(["hello"], **options)[0]["label"] in config.label_names
        (record,) = caplog.records
        assert record.getMessage().startswith(
            "id2label = ['ruhig', 'froh', 'traurig']: temperature and prediction sets were fitted "
            "for ['calm', 'glad', 'sad']"
        )
    caplog.clear()
    transformers_logging.warning_once.cache_clear()
    config.remember_labels()  # as a new calibration does
    recognise(["hello"])
    config.id2label = {0: "calm", 1: "glad", 2: "sad"}
    config.drop_calibration()
    recognise(["hello"])
    assert not caplog.records


def test_prediction_sets_need_a_calibrated_checkpoint(recognise):
    with pytest.raises(ValueError, match=r"prediction_set = 0.9, but .* no conformal_thresholds"):
        recognise(["hello"], prediction_set=0.9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"calibrate": 1}, "calibrate = 1: expected True or False"),
        ({"calibrate": None}, "calibrate = None: expected True or False"),
        ({"abstain_below": 1.1}, r"abstain_below = 1.1: expected a number in \[0, 1\], or None"),
        ({"abstain_below": float("nan")}, "abstain_below = nan: expected"),
        ({"abstain_below": True}, "abstain_below = True: expected"),
        ({"abstain_below": "0.5"}, "abstain_below = '0.5': expected"),
        ({"prediction_set": 0}, r"prediction_set = 0: expected a coverage in \(0, 1\), or None"),
        ({"prediction_set": 1.0}, "prediction_set = 1.0: expected a coverage"),
        ({"prediction_set": True}, "prediction_set = True: expected a coverage"),
    ],
)
def test_refuses_options_out_of_range(calibrated, arguments, message):
    with pytest.raises(ValueError, match=message):
        calibrated(["hello"], **arguments)


def test_answers_say_in_which_precision_their_texts_were_embedded(recognise, monkeypatch):
    exact = recognise(CONVERSATIONS)
    assert {answer["precision"] for answers in exact for answer in answers} == {"float32"}
    monkeypatch.setattr(TextEncoder, "fast_precision", "bfloat16")
    fast = recognise(CONVERSATIONS)
    assert {answer["precision"] for answers in fast for answer in answers} == {"bfloat16"}
    assert recognise(CONVERSATIONS, precision="float32") == exact
    for one, other in zip(exact, fast, strict=True):
        scores = [[answer["score"] for answer in answers] for answers in (one, other)]
        assert scores[0] != scores[1]
        assert scores[0] == pytest.approx(scores[1], abs=0.05)
    features = [{"text_features": [0.5] * 16}]
    assert recognise(features)[0]["precision"] == "float32", "there was nothing to embed"
    with pytest.raises(ValueError, match="precision = 'half': expected one of"):
        recognise(CONVERSATIONS, precision="half")


def test_a_list_is_answered_in_batches_and_a_generator_one_by_one(recognise, monkeypatch):
    sizes = []
    run = recognise.run_single

    def counted(batch, *others):
        sizes.append(len(batch))
        return run(batch, *others)

    monkeypatch.setattr(recognise, "run_single", counted)
    from_list = recognise(CONVERSATIONS * 12)
    from_generator = list(recognise(iter(CONVERSATIONS)))
    assert sizes == [32, 4, 1, 1, 1]
    assert_same(from_list, from_generator * 12)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 8])
def test_batch_equals_single(recognise, batch_size):
    single = [recognise(conversation, top_k=None) for conversation in CONVERSATIONS]
    assert_same(recognise(CONVERSATIONS, top_k=None, batch_size=batch_size), single)


GERMAN = ["Ich habe so lange auf dich gewartet.", "Es tut mir leid, der Zug kam nicht."]


def test_words_of_which_a_recogniser_is_unsure_get_a_caution_and_no_set(calibrated):
    said = [{"text": "hello", "confidence": c} for c in (0.5, 0.49, None)]
    sure, unsure, unknown = calibrated(said, prediction_set=0.8)
    assert unsure["cautions"][0] == "the speech recogniser is unsure of the words (0.49)"
    assert unsure["prediction_set"] is None
    for answer in (sure, unknown):
        assert answer["prediction_set"] is not None
        assert not any("recogniser" in caution for caution in answer["cautions"])


@pytest.mark.parametrize("confidence", [1.5, -0.1, "0.9", True, [0.9]])
def test_a_confidence_is_a_probability(calibrated, confidence):
    with pytest.raises(ValueError, match=r"utterance 0, confidence = .*: expected a probability"):
        calibrated([{"text": "hello", "confidence": confidence}])


def test_texts_in_an_unknown_language_get_a_caution_and_no_set(
    calibrated, toy_encoder_spec, caplog
):
    english = SyncTVAProcessor(16, 3, 2, text_encoder={**toy_encoder_spec, "languages": ["en"]})
    recognise = pipeline("emotion-recognition", model=calibrated.model, processor=english)
    with_features = {"text": GERMAN[0], "text_features": [0.5] * 16}
    batch = [["Where have you been all night?"], GERMAN, [GERMAN[0]], [with_features]]
    answers = recognise(batch, prediction_set=0.8, batch_size=2)
    caution = "the text seems to be German, which the text encoder has not learnt"
    for conversation, is_unread in zip(answers, (False, True, True, False), strict=True):
        for answer in conversation:
            assert (caution in answer["cautions"]) == is_unread
            assert (answer["prediction_set"] is None) == is_unread
    warnings = [r.getMessage() for r in caplog.records if "seems to be" in r.getMessage()]
    assert len(warnings) == 2  # one per batch
    assert warnings[0].startswith("conversation 1, utterances 0, 1: the text seems to be German")
    assert recognise.explain(GERMAN, 0)["cautions"][0] == caution
    # An encoder that does not say its languages is not judged.
    assert calibrated(GERMAN, prediction_set=0.8)[0]["prediction_set"] is not None


def test_answers_that_say_nothing_are_marked(model, processor):
    again = SyncTVAForEmotionRecognition(SyncTVAConfig(**model.config.to_dict())).eval()
    again.load_state_dict(model.state_dict())
    recognise = pipeline("emotion-recognition", model=again, processor=processor)
    again.config.calibration_temperature = 0.02
    sure = recognise(CONVERSATIONS[0])
    assert [answer["informative"] for answer in sure] == [True, True, False]
    assert sure[0]["cautions"] == []
    (alone,) = sure[2]["cautions"]
    assert alone.startswith("nothing of the utterance was read")
    again.config.calibration_temperature = 1e4
    flat = recognise(CONVERSATIONS[2], calibrate=False)
    assert not any(answer["informative"] for answer in flat)
    assert all("close to the base rates" in answer["cautions"][0] for answer in flat)
    assert not recognise.explain(CONVERSATIONS[2], 0)["informative"]


def test_generators_and_datasets_are_read_lazily(recognise):
    expected = recognise(CONVERSATIONS)
    taken = []

    def source():
        for conversation in CONVERSATIONS:
            taken.append(conversation)
            yield conversation

    answers = recognise(source(), batch_size=2)
    assert not taken
    assert_same(next(answers), expected[0])
    assert len(taken) == 2
    assert_same(list(answers), expected[1:])

    rows = {"texts": [["hello ann", "no"], ["good"]], "speakers": [["ann", "bo"], ["bo"]]}
    dataset = datasets.Dataset.from_dict(rows)
    utterances = [[{"text": "hello ann", "speaker": "ann"}, {"text": "no", "speaker": "bo"}]]
    utterances.append([{"text": "good", "speaker": "bo"}])
    assert_same(list(recognise(dataset)), recognise(utterances))
    assert_same(recognise(dataset[0]), recognise(utterances[0]))
    assert_same(recognise([dataset[0], dataset[1]]), recognise(utterances))


def test_tuples_are_read_like_lists(recognise):
    assert_same(recognise(("hello", "no")), recognise(["hello", "no"]))
    assert_same(recognise((("hello",), ("no",))), recognise([["hello"], ["no"]]))


def test_turns_are_speaker_and_text(recognise):
    turns = [("ann", "hello"), ("bo", "no way !"), (None, "good day"), "bad"]
    utterances = [{"speaker": speaker, "text": text} for speaker, text in turns[:3]] + ["bad"]
    assert_same(recognise(turns), recognise(utterances))
    assert_same(recognise([turns, ["no"]]), recognise([utterances, ["no"]]))


def test_tables_are_their_conversations(recognise):
    table = {
        "dialogue_id": ["a", "a", "b"],
        "speaker": ["ann", "bo", None],
        "text": ["hello", "no way !", "good day"],
        "emotion": ["glad", "sad", "calm"],
    }
    frame = pd.DataFrame(table)
    dataset = datasets.Dataset.from_dict(table)
    utterances = [
        {"speaker": speaker, "text": text}
        for speaker, text in zip(table["speaker"], table["text"], strict=True)
    ]
    expected = recognise([utterances[:2], utterances[2:]])
    assert_same(recognise(frame), expected)
    assert_same(list(recognise(dataset)), expected)
    assert_same(recognise(frame.to_dict("records")), expected)
    assert_same(recognise(frame, batch_size=2), expected)
    assert_same(recognise([frame[:2], frame[2:]]), expected)
    one = recognise(utterances)
    assert_same(recognise(frame.drop(columns="dialogue_id")), one)
    assert_same(recognise(dataset.remove_columns("dialogue_id")), one)
    explained = recognise.explain(frame.drop(columns="dialogue_id"), 1)
    assert explained == recognise.explain(utterances, 1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            datasets.DatasetDict(test=datasets.Dataset.from_dict({"text": ["hello"]})),
            r"is a DatasetDict: expected one of its 1, such as data\['test'\]",
        ),
        (pd.Series(["hello"]), r"is a Series: expected a list of utterances"),
    ],
)
def test_refuses_other_tables(recognise, table, message):
    with pytest.raises(TypeError, match=message):
        recognise(table)


@pytest.mark.parametrize(
    ("conversation", "message"),
    [
        ("hello", "the input is 'hello': expected a conversation, a list of utterances such as"),
        ({"text": "hello"}, "the input is {'text': 'hello'}: expected a conversation"),
        (None, "the input is of type NoneType: expected a conversation"),
        ([], "the input is empty: expected a conversation"),
        (["hello", ["no"]], r"mixes utterances and conversations \(item 0 and item 1\)"),
        ([["hello"], []], "conversation 1 is empty"),
        (["", " "], "conversation 0 has no modality at all"),
        ([["hello"], ["no"], [{"speaker": "bo"}]], "conversation 2 has no modality at all"),
        (
            [["hello"], ["no", {"audio_features": [1.0, np.inf]}]],
            "conversation 1, audio_features, utterance 1, column 1 = inf: expected a finite",
        ),
        ([{"audio_features": [1.0]}], "conversation 0, audio_features has width 1: expected 2"),
    ],
)
def test_refuses(recognise, conversation, message):
    with pytest.raises(ValueError, match=message):
        recognise(conversation)


def test_refuses_unknown_arguments(recognise, model, processor):
    with pytest.raises(TypeError, match="unexpected keyword argument 'topk'"):
        recognise(["hello"], topk=2)
    with pytest.raises(TypeError, match=r"unknown arguments \['topk'\]"):
        pipeline("emotion-recognition", model=model, processor=processor, topk=2)


def test_answers_repeat_what_the_utterances_say_of_themselves(recognise):
    frame = pd.DataFrame(
        {"text": ["hello", None, "bad"], "speaker": [7, 8, 7], "start": ["0:01.5", "2", ""]}
        | {"audio_features": [None, [0.5, 1.0], None], "end": [2.0, np.nan, 5]}
    )
    columns = {"texts": ["hello", ""], "speakers": ["ann", None], "starts": [0.5, None]}
    for conversation, expected in (
        (["hello", ("ann", "no"), (None, "bad")], [("hello",), ("ann", "no"), ("bad",)]),
        (
            [{"text": "bad", "start": 1, "end": "00:00:02,5"}, {"audio_features": [1.0, 2.0]}],
            [("bad", 1.0, 2.5), ()],
        ),
        (frame, [(7, "hello", 1.5, 2.0), (8, 2.0), (7, "bad", 5.0)]),
        (columns | {"text_features": [[0.5] * 16] * 2}, [("ann", "hello", 0.5), ()]),
    ):
        answers = recognise(conversation)
        json.dumps(answers)
        for answer, values in zip(answers, expected, strict=True):
            fields = [name for name in answer if name in ("speaker", "text", "start", "end")]
            assert fields == list(answer)[: len(fields)]
            assert tuple(answer[name] for name in fields) == values


def test_a_frame_has_a_row_for_each_utterance(calibrated):
    chosen = {"top_k": None, "prediction_set": 0.8, "batch_size": 2}
    frame = calibrated(CONVERSATIONS, **chosen, as_frame=True)
    lists = calibrated(CONVERSATIONS, **chosen)
    assert list(frame.columns) == [
        "conversation", "utterance", "speaker", "text", "start", "end", "label", "score",
        "prediction_set", "informative", "cautions", "precision", "strength_text",
        "strength_visual", "strength_audio", "score_calm", "score_glad", "score_sad",
    ]  # fmt: skip
    answers = [(i, t, answer) for i, own in enumerate(lists) for t, answer in enumerate(own)]
    assert len(frame) == len(answers)
    for row, (i, t, answer) in zip(frame.to_dict("records"), answers, strict=True):
        assert (row["conversation"], row["utterance"]) == (i, t)
        assert (row["label"], row["informative"]) == (answer["label"], answer["informative"])
        assert row["prediction_set"].split() == answer["prediction_set"]
        assert row["cautions"] == "; ".join(answer["cautions"])
        assert {name: row[f"score_{name}"] for name in answer["scores"]} == answer["scores"]
        assert {name: row[f"strength_{name}"] for name in answer["strengths"]} == (
            answer["strengths"]
        )
        assert row["text"] == answer["text"] if "text" in answer else pd.isna(row["text"])
    pd.testing.assert_frame_equal(
        frame, calibrated((c for c in CONVERSATIONS), **chosen, as_frame=True)
    )
    one = calibrated(CONVERSATIONS[0], as_frame=True)
    assert list(one.columns) == list(frame.columns)[:15]
    assert (one["conversation"] == 0).all() and list(one["utterance"]) == [0, 1, 2]
    unsure = calibrated(["hello"], abstain_below=1.0, as_frame=True)
    assert unsure["label"].isna().all() and unsure["prediction_set"].isna().all()


def test_a_frame_needs_pandas(recognise, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="as_frame = True: expected the package pandas"):
        recognise(["hello"], as_frame=True)
    recognise(["hello"])


def test_needs_a_processor(model):
    with pytest.raises(ValueError, match="processor is None"):
        EmotionRecognitionPipeline(model=model)


def test_a_pipeline_shows_what_it_is(recognise, calibrated, folder):
    assert repr(recognise).splitlines() == [
        "EmotionRecognitionPipeline",
        f"  model: {folder}, float32 on cpu",
        *repr(recognise.processor).splitlines()[1:],
        "  labels: calm, glad, sad",
        "  calibration: temperature 1.00, no prediction sets",
        "  settings: top_k=1, calibrate=True, abstain_below=None, prediction_set=None",
    ]
    again = pipeline(
        "emotion-recognition",
        model=calibrated.model,
        processor=SyncTVAProcessor(16, None, 2),
        top_k=None,
        abstain_below=0.5,
    )
    assert repr(again).splitlines()[2:] == [
        "  text: 16 features as numbers",
        "  visual: not read",
        "  audio: 2 features as numbers",
        "  labels: calm, glad, sad",
        "  calibration: temperature 0.25, prediction sets",
        "  settings: top_k=None, calibrate=True, abstain_below=0.5, prediction_set=None",
    ]


def test_arguments_that_are_not_passed_are_those_of_the_construction(model, processor):
    recognise = pipeline(
        "emotion-recognition", model=model, processor=processor, top_k=2, abstain_below=1.0
    )
    (answer,) = recognise(["hello"])
    assert answer["label"] is None and len(answer["scores"]) == 2
    (answer,) = recognise(["hello"], abstain_below=None)
    assert answer["label"] is not None and len(answer["scores"]) == 2
    arguments = inspect.signature(recognise.__call__).parameters
    assert {"top_k", "calibrate", "abstain_below", "prediction_set", "as_frame"} <= set(arguments)
    assert all(argument.annotation is not argument.empty for argument in arguments.values())


def test_only_of_our_default_it_is_not_said_that_no_model_was_supplied(folder, monkeypatch, caplog):
    pipeline("emotion-recognition")
    assert not caplog.records
    other = {
        "impl": EmotionRecognitionPipeline,
        "pt": (AutoModelForTokenClassification,),
        "default": {"model": (folder, "main")},
        "type": "multimodal",
    }
    monkeypatch.setitem(PIPELINE_REGISTRY.supported_tasks, "another-task", other)
    pipeline("another-task")
    (record,) = caplog.records
    assert record.getMessage().startswith(f"No model was supplied, defaulted to {folder}")


def test_save_and_load(recognise, tmp_path):
    recognise.save_pretrained(tmp_path)
    again = pipeline("emotion-recognition", model=str(tmp_path))
    assert type(again) is EmotionRecognitionPipeline
    assert type(AutoProcessor.from_pretrained(tmp_path)) is SyncTVAProcessor
    assert_same(again(CONVERSATIONS), recognise(CONVERSATIONS))


@pytest.mark.skipif(
    not (checkpoint_folder() / "model.safetensors").is_file(), reason="no shipped checkpoint yet"
)
def test_default_checkpoint_from_any_directory(tmp_path):
    code = (
        "import synctva; from transformers import pipeline;"
        "print(pipeline('emotion-recognition')(['I got the job!'])[0]['label'])"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip()
