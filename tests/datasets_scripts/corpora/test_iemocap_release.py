"""IEMOCAP's release from generated folders in its format, not the real one."""

import hashlib
import logging
from collections import Counter
from itertools import chain

import pytest

from synctva.datasets_scripts.corpora.iemocap import load_iemocap
from synctva.datasets_scripts.corpora.iemocap_release import (
    leave_one_session_out,
    load_iemocap_release,
)
from synctva.datasets_scripts.labels import IEMOCAP4_LABELS, IEMOCAP6_LABELS, IEMOCAP_PROTOCOLS
from tests.support.release_trees import IEMOCAP_TURNS, iemocap_conversations, write_iemocap_release


@pytest.fixture
def load(tmp_path):
    """Call load_iemocap_release on a folder with the test's own cache."""

    def loader(root, *arguments, **options):
        options = {"check_counts": False, "cache_dir": tmp_path / "cache", **options}
        return load_iemocap_release(root, *arguments, **options)

    return loader


@pytest.fixture
def root(tmp_path):
    return write_iemocap_release(tmp_path / "IEMOCAP_full_release")


def dialogue_ids(splits):
    return {split: rows["dialogue_id"][:] for split, rows in splits.items()}


def test_a_conversation_of_the_release(load, root):
    splits = load(root)
    assert splits["test"].features["labels"].feature.names == list(IEMOCAP6_LABELS)
    row = splits["test"][0]
    assert row["dialogue_id"] == "Ses05F_impro01"
    kept = [turn for turn in IEMOCAP_TURNS if turn[3] != "xxx"]
    names, starts, ends, codes, texts = (list(column) for column in zip(*kept, strict=True))
    assert row["utterance_ids"] == [f"Ses05F_impro01_{name}" for name in names]
    assert row["speakers"] == ["Ses05_F", "Ses05_M", "Ses05_F", "Ses05_M"]
    assert row["starts"] == starts and row["ends"] == ends
    assert row["labels"] == [IEMOCAP6_LABELS.index(code) for code in codes]
    assert row["texts"] == texts
    assert row["modality_mask"] == [[True, False, False]] * 4
    wavs = root / "Session5" / "sentences" / "wav" / "Ses05F_impro01"
    assert row["media_paths"] == [str(wavs / f"Ses05F_impro01_{name}.wav") for name in names]


def test_four_classes_merge_exc_and_leave_fru_out(load, root, caplog):
    caplog.set_level(logging.INFO)
    splits = load(root, "4-class")
    assert splits["test"].features["labels"].feature.names == list(IEMOCAP4_LABELS)
    assert splits["test"][0]["labels"] == [IEMOCAP4_LABELS.index(n) for n in ("neu", "hap", "hap")]
    assert "4-class: 15 utterances labelled fru left out" in caplog.text
    assert "4-class: 15 utterances labelled xxx left out" in caplog.text
    # The notes are logged again, for the data that comes from the cache.
    caplog.clear()
    load(root)
    assert "6-class: 15 utterances labelled xxx left out" in caplog.text
    assert "fru" not in caplog.text


