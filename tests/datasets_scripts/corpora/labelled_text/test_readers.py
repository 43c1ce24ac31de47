"""Each corpus in an invented file of its form: what is read, and what is refused."""

import json
from collections import Counter

import numpy as np
import pytest

from synctva.datasets_scripts import load_dailydialog, load_emorynlp
from synctva.datasets_scripts.corpora.labelled_text import load_text_corpus
from synctva.datasets_scripts.corpora.labelled_text.corpus import equal_shares

EMOCONTEXT = "id\tturn1\tturn2\tturn3\tlabel\n"
EMORYNLP = "Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode\n"
FRIENDS = "Dialogue_ID,Utterance_ID,Speaker,Utterance,Emotion\n"

FILES = {
    "goemotions": {
        "labels.txt": "joy\nfear\nneutral\n",
        "train.tsv": "text\tlabel\tid\nWhat a day\t0,1\tx1\nOkay “so\t2\tx2\n",
    },
    "emocontext": {
        "train.txt": EMOCONTEXT + '0\tHi\tHow "so?\tGo away\tangry\n1\ta\tb\tc\tothers\n'
    },
    "dailydialog": {
        "dailydialog_train.json": json.dumps(
            {
                "tr_1": [
                    [
                        {"speaker": "A", "utterance": "I am late .", "emotion": "sad"},
                        {"speaker": "B", "utterance": "No !", "emotion": "neutral"},
                    ]
                ]
            }
        )
    },
    "emorynlp": {
        "emorynlp_train_final.csv": EMORYNLP
        + "Hey!,['Ann Lee'],Joyful,1,1,2,3\n"
        + "\"No, you\",\"['Bo Day', 'Ann Lee']\",Mad,1,2,2,3\n"
        + "Oh.,['Bo Day'],Sad,1,1,2,4\n"
    },
    "friends": {
        "ecf2_eval_new_friends.csv": FRIENDS
        + "7,2,Bo,I will not go .,anger\n7,1,Ann,Well ?,neutral\n8,1,Bo,It is us !,joy\n"
    },
}


def written(folder, name, **changed):
    """Write the files of a corpus, some of them with another content."""
    for file, content in {**FILES[name], **changed}.items():
        (folder / file).write_text(content, encoding="utf-8")
    return folder


def test_goemotions_shares_a_comment_among_its_labels(tmp_path):
    corpus = load_text_corpus("goemotions", written(tmp_path, "goemotions"))
    assert corpus.label_names == ("joy", "fear", "neutral")
    assert [c.texts for c in corpus.conversations] == [["What a day"], ["Okay “so"]]
    shares = np.concatenate([c.shares for c in corpus.conversations])
    np.testing.assert_array_equal(shares, [[0.5, 0.5, 0], [0, 0, 1]])
    headless = FILES["goemotions"]["train.tsv"].partition("\n")[2]
    again = load_text_corpus(
        "goemotions", written(tmp_path, "goemotions", **{"train.tsv": headless})
    )
    assert [c.texts for c in again.conversations] == [["What a day"], ["Okay “so"]]


def test_emocontext_labels_the_last_turn(tmp_path):
    corpus = load_text_corpus("emocontext", written(tmp_path, "emocontext"))
    first = corpus.conversations[0]
    assert first.texts == ["Hi", 'How "so?', "Go away"] and first.speakers == ["A", "B", "A"]
    assert first.shares.sum(1).tolist() == [0, 0, 1]
    assert corpus.label_names[first.shares[2].argmax()] == "angry"


def test_dailydialog_becomes_as_spoken_and_its_spellings_one(tmp_path):
    corpus = load_text_corpus("dailydialog", written(tmp_path, "dailydialog"))
    (only,) = corpus.conversations
    assert only.texts == ["I'm late.", "No!"]
    assert [corpus.label_names[i] for i in only.shares.argmax(1)] == ["sadness", "neutral"]


def test_emorynlp_has_a_conversation_for_each_scene(tmp_path):
    corpus = load_text_corpus("emorynlp", written(tmp_path, "emorynlp"))
    assert [c.texts for c in corpus.conversations] == [["Hey!", "No, you"], ["Oh."]]
    assert [c.speakers for c in corpus.conversations] == [["Ann", "Bo and Ann"], ["Bo"]]


def test_friends_is_ordered_and_has_the_labels_of_meld(tmp_path):
    from synctva.datasets_scripts import MELD_LABELS

    corpus = load_text_corpus("friends", written(tmp_path, "friends"))
    assert corpus.label_names == MELD_LABELS
    assert [c.texts for c in corpus.conversations] == [["Well?", "I won't go."], ["It's us!"]]
    assert [MELD_LABELS[i] for i in corpus.conversations[0].shares.argmax(1)] == [
        "neutral",
        "anger",
    ]


def counts(splits):
    """Return the number of utterances of each label, by split."""
    names = {split: rows.features["labels"].feature.names for split, rows in splits.items()}
    return {
        split: dict(Counter(names[split][label] for row in rows["labels"] for label in row))
        for split, rows in splits.items()
    }


