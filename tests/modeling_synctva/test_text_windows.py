import pytest
import torch
from transformers import AutoTokenizer

from synctva.modeling_synctva.text_windows import (
    contextual_tokens,
    conversation_windows,
    pad_windows,
    pool_windows,
)

TEXTS = ["hello", "no way !", "good day", "bad"]
SPEAKERS = ["ann", "bo", "ann", None]


@pytest.fixture(scope="module")
def tokenizer(toy_encoder_folder):
    return AutoTokenizer.from_pretrained(toy_encoder_folder)


def words(tokenizer, past, future, max_length, texts=TEXTS, speakers=SPEAKERS):
    """Return each row as words, with those of the utterance itself in capitals."""
    rows = contextual_tokens(texts, speakers, tokenizer, past, future, max_length)
    shown = []
    for ids, attended, own in zip(*rows, strict=True):
        tokens = tokenizer.convert_ids_to_tokens(ids[attended])
        pairs = zip(tokens, own[attended], strict=True)
        row = " ".join(token.upper() if mine else token for token, mine in pairs)
        shown.append(row.replace("[CLS]", "<").replace("[SEP]", "|"))
    return shown


def test_context_on_both_sides(tokenizer):
    assert words(tokenizer, past=1, future=1, max_length=64) == [
        "< ANN : HELLO | bo : no way ! |",
        "< ann : hello | BO : NO WAY ! | ann : good day |",
        "< bo : no way ! | ANN : GOOD DAY | bad |",
        "< ann : good day | BAD |",
    ]


def test_without_speakers_and_context(tokenizer):
    assert words(tokenizer, 0, 0, 64, speakers=None) == [
        "< HELLO |", "< NO WAY ! |", "< GOOD DAY |", "< BAD |",
    ]  # fmt: skip


def test_far_context_is_cut_first(tokenizer):
    # [CLS], 4 own tokens and [SEP] leave 6 of 12 for the previous turn and its separator.
    assert (
        words(tokenizer, past=2, future=0, max_length=12)[2] == "< bo : no way ! | ANN : GOOD DAY |"
    )
    assert words(tokenizer, 2, 0, 14)[2] == "< : hello bo : no way ! | ANN : GOOD DAY |"
    assert words(tokenizer, 2, 0, 9)[2] == "< way ! | ANN : GOOD DAY |"
    assert words(tokenizer, 0, 2, 9)[1] == "< BO : NO WAY ! | ann |"
    assert words(tokenizer, 2, 2, 8)[2] == "< ! | ANN : GOOD DAY |"


def test_an_utterance_is_cut_only_if_it_is_too_long_without_context(tokenizer):
    texts = ["hello", "good good good good good good"]
    assert words(tokenizer, 1, 1, 8, texts, None)[1] == "< GOOD GOOD GOOD GOOD GOOD GOOD |"
    assert words(tokenizer, 1, 1, 8, texts, ["ann", "bo"])[1] == "< BO : GOOD GOOD GOOD GOOD |"


@pytest.mark.parametrize("max_length", range(8, 24))
@pytest.mark.parametrize(("past", "future"), [(3, 0), (0, 3), (2, 2)])
def test_never_longer_than_allowed(tokenizer, max_length, past, future):
    ids, attention, own = contextual_tokens(TEXTS, SPEAKERS, tokenizer, past, future, max_length)
    assert ids.shape[1] <= max_length
    assert (attention | ~own).all()
    assert (ids[~attention] == tokenizer.pad_token_id).all()


def test_without_future_turns_rows_ignore_what_follows(tokenizer):
    whole = words(tokenizer, past=2, future=0, max_length=64)
    first = words(tokenizer, 2, 0, 64, texts=TEXTS[:2], speakers=SPEAKERS[:2])
    assert whole[:2] == first


def windows(tokenizer, texts=TEXTS, speakers=SPEAKERS, **changes):
    """Return each window as words, with those that it embeds in capitals."""
    settings = {"tokens": 12, "past": 0, "future": 0, "turn": 8, **changes}
    shown = []
    for ids, owners, start, stop in conversation_windows(texts, speakers, tokenizer, **settings):
        assert set(owners) <= set(range(-1, stop - start))
        tokens = tokenizer.convert_ids_to_tokens(ids)
        pairs = zip(tokens, owners, strict=True)
        row = " ".join(t.upper() if owner >= 0 else t for t, owner in pairs)
        shown.append(row.replace("[CLS]", "<").replace("[SEP]", "|"))
    return shown


def test_windows(tokenizer):
    # With their separators, the turns have 4, 6, 5 and 2 tokens.
    assert windows(tokenizer) == [
        "< ANN : HELLO | BO : NO WAY ! |",
        "< ANN : GOOD DAY | BAD |",
    ]
    assert windows(tokenizer, past=6, future=5) == [
        "< ANN : HELLO | BO : NO WAY ! | ann : good day |",
        "< bo : no way ! | ANN : GOOD DAY | BAD |",
    ]
    assert windows(tokenizer, tokens=100) == [
        "< ANN : HELLO | BO : NO WAY ! | ANN : GOOD DAY | BAD |"
    ]


def test_a_long_turn_is_cut_and_nothing_else(tokenizer):
    assert windows(tokenizer, tokens=6, turn=3) == [
        "< ANN : HELLO |", "< BO : NO |", "< ANN : GOOD | BAD |",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="turn = 6: expected at least 1 and less than tokens = 6"):
        windows(tokenizer, tokens=6, turn=6)


def test_a_cut_turn_is_named(tokenizer, caplog):
    texts, speakers = ["hello", "good day no way !"], ["ann", "bo"]
    windows(tokenizer, texts, speakers, tokens=12, turn=8)
    words(tokenizer, 1, 1, 9, texts, speakers)
    assert not caplog.records
    windows(tokenizer, texts, speakers, tokens=12, turn=4)
    words(tokenizer, 1, 1, 8, texts, speakers)
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("utterance 1, 'bo: good day no way !'..., has 7 tokens: expected at")
    assert "at most 4" in first and "at most 6" in second


@pytest.mark.parametrize("tokens", [9, 20, 64])
@pytest.mark.parametrize(("past", "future"), [(0, 0), (16, 0), (7, 11)])
def test_windows_cover_every_utterance_once(tokenizer, tokens, past, future):
    texts = [" ".join(["good"] * (1 + 7 * t % 5)) for t in range(17)]
    found = conversation_windows(
        texts, None, tokenizer, tokens=tokens, past=past, future=future, turn=8
    )
    assert [w.start for w in found] == [0, *(w.stop for w in found[:-1])] and found[-1].stop == 17
    for window in found:
        assert len(window.input_ids) == len(window.owners) <= 1 + tokens + past + future
        for u in range(window.stop - window.start):
            assert window.owners.count(u) == min(len(texts[window.start + u].split()), 8)


def test_pooling_is_the_mean_of_an_utterances_own_tokens(tokenizer):
    found = conversation_windows(TEXTS, SPEAKERS, tokenizer, tokens=12, past=6, future=5, turn=8)
    tokens, owners = pad_windows(found, tokenizer)
    assert tokens["attention_mask"].sum(1).tolist() == [len(w.input_ids) for w in found]
    states = torch.randn(*tokens["input_ids"].shape, 5)
    pooled = pool_windows(states, owners, size=3)
    assert pooled.shape == (2, 3, 5) and not pooled[:, 2].any()
    for i, window in enumerate(found):
        for u in range(2):
            own = [at for at, owner in enumerate(window.owners) if owner == u]
            torch.testing.assert_close(pooled[i, u], states[i, own].mean(0))
