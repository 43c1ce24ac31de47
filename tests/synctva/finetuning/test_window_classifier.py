"""Learning rates of an encoder's layers and its classifier, soft targets, bundled windows."""

import pytest
import torch
from transformers import AutoModel

from synctva.finetuning import FinetuningArguments
from synctva.finetuning.window_classifier import (
    WindowClassifier,
    bundles,
    expected_loss,
    parameter_groups,
)
from synctva.losses import CRITERIA, build_criterion
from synctva.modeling_synctva.text_windows import TokenWindow


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


@pytest.mark.parametrize("name", CRITERIA)
def test_the_loss_of_a_soft_target_is_the_mean_over_its_labels(name):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 3, generator=generator)
    criterion = build_criterion(name, [5, 3, 2], label_smoothing=0.1)
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    one_hot = torch.nn.functional.one_hot(labels, 3).float()
    torch.testing.assert_close(expected_loss(criterion, logits, one_hot), criterion(logits, labels))
    mixed = 0.7 * one_hot + 0.3 * one_hot.roll(1, dims=1)
    others = criterion(logits, (labels + 1) % 3)
    expected = 0.7 * criterion(logits, labels) + 0.3 * others
    torch.testing.assert_close(expected_loss(criterion, logits, mixed), expected)


def test_bundles_have_every_window_once_and_no_more_tokens_than_allowed():
    lengths = [3, 40, 8, 9, 1, 2, 30, 8, 7]
    windows = [TokenWindow([0] * n, [0] * n, 0, 1) for n in lengths]
    chosen = [i for i in range(len(windows)) if i != 3]
    found = bundles(windows, chosen, tokens=24)
    assert sorted(i for bundle in found for i in bundle) == chosen
    for bundle in found:
        longest = max(lengths[i] for i in bundle)
        assert len(bundle) * longest <= 24 or len(bundle) == 1
    assert [1] in found and [6] in found  # longer than a bundle
    assert max(map(len, found)) > 1
