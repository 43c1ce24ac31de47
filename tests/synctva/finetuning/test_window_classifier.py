"""Learning rates of an encoder's layers and its classifier."""

from transformers import AutoModel

from synctva.finetuning import FinetuningArguments
from synctva.finetuning.window_classifier import WindowClassifier, parameter_groups


def test_learning_rates_fall_from_the_head_downwards(deep_encoder_folder, tmp_path):
    arguments = FinetuningArguments(
        output_dir=str(tmp_path), learning_rate=1.0, layer_decay=0.5, head_learning_rate=9.0
    )
    model = WindowClassifier(AutoModel.from_pretrained(deep_encoder_folder), 3, 0.0)
    model.encoder.pooler.requires_grad_(False)
    rate = {
        id(p): group["lr"] for group in parameter_groups(model, arguments) for p in group["params"]
    }
    names = {id(p): name for name, p in model.named_parameters() if p.requires_grad}
    assert rate.keys() == names.keys()
    expected = {"head": 9.0, "layer.2": 1.0, "layer.1": 0.5, "layer.0": 0.25, "embeddings": 0.125}
    for key, name in names.items():
        (part,) = [part for part in expected if part in name]
        assert rate[key] == expected[part], name
