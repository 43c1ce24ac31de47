import pytest
import torch

from synctva.trainer.arguments import SyncTVATrainingArguments


@pytest.mark.skipif(torch.cuda.is_available(), reason="fp16 works on a GPU")
def test_fp16_without_a_gpu_is_refused(tmp_path):
    with pytest.raises(ValueError, match="fp16"):
        SyncTVATrainingArguments(output_dir=str(tmp_path), fp16=True)


def test_arguments_are_checked(tmp_path):
    for name, value in (
        ("loss", "hinge"),
        ("modality_dropout", 1.0),
        ("ema_decay", -0.1),
        ("early_stopping_patience", -1),
    ):
        with pytest.raises(ValueError, match=f"{name} = "):
            SyncTVATrainingArguments(output_dir=str(tmp_path), **{name: value})
