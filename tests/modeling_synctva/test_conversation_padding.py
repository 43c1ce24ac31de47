import datasets
import numpy as np
import pytest
import torch

from synctva.modeling_synctva.conversation_padding import (
    number_by_first_appearance,
    pad_conversations,
)

WIDTHS = {"text": 4, "visual": 3, "audio": 2}


def conversation(length, seed=0, **fields):
    generator = np.random.default_rng(seed)
    row = {
        f"{name}_features": generator.normal(size=(length, width)).astype(np.float32)
        for name, width in WIDTHS.items()
    }
    return {**row, "labels": [t % 3 for t in range(length)], **fields}


def test_pads_to_the_longest_conversation():
    rows = [conversation(2), conversation(5, seed=1, speakers=["b", "a", "b", "c", "a"])]
    batch = pad_conversations(rows, WIDTHS)
    assert batch["attention_mask"].sum(1).tolist() == [2, 5]
    assert batch["labels"].tolist() == [[0, 1, -100, -100, -100], [0, 1, 2, 0, 1]]
    unlabelled = pad_conversations([conversation(2, labels=[-1, 0])], WIDTHS)
    assert unlabelled["labels"].tolist() == [[-100, 0]]
    assert batch["speaker_ids"].tolist() == [[0] * 5, [0, 1, 0, 2, 1]]
    assert batch["modality_mask"].equal(batch["attention_mask"][..., None].expand(-1, -1, 3))
    for name, width in WIDTHS.items():
        features = batch[f"{name}_features"]
        assert features.dtype == torch.float32
        assert features.shape == (2, 5, width)
        assert torch.equal(features[0, :2], torch.tensor(rows[0][f"{name}_features"]))
        assert not features[0, 2:].any()


def test_batch_equals_single_conversations():
    rows = [conversation(length, seed=length) for length in (1, 4, 3)]
    batch = pad_conversations(rows, WIDTHS)
    for i, row in enumerate(rows):
        for name, tensor in pad_conversations([row], WIDTHS).items():
            assert torch.equal(batch[name][i : i + 1, : tensor.shape[1]], tensor), name


@pytest.mark.parametrize("fill", [np.nan, np.inf, 7.0])
def test_masked_values_are_zero(fill):
    row = conversation(3, modality_mask=[[True, True, False], [True] * 3, [True] * 3])
    row["audio_features"][0] = fill
    batch = pad_conversations([row], WIDTHS)
    assert not batch["audio_features"][0, 0].any()
    assert batch["audio_features"][0, 1:].all()
    assert batch["modality_mask"][0, :, 2].tolist() == [False, True, True]


def test_modality_without_features_is_masked():
    rows = [conversation(2, visual_features=None), conversation(2, seed=1, visual_features=None)]
    rows[1]["audio_features"] = None
    rows[0]["modality_mask"] = np.ones((2, 3), dtype=bool)
    batch = pad_conversations(rows, WIDTHS)
    assert "visual_features" not in batch
    assert batch["modality_mask"].any(1).tolist() == [[True, False, True], [True, False, False]]
    assert not batch["audio_features"][1].any()


def test_a_row_of_none_masks_the_modality():
    row = conversation(3, audio_features=[None, [1.0, 2.0], None])
    batch = pad_conversations([row], WIDTHS)
    assert batch["modality_mask"][0, :, 2].tolist() == [False, True, False]
    row["audio_features"] = [None, None, None]
    batch = pad_conversations([row], WIDTHS)
    assert not batch["modality_mask"][0, :, 2].any()


def test_reads_rows_of_datasets():
    rows = [conversation(3), conversation(2, seed=1)]
    columns = {name: [np.asarray(row[name]).tolist() for row in rows] for name in rows[0]}
    plain = datasets.Dataset.from_dict(columns)
    expected = pad_conversations(rows, WIDTHS)
    for dataset in (plain, plain.with_format("numpy"), plain.with_format("torch")):
        batch = pad_conversations([dataset[0], dataset[1]], WIDTHS)
        assert set(batch) == set(expected)
        assert all(torch.equal(batch[name], expected[name]) for name in expected)


def test_does_not_change_its_input():
    row = conversation(2, modality_mask=np.zeros((2, 3), dtype=bool))
    row["text_features"].setflags(write=False)
    before = row["text_features"].copy()
    pad_conversations([row], WIDTHS)["text_features"].add_(1)
    assert np.array_equal(row["text_features"], before)
    assert not row["modality_mask"].any()


