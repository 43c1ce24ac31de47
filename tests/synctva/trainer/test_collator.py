import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from synctva.modeling_synctva.graph import build_graph
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.trainer.collator import SyncTVACollator
from tests.support.toy import toy_config, toy_dataset, toy_rows


def test_the_graph_equals_that_of_forward():
    config = toy_config()
    batch = SyncTVACollator(config, modality_dropout=0.5)(toy_rows(5))
    graph = batch.pop("graph")
    expected = build_graph(
        batch["attention_mask"], batch["modality_mask"], batch["speaker_ids"], config
    ).tensors()
    assert graph.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(graph[name], expected[name], rtol=0, atol=0)
    model = SyncTVAForEmotionRecognition(config).eval()
    torch.testing.assert_close(model(**batch, graph=graph).logits, model(**batch).logits)


def test_graph_can_be_left_to_forward():
    assert "graph" not in SyncTVACollator(toy_config(), build_graph=False)(toy_rows(2))


@pytest.mark.parametrize("probability", [0.3, 0.99])
def test_modality_dropout_keeps_one_modality_of_each_utterance(probability):
    rows = toy_rows(200)
    full = SyncTVACollator(toy_config())(rows)["modality_mask"]
    kept = SyncTVACollator(toy_config(), modality_dropout=probability)(rows)["modality_mask"]
    assert not (kept & ~full).any()
    assert torch.equal(kept.any(-1), full.any(-1))
    # Each modality is kept with probability 1 - p, but at least one of them.
    three = full.all(-1)
    expected = 3 * (1 - probability) + probability**3
    assert kept[three].sum(-1).float().mean().item() == pytest.approx(expected, abs=0.1)


def test_modality_dropout_depends_only_on_seed_epoch_and_conversation():
    rows = toy_rows(12)
    collator = SyncTVACollator(toy_config(), modality_dropout=0.5, seed=3)
    whole = collator(rows)["modality_mask"]
    torch.manual_seed(7)
    for i, row in enumerate(rows):
        length = len(row["labels"])
        assert torch.equal(collator([row])["modality_mask"][0, :length], whole[i, :length])
    collator.set_epoch(1)
    assert not torch.equal(collator(rows)["modality_mask"], whole)
    other = SyncTVACollator(toy_config(), modality_dropout=0.5, seed=4)
    assert not torch.equal(other(rows)["modality_mask"], whole)


def test_persistent_workers_get_the_epoch():
    rows = toy_rows(8)
    collator = SyncTVACollator(toy_config(), modality_dropout=0.5)
    loader = DataLoader(
        rows, batch_size=8, collate_fn=collator, num_workers=1, persistent_workers=True
    )
    first = next(iter(loader))["modality_mask"]
    collator.set_epoch(1)
    second = next(iter(loader))["modality_mask"]
    assert not torch.equal(first, second)
    assert torch.equal(second, collator(rows)["modality_mask"])


def test_a_modality_without_a_column_is_masked():
    dataset = toy_dataset(4, modalities=("text",))
    batch = SyncTVACollator(toy_config())([dataset[i] for i in range(4)])
    assert "audio_features" not in batch
    assert not batch["modality_mask"][..., 1:].any()
    assert batch["modality_mask"][..., 0].any()


def test_width_label_and_probability_are_checked():
    rows = toy_rows(1)
    with pytest.raises(ValueError, match=r"audio_features.*5.*expected.*9"):
        SyncTVACollator(toy_config(audio_dim=9))(rows)
    rows[0]["labels"][0] = 3
    with pytest.raises(ValueError, match="labels = 3"):
        SyncTVACollator(toy_config())(rows)
    with pytest.raises(ValueError, match=r"modality_dropout = 1\.0"):
        SyncTVACollator(toy_config(), modality_dropout=1.0)


def test_rows_can_be_numpy_arrays():
    dataset = toy_dataset(3)
    arrays = dataset.select_columns(
        ["labels", "modality_mask", "text_features", "speakers", "dialogue_id"]
    ).with_format("numpy")
    batch = SyncTVACollator(toy_config())([arrays[i] for i in range(3)])
    assert batch["text_features"].dtype == torch.float32
    np.testing.assert_array_equal(
        batch["labels"][0, : len(arrays[0]["labels"])], arrays[0]["labels"]
    )


def test_transformers_own_trainer_takes_the_batches(tmp_path):
    """The batch is moved and gathered by code that does not know our graph."""
    config = toy_config()
    model, data = SyncTVAForEmotionRecognition(config), toy_dataset(6)
    arguments = TrainingArguments(
        tmp_path, num_train_epochs=1, use_cpu=True, remove_unused_columns=False, report_to="none"
    )
    with_graph, without = SyncTVACollator(config), SyncTVACollator(config, build_graph=False)
    trainer = Trainer(model, arguments, data_collator=with_graph, train_dataset=data)
    assert trainer.train().global_step == 1
    model.config.output_attentions = True
    logits = trainer.predict(data).predictions[0]
    trainer.data_collator = without
    np.testing.assert_allclose(trainer.predict(data).predictions[0], logits, atol=1e-6)