def test_emorynlp_as_conversations(tmp_path):
    written(tmp_path, "emorynlp")
    train = FILES["emorynlp"]["emorynlp_train_final.csv"]
    for split, label in (("dev", "Peaceful"), ("test", "Scared")):
        (tmp_path / f"emorynlp_{split}_final.csv").write_text(train.replace("Sad", label))
    splits = load_emorynlp(tmp_path)
    assert splits["train"]["dialogue_id"][:] == ["s2_e3_scene1", "s2_e4_scene1"]
    row = splits["train"][0]
    assert row["utterance_ids"] == ["1", "2"] and row["texts"] == ["Hey!", "No, you"]
    assert row["speakers"] == ["Ann", "Bo and Ann"]
    assert row["modality_mask"] == [[True, False, False]] * 2
    assert counts(splits) == {
        "train": {"Joyful": 1, "Mad": 1, "Sad": 1},
        "dev": {"Joyful": 1, "Mad": 1, "Peaceful": 1},
        "test": {"Joyful": 1, "Mad": 1, "Scared": 1},
    }
    written(tmp_path, "emorynlp", **{"emorynlp_dev_final.csv": train + "Hm.,['A'],Sad,1,2,2,3\n"})
    with pytest.raises(ValueError, match="scene1' has two utterances '2'"):
        load_emorynlp(tmp_path)


def test_dailydialog_as_conversations_from_reccon_and_the_original(tmp_path):
    """The same conversation in both forms."""
    reccon, original = tmp_path / "reccon", tmp_path / "original"
    for split, name in (("train", "train"), ("validation", "valid"), ("test", "test")):
        (original / split).mkdir(parents=True), reccon.mkdir(exist_ok=True)
        said = "I am late . __eou__ No ! __eou__\n"
        (original / split / f"dialogues_{split}.txt").write_text(said)
        (original / split / f"dialogues_emotion_{split}.txt").write_text("5 0 \n")
        content = FILES["dailydialog"]["dailydialog_train.json"]
        (reccon / f"dailydialog_{name}.json").write_text(content)
    one, two = load_dailydialog(reccon), load_dailydialog(original)
    assert counts(one)["dev"] == counts(two)["dev"] == {"sadness": 1, "neutral": 1}
    assert two["dev"]["dialogue_id"][:] == ["validation_1"]
    for split in one:
        assert {**one[split][0], "dialogue_id": two[split][0]["dialogue_id"]} == two[split][0]
    corpora = [load_text_corpus("dailydialog", folder) for folder in (reccon, original)]
    assert corpora[0].conversations[0].texts == corpora[1].conversations[0].texts
    labels = original / "test" / "dialogues_emotion_test.txt"
    for wrong, message in (("5\n", "= '5': expected 2 numbers"), ("5 7\n", "from 0 to 6"),
                           ("5 0\n0 0\n", "has 2 lines: expected 1")):  # fmt: skip
        labels.write_text(wrong)
        with pytest.raises(ValueError, match=message):
            load_dailydialog(original)


def test_the_real_corpora(data_dir):
    folder = data_dir / "text_corpora"
    found = counts(load_emorynlp(folder / "emorynlp"))
    assert {split: sum(own.values()) for split, own in found.items()} == {
        "train": 7551, "dev": 954, "test": 984,
    }  # fmt: skip
    assert found["test"] == {
        "Neutral": 288, "Joyful": 217, "Scared": 116, "Peaceful": 111, "Powerful": 96, "Mad": 86,
        "Sad": 70,
    }  # fmt: skip
    splits = load_dailydialog(folder / "dailydialog_reccon")
    assert [rows.num_rows for rows in splits.values()] == [834, 47, 225]
    assert counts(splits)["test"] == {
        "neutral": 1306, "happiness": 677, "anger": 149, "sadness": 116, "surprise": 100,
        "disgust": 32, "fear": 25,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "file", "content", "expected"),
    [
        ("goemotions", "train.tsv", "What\t3\tx\n", r"line 1, labels = '3': expected .* 0 to 2"),
        ("goemotions", "train.tsv", "What\tjoy\tx\n", "line 1, labels = 'joy'"),
        ("goemotions", "train.tsv", "What\t1\n", "line 1 has 2 cells: expected 3"),
        ("emocontext", "train.txt", "a\tb\n", r"line 1 = 'a\\tb': expected id, turn1"),
        ("emocontext", "train.txt", EMOCONTEXT + "0\ta\tb\tsad\n", "line 2 has 4 cells"),
        ("emocontext", "train.txt", EMOCONTEXT + "0\ta\tb\tc\tglad\n", "label = 'glad': expected"),
        ("dailydialog", "dailydialog_train.json", "{", "JSONDecodeError"),
        ("dailydialog", "dailydialog_train.json", '{"a": [[{"speaker": "A"}]]}', "KeyError"),
        ("emorynlp", "emorynlp_train_final.csv", EMORYNLP + "Hi,Ann,Sad,1,1,1,1\n", "a list of"),
        ("emorynlp", "emorynlp_train_final.csv", EMORYNLP + "Hi,['A'],Glad,1,1,1,1\n", "'Glad'"),
        ("friends", "ecf2_eval_new_friends.csv", FRIENDS + "1,1,Bo,Hi,glad\n", "'glad': expected"),
    ],
)
def test_what_is_not_of_the_form_is_named(tmp_path, name, file, content, expected):
    with pytest.raises(ValueError, match=expected):
        load_text_corpus(name, written(tmp_path, name, **{file: content}))


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"has no .*: expected"):
        load_text_corpus(name, tmp_path)


def test_an_unknown_corpus_is_refused(tmp_path):
    with pytest.raises(ValueError, match="corpus = 'meld': expected one of dailydialog"):
        load_text_corpus("meld", tmp_path)


def test_shares_are_equal_and_none_where_there_is_no_label():
    shares = equal_shares([[0], [], [1, 2]], 3)
    np.testing.assert_array_equal(shares, [[1, 0, 0], [0, 0, 0], [0, 0.5, 0.5]])
