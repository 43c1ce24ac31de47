import pytest
import torch

from synctva.finetuning.arguments import FinetuningArguments
from synctva.trainer.arguments import SyncTVATrainingArguments


@pytest.mark.skipif(torch.cuda.is_available(), reason="fp16 works on a GPU")
def test_fp16_without_a_gpu_is_refused(tmp_path):
    with pytest.raises(ValueError, match="fp16"):
        SyncTVATrainingArguments(output_dir=str(tmp_path), fp16=True)


@pytest.mark.parametrize("kind", [SyncTVATrainingArguments, FinetuningArguments])
def test_what_is_printed_are_the_changes_and_no_token(kind, tmp_path):
    printed = repr(kind(str(tmp_path), learning_rate=0.5, hub_token="hf_secret", use_cpu=True))
    assert printed.startswith(f"{kind.__name__}(output_dir={str(tmp_path)!r}, learning_rate=0.5")
    assert "hf_secret" not in printed and "hub_token=<HUB_TOKEN>" in printed
    assert "weight_decay" not in printed and "weight_decay" in str(kind(str(tmp_path)))
    assert "hf_secret" not in str(kind(str(tmp_path), hub_token="hf_secret"))


def test_arguments_are_checked(tmp_path):
    for name, value in (
        ("loss", "hinge"),
        ("modality_dropout", 1.0),
        ("ema_decay", -0.1),
        ("early_stopping_patience", -1),
    ):
        with pytest.raises(ValueError, match=f"{name} = "):
            SyncTVATrainingArguments(output_dir=str(tmp_path), **{name: value})
