"""MELD from CSVs in the official format, and from the real release if it is available."""

# ruff: noqa: RUF001  typographic quotes are repaired

import logging
import time

import numpy as np
import pytest

from synctva.datasets_scripts import MELD_LABELS, load_meld
from synctva.datasets_scripts.labels import MELD_SIZES
from tests.support.corpora import (
    MELD_DYADIC_HEADER,
    MELD_HEADER,
    meld_dyadic_row,
    meld_row,
    write_csv,
    write_meld,
)
from tests.support.release_trees import MELD_CLIP_FOLDERS, write_meld_release


@pytest.fixture
def load(tmp_path):
    """Call load_meld on a folder with the test's own cache."""

    def loader(folder, **options):
        options = {"check_counts": False, "cache_dir": tmp_path / "cache", **options}
        return load_meld(folder, **options)

    return loader


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "meld").mkdir()
    return write_meld(tmp_path / "meld")


def test_conversations_are_in_order(load, tmp_path):
    rows = [
        meld_row(3, 4, "Fourth.", "Bo"),
        meld_row(0, 1, "Second\x85", "Ann", "joy"),
        meld_row(3, 0, "Third.", "Bo\x92s Friend"),
        meld_row(0, 0, 'First, and "quoted".', "Ann", "surprise"),
    ]
    (tmp_path / "meld").mkdir()
    train = load(write_meld(tmp_path / "meld", rows))["train"]
    assert train["dialogue_id"][:] == ["dia0", "dia3"]
    first, second = train
    assert first["utterance_ids"] == ["dia0_utt0", "dia0_utt1"]
    assert first["texts"] == ['First, and "quoted".', "Second…"]
    assert first["labels"] == [MELD_LABELS.index("surprise"), MELD_LABELS.index("joy")]
    assert first["starts"][0] == pytest.approx(976.059, abs=1e-3)
    assert first["ends"][0] == pytest.approx(981.731, abs=1e-3)
    assert second["utterance_ids"] == ["dia3_utt0", "dia3_utt4"]
    assert second["speakers"] == ["Bo’s Friend", "Bo"]
    assert train.features["labels"].feature.names == list(MELD_LABELS)


def test_windows_file_with_byte_order_mark(load, folder):
    write_csv(folder / "dev_sent_emo.csv", MELD_HEADER, [meld_row(0, 0, "It’s…")], "cp1252")
    write_csv(folder / "test_sent_emo.csv", MELD_HEADER, [meld_row(0, 0, "It’s…")], "utf-8-sig")
    splits = load(folder)
    assert splits["dev"][0]["texts"] == splits["test"][0]["texts"] == ["It’s…"]


def test_prosody_is_joined_or_left_out(load, folder):
    row = load(folder)["train"][0]
    assert np.array(row["audio_features"]).tolist() == [list(range(1, 9))] * 2
    assert row["modality_mask"] == [[True, False, True]] * 2
    row = load(folder, prosody=False)["train"][0]
    assert "audio_features" not in row
    assert row["modality_mask"] == [[True, False, False]] * 2


def test_without_all_tables_only_text_is_loaded(load, folder, caplog):
    caplog.set_level(logging.INFO)
    (folder / "dev_prosody.csv").unlink()
    row = load(folder)["train"][0]
    assert row == load(folder, prosody=False)["train"][0]
    assert "has no dev_prosody.csv: only text is loaded" in caplog.text


def test_clips_that_cannot_be_used_are_masked(load, tmp_path):
    (tmp_path / "meld").mkdir()
    folder = write_meld(tmp_path / "meld", [meld_row(125, 2), meld_row(125, 3)])
    clips = folder / "train_splits"
    clips.mkdir()
    for name in ("dia125_utt2.mp4", "dia125_utt3.mp4", "._dia125_utt2.mp4"):
        (clips / name).touch()
    row = load(folder)["train"][0]
    assert row["media_paths"] == [str(clips / "dia125_utt2.mp4"), None]
    assert [mask[2] for mask in row["modality_mask"]] == [True, False]
    assert row["audio_features"][1] == [0.0] * 8


def test_a_changed_file_is_read_again(load, folder):
    assert load(folder)["dev"][0]["texts"] == ["Fine."]
    write_csv(folder / "dev_sent_emo.csv", MELD_HEADER, [meld_row(0, 0, "Changed.")])
    assert load(folder)["dev"][0]["texts"] == ["Changed."]
    (folder / "dev_splits_complete").mkdir()
    (folder / "dev_splits_complete" / "dia0_utt0.mp4").touch()
    assert load(folder)["dev"][0]["media_paths"] != [None]


def test_nothing_is_written_beside_the_data(load, folder):
    before = sorted(folder.rglob("*"))
    load(folder)
    assert sorted(folder.rglob("*")) == before


