"""The example of a card has the answers of the model."""

import pytest
import torch

from synctva.audio.prosody import PROSODY_MEASURES
from synctva.cards.example import (
    CONVERSATION,
    EXAMPLE_PLOTS,
    EXPLAINED,
    run_example,
    usage,
    write_example_plots,
)
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.pipeline_synctva import EmotionRecognitionPipeline
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.toy import toy_config

from .test_model_card import RESULTS


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SyncTVAForEmotionRecognition(toy_config(text_dim=16, audio_dim=8))


@pytest.mark.parametrize("prosody", [True, False])
def test_the_example_has_the_answers_of_the_pipeline(model, toy_encoder_spec, prosody, tmp_path):
    measures = list(PROSODY_MEASURES) if prosody else None
    processor = SyncTVAProcessor(16, None, 8, toy_encoder_spec, measures)
    example = run_example(model.train(), processor)
    recognise = EmotionRecognitionPipeline(model=model, processor=processor)
    with_text = [{"speaker": name, "text": text} for name, text, _ in CONVERSATION]
    assert example.from_text == recognise(with_text)
    assert example.explanation["utterance"] == EXPLAINED
    modalities = ["text", "audio"] if prosody else ["text"]
    assert example.explanation["modalities"] == modalities
    assert all(answer["modalities"] == modalities for answer in example.answers)

    text = usage("me/toy", RESULTS, model.config, toy_encoder_spec, example)
    for answer, (_, words, _) in zip(example.from_text, CONVERSATION, strict=True):
        assert f"{answer['label']:8} {answer['score']:.2f}  {words}\n" in text
    assert ("with invented prosody" in text) == prosody
    write_example_plots(tmp_path, example)
    assert {path.name for path in tmp_path.iterdir()} == EXAMPLE_PLOTS.keys()


def test_a_model_that_reads_features_has_code_but_no_example(model):
    assert run_example(model, SyncTVAProcessor(16, None, 8)) is None
    text = usage("me/toy", RESULTS, model.config, None, None)
    assert "torch.Size([1, 5, 3])" in text
    assert "text_features=torch.randn(1, 5, 16)" in text


def test_without_the_encoder_there_is_no_example(model, toy_encoder_spec, tmp_path):
    spec = {**toy_encoder_spec, "name": str(tmp_path / "nowhere")}
    assert run_example(model, SyncTVAProcessor(16, None, 8, spec)) is None