def test_odd_lines_and_hidden_files_change_nothing(load, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    plain, odd = tmp_path / "plain", tmp_path / "odd"
    sound = load(write_iemocap_release(plain, odd=False, wavs=False))
    assert "transcriptions" not in caplog.text
    assert load(write_iemocap_release(odd, wavs=False))["train"][:] == sound["train"][:]
    assert "30 lines of the transcriptions without a labelled utterance" in caplog.text


def test_utterances_are_ordered_by_start_then_by_name(load, tmp_path):
    turns = [("M001", 3, 4, "sad", "c"), ("M000", 1, 2, "sad", "b"), ("F000", 1, 9, "sad", "a")]
    root = write_iemocap_release(tmp_path / "tree", dict.fromkeys(iemocap_conversations(), turns))
    assert load(root)["test"][0]["texts"] == ["a", "b", "c"]


def test_missing_texts_and_wavs_are_counted(load, root, caplog):
    caplog.set_level(logging.INFO)
    name = "Ses05F_impro01"
    (root / "Session5" / "sentences" / "wav" / name / f"{name}_M000.wav").unlink()
    transcript = root / "Session5" / "dialog" / "transcriptions" / f"{name}.txt"
    lines = transcript.read_text().splitlines()
    transcript.write_text("\n".join(line for line in lines if f"{name}_F000" not in line))
    (transcript.parent / "Ses05M_impro05a.txt").unlink()
    splits = load(root)
    row, other, without = splits["test"]
    assert [path is None for path in row["media_paths"]] == [False, True, False, False]
    assert row["texts"][0] == "" and row["modality_mask"][0] == [False, False, False]
    assert other["modality_mask"] == [[True, False, False]] * 4
    assert without["texts"] == [""] * 4
    assert "test: 5 utterances without text, masked" in caplog.text
    assert "test: 1 utterance without a wav" in caplog.text
    assert "train: " not in caplog.text


def test_a_conversation_without_a_label_of_the_protocol_is_left_out(load, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    conversations = iemocap_conversations() | {"Ses05F_impro02": [("F000", 1, 2, "fru", "No!")]}
    root = write_iemocap_release(tmp_path / "tree", conversations)
    assert "Ses05F_impro02" in dialogue_ids(load(root))["test"]
    assert "Ses05F_impro02" not in dialogue_ids(load(root, "4-class"))["test"]
    assert "4-class: 1 conversation without any of its labels left out" in caplog.text


def test_folds_are_independent_of_the_speaker_and_cover_the_release(tmp_path, root):
    conversations = set(iemocap_conversations())
    folds = leave_one_session_out(root, "4-class", check_counts=False, cache_dir=tmp_path / "cache")
    tested = []
    for session, splits in enumerate(folds, start=1):
        ids = dialogue_ids(splits)
        assert {name[3:5] for name in ids["test"]} == {f"{session:02}"}
        assert Counter(chain.from_iterable(ids.values())) == Counter(conversations)
        assert len(ids["dev"]) == 1  # of 12 training conversations
        speakers = {s: {x for row in rows["speakers"] for x in row} for s, rows in splits.items()}
        assert speakers["test"].isdisjoint(speakers["train"] | speakers["dev"])
        tested += ids["test"]
    assert Counter(tested) == Counter(conversations)


def test_dev_is_the_tenth_with_the_smallest_checksums(load, tmp_path):
    turns = [("F000", 1, 2, "sad", "Oh."), ("M000", 2, 3, "neu", "Well.")]
    conversations = {f"Ses{s:02}F_impro{i:02}": turns for s in range(1, 6) for i in range(10)}
    root = write_iemocap_release(tmp_path / "tree", conversations, wavs=False)
    for session in (1, 5):
        ids = dialogue_ids(load(root, test_session=session))
        others = sorted(name for name in conversations if int(name[4]) != session)
        ranked = sorted(others, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        assert ids["dev"] == sorted(ranked[:4])
        assert ids["train"] == sorted(ranked[4:])
        assert dialogue_ids(load(root, "4-class", session)) == ids


def test_the_parent_folder_and_a_changed_file(load, root):
    rows = load(root)["test"]
    assert load(root.parent)["test"][:] == rows[:]
    path = root / "Session5" / "dialog" / "EmoEvaluation" / "Ses05F_impro01.txt"
    path.write_text(path.read_text().replace("\tfru\t", "\tsad\t"))
    assert load(root)["test"][0]["labels"][1] == IEMOCAP6_LABELS.index("sad")


def test_other_sizes_than_the_official_ones_are_warned_of(load, root, caplog):
    load(root, check_counts=True)
    assert "session 3 has 12 utterances in 3 conversations: expected 1,533 in 32" in caplog.text
    caplog.clear()
    load(root)
    assert "official" not in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("5-class",), "protocol = '5-class': expected one of.*'6-class', '4-class'"),
        (("6-class", 6), r"test_session = 6: expected one of \(1, 2, 3, 4, 5\)"),
    ],
)
def test_an_unknown_choice_is_named(load, root, arguments, message):
    with pytest.raises(ValueError, match=message):
        load(root, *arguments)


def test_a_folder_without_the_release_is_named(load, root):
    with pytest.raises(FileNotFoundError, match="has no Session1: expected IEMOCAP_full_release"):
        load(root / "Session3")


def test_a_split_without_a_conversation_is_named(load, tmp_path):
    turns = dict.fromkeys(iemocap_conversations(), IEMOCAP_TURNS)
    turns |= {name: [("F000", 1, 2, "oth", "Hm.")] for name in turns if name.startswith("Ses05")}
    with pytest.raises(
        ValueError, match="test has no conversation: expected those of IEMOCAP_full_release"
    ):
        load(write_iemocap_release(tmp_path / "tree", turns))


def test_the_real_table_written_as_a_release_reads_the_same(load, data_dir, tmp_path, caplog):
    """Names of utterances and speakers, and the order, agree with the literature's table."""
    options = {"cache_dir": tmp_path / "cache", "prosody": False}
    table = [r for rows in load_iemocap(data_dir / "iemocap", **options).values() for r in rows]
    conversations = {}
    for row in table:
        names = [name.rpartition("_")[2] for name in row["utterance_ids"]]
        codes = [IEMOCAP6_LABELS[label] for label in row["labels"]]
        conversations[row["dialogue_id"]] = [
            (name, start, start + 1, code, text)
            for start, (name, code, text) in enumerate(zip(names, codes, row["texts"], strict=True))
        ]
    root = write_iemocap_release(tmp_path / "tree", conversations, odd=False, wavs=False)
    splits = load(root, check_counts=True)
    release = {row["dialogue_id"]: row for rows in splits.values() for row in rows}
    assert len(release) == len(table) and len(splits["dev"]) == 12
    for row in table:
        found = release[row["dialogue_id"]]
        for column in ("utterance_ids", "texts", "labels", "modality_mask"):
            assert found[column] == row[column]
        assert [name[-1] for name in found["speakers"]] == row["speakers"]
    # The table has 53 more utterances, all of them "hap". None is in session 4, so that only this
    # session has the official size, in both protocols.
    warned = "session {} has "
    for session in (1, 2, 3, 5):
        assert warned.format(session) in caplog.text
    assert warned.format(4) not in caplog.text
    caplog.clear()
    load(root, "4-class", check_counts=True)
    assert warned.format(3) in caplog.text and warned.format(4) not in caplog.text


def test_the_official_sizes_add_up():
    six, four = (IEMOCAP_PROTOCOLS[name].session_sizes for name in ("6-class", "4-class"))
    assert sum(size.utterances for size in six.values()) == 7_380
    assert sum(size.utterances for size in four.values()) == 5_531
    assert [size.conversations for size in six.values()] == [s.conversations for s in four.values()]
    assert sum(size.conversations for size in six.values()) == 151
