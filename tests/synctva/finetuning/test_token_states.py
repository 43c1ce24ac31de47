"""Parts of a split encoder against the whole encoder, and the cache of token states."""

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from synctva.finetuning.token_states import cached_token_states, split_encoder
from synctva.modeling_synctva.text_windows import conversation_windows, pad_windows

CONTEXT = {"tokens": 24, "past": 8, "future": 8, "turn": 12}


def windows_of(split, tokenizer):
    return [
        window
        for row in split
        for window in conversation_windows(row["texts"], row["speakers"], tokenizer, **CONTEXT)
    ]


@pytest.mark.parametrize("frozen", [1, 2])
def test_the_parts_compute_what_the_encoder_does(deep_encoder_folder, frozen):
    encoder = AutoModel.from_pretrained(deep_encoder_folder).eval()
    tokens = {
        "input_ids": torch.randint(5, 12, (3, 7)),
        "attention_mask": torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] * 6 + [0]]),
    }
    whole = encoder(**tokens).last_hidden_state
    lower, upper = split_encoder(encoder, frozen)
    states = lower(**tokens).last_hidden_state
    answer = upper(inputs_embeds=states, attention_mask=tokens["attention_mask"])
    torch.testing.assert_close(answer.last_hidden_state, whole)
    # What is trained in the upper half is trained in the encoder, which is left as it was.
    assert len(encoder.encoder.layer) == 3 and encoder.encoder.layer[-1] is upper.encoder.layer[-1]
    torch.testing.assert_close(encoder(**tokens).last_hidden_state, whole)


@pytest.mark.parametrize("frozen", [0, 3])
def test_a_part_without_layers_is_refused(deep_encoder_folder, frozen):
    with pytest.raises(ValueError, match=f"frozen_layers = {frozen}: expected 1 to 2"):
        split_encoder(AutoModel.from_pretrained(deep_encoder_folder), frozen)


def test_an_encoder_of_another_architecture_is_refused():
    with pytest.raises(ValueError, match="Linear: expected an encoder with"):
        split_encoder(torch.nn.Linear(2, 2), 1)


def test_states_are_computed_once_and_cached(deep_encoder_folder, data, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(deep_encoder_folder)
    lower, _ = split_encoder(AutoModel.from_pretrained(deep_encoder_folder), 2)
    windows = windows_of(data["dev"], tokenizer)
    first = cached_token_states(windows, lower, tokenizer, tmp_path, "weights", batch_size=5)
    tokens, _ = pad_windows([windows[3]], tokenizer)
    alone = lower(**tokens).last_hidden_state[0]
    torch.testing.assert_close(first[3].float(), alone, atol=0.05, rtol=0.05)  # of bfloat16

    class Unused:
        encoder = lower.encoder

    again = cached_token_states(windows, Unused(), tokenizer, tmp_path, "weights")
    assert all(torch.equal(first[i], again[i]) for i in range(len(windows)))
    assert len(list(tmp_path.iterdir())) == 1
    cached_token_states(windows, lower, tokenizer, tmp_path, "other weights")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_truncated_cache_is_refused(deep_encoder_folder, data, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(deep_encoder_folder)
    lower, _ = split_encoder(AutoModel.from_pretrained(deep_encoder_folder), 1)
    windows = windows_of(data["dev"], tokenizer)
    cached_token_states(windows, lower, tokenizer, tmp_path, "w")
    (path,) = tmp_path.iterdir()
    np.save(path, np.load(path)[:-1])
    with pytest.raises(ValueError, match=r"has the states of .* remove it"):
        cached_token_states(windows, lower, tokenizer, tmp_path, "w")
