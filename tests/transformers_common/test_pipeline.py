"""Our task, tested like each of transformers' own tasks."""

import unittest
from types import SimpleNamespace

import pytest
import torch

from synctva import EmotionRecognitionPipeline, SyncTVAForEmotionRecognition, SyncTVAProcessor
from tests.support.toy import WIDTHS, toy_model

from . import upstream

common = upstream.load("test_pipeline_mixin")

pytestmark = pytest.mark.slow

TASK = "emotion-recognition"
SUMMARY = {
    SyncTVAForEmotionRecognition.__name__: {
        "tokenizer_classes": [],
        # Without a tokenizer, the tests require an image processor or a feature extractor.
        "processor_classes": ["SyncTVAFeatureExtractor"],
    }
}


class EmotionRecognitionTask:
    """The test case of a task, like those in transformers' `tests/pipelines/`."""

    def get_test_pipeline(self, model, tokenizer, processor, feature_extractor, dtype):
        recognise = EmotionRecognitionPipeline(
            model=model.to(getattr(torch, dtype)), processor=processor
        )
        generator = torch.Generator().manual_seed(0)
        conversations = [
            [
                {
                    f"{name}_features": torch.randn(width, generator=generator).tolist()
                    for name, width in WIDTHS.items()
                }
                for _ in range(length)
            ]
            for length in (4, 1, 3)
        ]
        del conversations[0][1]["audio_features"]
        return recognise, conversations

    def run_pipeline_test(self, recognise, conversations):
        tolerance = 1e-5 if recognise.model.dtype == torch.float32 else 1e-2
        single = [recognise(conversation, top_k=None) for conversation in conversations]
        for conversation, answers in zip(conversations, single, strict=True):
            assert len(answers) == len(conversation)
            for answer in answers:
                assert set(answer["scores"]) == set(recognise.model.config.label2id)
                assert sum(answer["scores"].values()) == pytest.approx(1)
        batched = recognise(conversations, top_k=None, batch_size=2)
        scores = [
            [answer["scores"] for answers in conversation for answer in answers]
            for conversation in (single, batched)
        ]
        for one, other in zip(*scores, strict=True):
            assert one == pytest.approx(other, abs=tolerance)


@pytest.fixture(scope="class")
def tiny_models(tmp_path_factory):
    """A folder of models for `TRANSFORMERS_TINY_MODEL_PATH`."""
    folder = tmp_path_factory.mktemp("tiny_models")
    model = folder / "synctva" / SyncTVAForEmotionRecognition.__name__
    toy_model().save_pretrained(model)
    SyncTVAProcessor(**{f"{name}_dim": width for name, width in WIDTHS.items()}).save_pretrained(
        model
    )
    return folder


class EmotionRecognitionPipelineTest(common.PipelineTesterMixin, unittest.TestCase):
    pipeline_model_mapping = {TASK: SyncTVAForEmotionRecognition}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def known_task(self, tiny_models, monkeypatch):
        monkeypatch.setattr(common, "TRANSFORMERS_TINY_MODEL_PATH", str(tiny_models))
        monkeypatch.setattr(common, "tiny_model_summary", SUMMARY)
        classes = {
            "SyncTVAProcessor": SyncTVAProcessor,
            "SyncTVAFeatureExtractor": SyncTVAProcessor,
        }
        monkeypatch.setattr(common, "transformers_module", SimpleNamespace(**classes))
        test = f"{__name__}.{EmotionRecognitionTask.__name__}"
        monkeypatch.setitem(common.pipeline_test_mapping, TASK, {"test": test})

    def test_pipeline_emotion_recognition(self):
        self.run_task_tests(task=TASK)

    def test_pipeline_emotion_recognition_fp16(self):
        self.run_task_tests(task=TASK, dtype="float16")