def test_other_sizes_than_the_official_ones_are_warned_of(load, folder, caplog):
    load(folder, check_counts=True)
    assert "train has 3 utterances in 2 conversations: expected 9,989 in 1,038" in caplog.text
    caplog.clear()
    load(folder)
    assert "official" not in caplog.text


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("dev_sent_emo.csv", FileNotFoundError, "has no dev_sent_emo.csv: expected"),
        ("dev_prosody.csv", FileNotFoundError, "has no dev_prosody.csv: expected.*prosody=False"),
    ],
)
def test_a_missing_file_is_named(load, folder, name, error, message):
    (folder / name).unlink()
    with pytest.raises(error, match=message):
        load(folder, prosody=True)


@pytest.mark.parametrize("nested", [(), ("train",), ("train", "dev", "test")])
@pytest.mark.parametrize("root", ["MELD.Raw", ""])
def test_the_release_is_read_however_it_was_extracted(load, tmp_path, caplog, root, nested):
    caplog.set_level(logging.INFO)
    folder = tmp_path / "meld"
    write_meld_release(folder / root, nested)
    splits = load(folder)
    for split, rows in splits.items():
        clips = folder / root / (split if split in nested else "") / MELD_CLIP_FOLDERS[split]
        name = "final_videos_testdia0_utt0.mp4" if split == "test" else "dia0_utt0.mp4"
        assert rows[0]["media_paths"] == [str(clips / name), None]
        assert rows[0]["texts"] == [f"A {split} sentence.", "Another."]
        assert rows[0]["modality_mask"] == [[True, False, False]] * 2
        assert f"{split}: 1 utterances without a clip" in caplog.text
        assert f"{split}: 1 clips belong to no utterance" in caplog.text
    assert "test: 1 utterances have a clip that was cut again" in caplog.text
    assert "has no train_prosody.csv, dev_prosody.csv, test_prosody.csv: only text" in caplog.text


def test_tables_and_clips_may_be_in_different_folders(load, tmp_path):
    """CSVs and measures in the folder, clips in its MELD.Raw."""
    folder = tmp_path / "meld"
    write_meld_release(folder / "MELD.Raw")
    plain = load(write_meld(folder), prosody=True)["train"][0]
    clip = folder / "MELD.Raw" / "train" / "train_splits" / "dia0_utt0.mp4"
    assert plain["media_paths"] == [str(clip), None]
    assert plain["modality_mask"] == [[True, False, True]] * 2


def test_the_label_may_be_the_sentiment(load, tmp_path):
    rows = [meld_row(0, i, emotion="joy") for i in range(3)]
    for row, sentiment in zip(rows, ("Positive ", "neutral", "negative"), strict=True):
        row[4] = sentiment
    (tmp_path / "meld").mkdir()
    folder = write_meld(tmp_path / "meld", rows)
    emotions, sentiments = load(folder)["train"], load(folder, label="sentiment")["train"]
    names = sentiments.features["labels"].feature.names
    assert [names[i] for i in sentiments[0]["labels"]] == ["positive", "neutral", "negative"]
    assert emotions[0]["labels"] == [MELD_LABELS.index("joy")] * 3
    assert emotions[0]["audio_features"] == sentiments[0]["audio_features"]
    with pytest.raises(ValueError, match="label = 'valence': expected one of emotion, sentiment"):
        load(folder, label="valence")
    row = meld_row(0, 0)
    row[4] = "sad"
    write_csv(folder / "dev_sent_emo.csv", MELD_HEADER, [row])
    with pytest.raises(ValueError, match="column 'Sentiment' = 'sad': expected one of neutral"):
        load(folder, label="sentiment")
    assert load(folder)["dev"].num_rows == 1


def test_the_dyadic_variant_has_the_clips_and_measures_of_the_utterances(load, tmp_path, caplog):
    """An utterance may be in two conversations; its old numbers name its clip."""
    folder = tmp_path / "meld"
    (folder / "train_splits").mkdir(parents=True)
    (folder / "train_splits" / "dia7_utt1.mp4").touch()
    rows = [
        meld_dyadic_row(0, 0, (7, 1), "Shared."),
        meld_dyadic_row(0, 1, (7, 4)),
        meld_dyadic_row(1, 0, (7, 1), "Shared.", "positive"),
    ]
    write_meld(folder)
    for split in ("train", "dev", "test"):
        write_csv(folder / f"{split}_sent_emo_dya.csv", MELD_DYADIC_HEADER, rows)
    header = ["Dialogue_ID", "Utterance_ID", "f0"]
    for split in ("train", "dev", "test"):
        write_csv(folder / f"{split}_prosody.csv", header, [[7, 1, 5], [7, 4, 6]])
    first, second = load(folder, dyadic=True)["train"]
    assert [first["dialogue_id"], second["dialogue_id"]] == ["dia0", "dia1"]
    assert first["utterance_ids"] == ["dia7_utt1", "dia7_utt4"]
    assert first["media_paths"] == [str(folder / "train_splits" / "dia7_utt1.mp4"), None]
    assert second["media_paths"] == first["media_paths"][:1]
    assert [row["audio_features"] for row in (first, second)] == [[[5.0], [6.0]], [[5.0]]]
    sentiments = load(folder, dyadic=True, label="sentiment")["train"]
    assert sentiments["labels"][:] == [[0, 0], [1]]
    assert load(folder, prosody=False)["train"].num_rows == 2  # of the release itself
    assert "dyadic" not in caplog.text
    for split in ("train", "dev", "test"):
        (folder / f"{split}_sent_emo.csv").unlink()
    assert load(folder, check_counts=True)["train"][:] == load(folder, dyadic=True)["train"][:]
    assert "has the dyadic variant: it is loaded" in caplog.text
    assert "official" not in caplog.text


