import io
import sys

import pytest

from examples import live_conversation
from synctva import SyncTVAForEmotionRecognition, SyncTVAProcessor
from tests.support.toy import toy_config

PAST_ONLY = dict.fromkeys(
    ("future_window", "cross_future_window", "fusion_future_window", "text_context_future"), 0
)


def test_each_line_is_answered(tmp_path, monkeypatch, toy_encoder_spec, capsys):
    config = toy_config(text_dim=toy_encoder_spec["width"], causal=True, **PAST_ONLY)
    SyncTVAForEmotionRecognition(config).save_pretrained(tmp_path)
    SyncTVAProcessor(text_dim=16, text_encoder=toy_encoder_spec).save_pretrained(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("ann: good day\nbo: no way !\n"))
    live_conversation.main(str(tmp_path))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["ann: good day", "bo: no way !"]
    assert all(line.split()[0] in config.id2label.values() for line in lines)


def test_a_model_that_looks_ahead_is_refused(tmp_path):
    SyncTVAForEmotionRecognition(toy_config()).save_pretrained(tmp_path)
    SyncTVAProcessor(text_dim=None, visual_dim=None).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"causal = False: expected a model that does not look"):
        live_conversation.main(str(tmp_path))
