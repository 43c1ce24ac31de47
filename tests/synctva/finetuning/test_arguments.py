import pytest

from synctva.finetuning import FinetuningArguments


def test_bad_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="layer_decay = 0"):
        FinetuningArguments(output_dir=str(tmp_path), layer_decay=0)
    for name in ("dropout", "ema_decay"):
        with pytest.raises(ValueError, match=f"{name} = 1"):
            FinetuningArguments(output_dir=str(tmp_path), **{name: 1})