def test_an_archive_that_is_not_unpacked_is_named(load, folder):
    (folder / "train_sent_emo.csv").unlink()
    (folder / "train.tar.gz").touch()
    with pytest.raises(FileNotFoundError, match=r"train_sent_emo.csv: expected train.tar.gz unpac"):
        load(folder)


def test_a_missing_folder_is_named(load, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\0\0", "is not a text file"),
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (",".join(MELD_HEADER).encode(), "has a header but no rows"),
        (b'Utterance,"Speaker', "line 1 is not readable as CSV"),
        (b"Utterance,Speaker\nHi,Ann", "lacks the column 'Emotion', it has Utterance, Speaker"),
        (b"Speaker,Speaker\nBo,Ann", "has the column 'Speaker' more than once"),
    ],
)
def test_an_unreadable_csv_is_named(load, folder, content, message):
    (folder / "dev_sent_emo.csv").write_bytes(content)
    with pytest.raises(ValueError, match=rf"dev_sent_emo\.csv.*{message}"):
        load(folder)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            meld_row(0, 0, emotion="bored"),
            "line 3, column 'Emotion' = 'bored': expected one of neutral",
        ),
        (meld_row("x", 0), "line 3, column 'Dialogue_ID' = 'x': expected a whole number"),
        ([*meld_row(0, 1)[:-1], "later"], "line 3, column 'EndTime' = 'later': expected a time"),
        (meld_row(0, 1)[:-1], "line 3 has 10 cells: expected 11"),
    ],
)
def test_a_bad_row_is_named(load, folder, row, message):
    write_csv(folder / "dev_sent_emo.csv", MELD_HEADER, [meld_row(0, 0), row])
    with pytest.raises(ValueError, match=rf"dev_sent_emo\.csv, {message}"):
        load(folder)


def test_a_duplicate_utterance_is_named(load, folder):
    write_csv(folder / "dev_sent_emo.csv", MELD_HEADER, [meld_row(7, 1), meld_row(7, 1)])
    with pytest.raises(ValueError, match="'dia7' has two utterances 'dia7_utt1'"):
        load(folder)


def test_the_real_release(load, data_dir, caplog):
    caplog.set_level(logging.INFO)
    start = time.perf_counter()
    splits = load(data_dir / "meld", check_counts=True)
    assert time.perf_counter() - start < 20  # about 1 s; slack for a busy machine
    assert "official" not in caplog.text
    for split, size in MELD_SIZES.items():
        assert splits[split].num_rows == size.conversations
    text = "".join(text for rows in splits.values() for row in rows["texts"] for text in row)
    assert not any("\x80" <= character < "\xa0" for character in text)
    for split, conversation, place in [("train", "dia125", 3), ("dev", "dia110", 7)]:
        rows = splits[split]
        row = rows[rows["dialogue_id"][:].index(conversation)]
        index = row["utterance_ids"].index(f"{conversation}_utt{place}")
        masked = sum(not mask[2] for masks in rows["modality_mask"] for mask in masks)
        assert masked == 1 and not row["modality_mask"][index][2]
    assert "train: 447 empty audio cells took the training mean" in caplog.text
    assert "test: 5 rows of test_prosody.csv belong to no utterance" in caplog.text
    # The notes are logged again when the data comes from the cache.
    caplog.clear()
    load(data_dir / "meld", check_counts=True)
    assert "train: 447 empty audio cells" in caplog.text


def test_the_real_sentiments(load, data_dir):
    splits = load(data_dir / "meld", label="sentiment", prosody=False)
    counts = {}
    for split, rows in splits.items():
        names = rows.features["labels"].feature.names
        labels = [names[i] for row in rows["labels"] for i in row]
        counts[split] = {name: labels.count(name) for name in names}
    assert counts == {
        "train": {"neutral": 4710, "positive": 2334, "negative": 2945},
        "dev": {"neutral": 470, "positive": 233, "negative": 406},
        "test": {"neutral": 1256, "positive": 521, "negative": 833},
    }


def test_the_real_text_is_not_lost(load, data_dir, tmp_path):
    """Text of the release that is damaged here is repaired to what it was."""
    sound = load(data_dir / "meld", prosody=False)
    folder = tmp_path / "damaged"
    folder.mkdir()
    for split in sound:
        path = folder / f"{split}_sent_emo.csv"
        text = (data_dir / "meld" / path.name).read_bytes().decode("utf-8")
        for byte in (0x85, 0x91, 0x92, 0x93, 0x94, 0x96, 0x97):
            text = text.replace(bytes([byte]).decode("cp1252"), chr(byte))
        path.write_bytes(text.encode("utf-8"))
    damaged = load(folder, prosody=False)
    for split, rows in sound.items():
        assert damaged[split]["texts"][:] == rows["texts"][:]