def test_pads_tokens():
    rows = [
        {"input_ids": [[2, 5, 3], [2, 3]], "utterance_token_mask": [[0, 1, 0], [0, 0]]},
        {"input_ids": np.array([[2, 7, 8, 3]]), "text_attention_mask": np.array([[1, 1, 1, 0]])},
        {"speakers": ["a"], "audio_features": [[1.0, 2.0]]},
    ]
    batch = pad_conversations(rows, pad_token_id=9)
    assert batch["input_ids"][0].tolist() == [[2, 5, 3, 9], [2, 3, 9, 9]]
    assert batch["text_attention_mask"][0].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0]]
    assert batch["utterance_token_mask"][0].tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]]
    assert batch["utterance_token_mask"][1, 0].tolist() == [1, 1, 1, 0]
    assert batch["modality_mask"][:, 0].tolist() == [
        [True, False, False],
        [True, False, False],
        [False, False, True],
    ]


def test_numbers_speakers_by_first_appearance():
    assert number_by_first_appearance([]) == []
    assert number_by_first_appearance([None, "x", None]) == [0, 1, 0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "conversations is empty"),
        ([{}], "conversation 0 has none of"),
        ([conversation(0)], "conversation 0, text_features is empty"),
        (
            [conversation(2), conversation(2, text_features=np.ones((2, 5)), dialogue_id="d7")],
            r"conversation 1 \(dialogue_id 'd7'\), text_features has width 5: expected 4",
        ),
        (
            [conversation(3, audio_features=[[1, 2], [1], [1, 2]])],
            r"conversation 0, audio_features, utterance 1 has shape \(1,\): expected 2 numbers",
        ),
        (
            [conversation(3, audio_features=[[1, 2], ["x", 2], [1, 2]])],
            r"utterance 1 = \['x', 2\]: expected numbers",
        ),
        (
            [conversation(3, audio_features=np.ones((2, 2)))],
            "conversation 0, audio_features has 2 utterances: expected 3",
        ),
        (
            [conversation(3, speakers=["a"])],
            "conversation 0, speakers has 1 utterance: expected 3",
        ),
        (
            [conversation(3, modality_mask=[[True, True]] * 3)],
            r"conversation 0, modality_mask has shape \(3, 2\): expected \(3, 3\)",
        ),
        (
            [conversation(3, audio_features=[[1, 2], [1, float("nan")], [1, 2]])],
            "conversation 0, audio_features, utterance 1, column 1 = nan: expected a finite number",
        ),
        (
            [conversation(2, audio_features=[[1, 2], [float("inf"), 2]])],
            "utterance 1, column 0 = inf: expected a finite number",
        ),
        (
            [conversation(2, labels=[0, 3])],
            "conversation 0, utterance 1, labels = 3: expected 0 to",
        ),
        ([conversation(2, labels=[-2, 0])], "utterance 0, labels = -2: expected 0 to 2"),
        ([conversation(2, labels=[0.5, 0])], r"labels = \[0.5, 0\]: expected each to be 0 to 2"),
        ([conversation(2, labels=[[0.2, 0.8], [1, 0]])], "multi-label and soft labels are not sup"),
        ([conversation(2, labels=[[0, 1], [1, 1]])], r"labels = \[\[0, 1\], \[1, 1\]\]: expected"),
        (
            [{"input_ids": [[1, 2]], "utterance_token_mask": [[1]]}],
            "conversation 0, utterance 0, utterance_token_mask has 1 tokens: expected 2",
        ),
    ],
)
def test_refuses(rows, message):
    with pytest.raises(ValueError, match=message):
        pad_conversations(rows, WIDTHS, num_labels=3)


def test_counts_conversations_from_first_index():
    with pytest.raises(ValueError, match="conversation 12, speakers"):
        pad_conversations([conversation(1), conversation(2, speakers=["a"])], first_index=11)


def test_default_widths_are_those_of_the_first_conversation():
    rows = [conversation(1), conversation(1, text_features=np.ones((1, 9)))]
    with pytest.raises(ValueError, match="conversation 1, text_features has width 9: expected 4"):
        pad_conversations(rows)
