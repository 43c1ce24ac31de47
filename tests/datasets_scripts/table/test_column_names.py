"""Columns under other names, tables without speakers or ids, MMSA's label.csv, lists of files."""

import json

import pytest

from synctva.datasets_scripts.table.checking import TableError
from synctva.datasets_scripts.table.column_names import column_names
from synctva.datasets_scripts.table.loading import load_table, read_table, table_feature_names
from tests.support.corpora import write_csv

OURS = ["dialogue_id", "utterance_id", "speaker", "text", "emotion"]
THEIRS = ["video", "clip", "who", "text_clean", "mood"]
COLUMNS = dict(zip(OURS, THEIRS, strict=True))
ROWS = [
    [f"d{d}", f"u{u}", "ann", f"Say {d} {u}.", "glad" if u else "calm"]
    for d in range(4)
    for u in range(2)
]
MMSA = [
    "video_id", "clip_id", "text", "label", "label_T", "label_A", "label_V", "annotation", "mode",
]  # fmt: skip


def mmsa_row(video, clip, split, label=0.4):
    return [video, clip, f"Clip {clip}.", label, "", "", "", "Positive", split]


def test_named_columns_are_the_same_table(tmp_path):
    expected = read_table(write_csv(tmp_path / "ours.csv", OURS, ROWS))
    theirs = write_csv(tmp_path / "theirs.csv", THEIRS, ROWS)
    lines = [json.dumps(dict(zip(THEIRS, row, strict=True))) for row in ROWS]
    (tmp_path / "theirs.jsonl").write_text("\n".join(lines))
    for path in (theirs, tmp_path / "theirs.jsonl"):
        table = read_table(path, columns=COLUMNS)
        for split, conversations in expected.conversations.items():
            for one, two in zip(conversations, table.conversations[split], strict=True):
                assert {**one, "modality_mask": None} == {**two, "modality_mask": None}
        assert table.warnings == expected.warnings
        assert table_feature_names(path, COLUMNS) == {}
    swapped = write_csv(tmp_path / "swapped.csv", ["emotion", *OURS[1:4], "dialogue_id"], ROWS)
    table = read_table(swapped, columns={"dialogue_id": "emotion", "emotion": "dialogue_id"})
    assert table.label_names == expected.label_names


def test_the_label_may_be_another_column(tmp_path):
    rows = [[*row, "good" if row[-1] == "glad" else "bad"] for row in ROWS]
    path = write_csv(tmp_path / "own.csv", [*OURS, "sentiment"], rows)
    table = read_table(path, label="sentiment")
    assert table.label_names == ("bad", "good")
    assert table.warnings == ["own.csv: columns that are not read: 'emotion'"]
    assert table.key != read_table(path).key  # they are different data sets in the cache
    features = load_table(path, label="sentiment", cache_dir=tmp_path)["train"].features
    assert features["labels"].feature.names == ["bad", "good"]
    with pytest.raises(ValueError, match=r"lacks the column 'valence', it has .*given for emotion"):
        read_table(path, label="valence")
    with pytest.raises(ValueError, match="label = sentiment: expected emotion, which columns"):
        column_names({"emotion": "emotion"}, "sentiment")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"video": "dialogue_id"}, "columns = video=dialogue_id: expected one of dialogue_id, utt"),
        ({"audio_f0": "pitch"}, "columns = audio_f0=pitch: expected one of"),
        ({"text": "a", "speaker": "a"}, "columns: text and speaker = a: expected a column for eac"),
    ],
)
def test_an_impossible_mapping_is_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        column_names(columns)


def test_messages_name_the_columns_of_the_file(tmp_path):
    rows = [*ROWS, ["d9", "", "bo", "Hi.", "glad;calm"]]
    with pytest.raises(TableError) as caught:
        read_table(write_csv(tmp_path / "own.csv", THEIRS, rows), columns=COLUMNS)
    assert [(m.line, m.column) for m in caught.value.mistakes] == [(10, "clip"), (10, "mood")]
    with pytest.raises(TableError) as caught:
        read_table(tmp_path / "own.csv", columns={**COLUMNS, "dialogue_id": "scene"})
    assert str(caught.value.mistakes[0]).endswith(
        "lacks the column 'scene', it has video, clip, who, text_clean, mood: expected the column "
        "that is given for dialogue_id"
    )


def test_missing_speakers_and_ids_are_said_once(tmp_path):
    header, rows = ["dialogue_id", "text", "emotion"], [[row[0], *row[3:]] for row in ROWS]
    for split in ("train", "dev"):
        write_csv(tmp_path / f"{split}.csv", header, [[f"{split} {r[0]}", *r[1:]] for r in rows])
    table = read_table(tmp_path)
    assert table.warnings == [
        "no column 'utterance_id': utterances are numbered in the order of the rows",
        "no column 'speaker': each conversation has one speaker",
    ]
    for conversation in table.conversations["train"]:
        assert conversation["utterance_ids"] == ["0", "1"]
        assert len(set(conversation["speakers"])) == 1


def test_a_list_of_files_has_a_conversation_for_each(tmp_path):
    for column, label in (("path", "label"), ("file", "emotion"), ("audio", "label")):
        rows = [[f"{emotion}/{i}.wav", emotion] for i in range(3) for emotion in ("glad", "calm")]
        path = write_csv(tmp_path / "files.csv", [column, label], rows)
        (tmp_path / "glad").mkdir(exist_ok=True)
        (tmp_path / "glad" / "1.wav").touch()
        table = read_table(path)
        assert table.label_names == ("calm", "glad")
        assert table.warnings[0].startswith(
            f"read as a list of files, each a conversation of its own: media_path = {column}"
        )
        conversations = [c for rows in table.conversations.values() for c in rows]
        clips = [clip for c in conversations for clip in c["media_paths"] if clip]
        assert len(conversations) == 6 and clips == [str(tmp_path / "glad" / "1.wav")]
        names = {c["dialogue_id"] for c in conversations}
        assert names == set("234567")  # lines, because the files of two folders have one name
    named = write_csv(tmp_path / "files.csv", ["path", "label"], [[f"{i}a.wav", i] for i in "123"])
    conversations = [c for rows in read_table(named).conversations.values() for c in rows]
    assert {c["dialogue_id"] for c in conversations} == {"1a", "2a", "3a"}
    moods = [[f"{i}.wav", i, "ab"[i % 2]] for i in range(20)]
    table = read_table(write_csv(named, ["path", "label", "mood"], moods), label="mood")
    assert table.label_names == ("a", "b")
    assert table.warnings[0].endswith("media_path = path, emotion = mood")
    mapped = write_csv(
        named, ["wav", "emotion", "speaker"], [[f"{i}.wav", i, "ann"] for i in "123"]
    )
    table = read_table(mapped, columns={"media_path": "wav"})
    assert table.warnings[0] == "no column 'dialogue_id': each row is a conversation of its own"
    assert {c["speakers"][0] for rows in table.conversations.values() for c in rows} == {"ann"}


def test_a_table_of_utterances_is_no_list_of_files(tmp_path):
    header = ["utterance_id", "text", "emotion", "media_path"]
    path = write_csv(tmp_path / "own.csv", header, [[1, "Hi.", "glad", "a.wav"]])
    with pytest.raises(TableError, match="lacks the column 'dialogue_id'"):
        read_table(path)
    with pytest.raises(TableError, match="lacks the column 'dialogue_id'"):
        read_table(write_csv(path, ["path", "audio", "label"], [["a.wav", "b.wav", "glad"]]))


def test_the_label_file_of_mmsa(tmp_path):
    rows = [mmsa_row("v1", 10, "train"), mmsa_row("v1", 2, "train"), mmsa_row("v2", 1, "valid")]
    path = write_csv(tmp_path / "label.csv", MMSA, [*rows, mmsa_row("v3", 1, "test")])
    table = read_table(path)
    (train,) = table.conversations["train"]
    assert train["dialogue_id"] == "v1" and train["utterance_ids"] == ["2", "10"]
    assert train["texts"] == ["Clip 2.", "Clip 10."] and train["media_paths"] == [None, None]
    assert table.label_names == ("Positive",) and list(table.conversations) == [
        "train",
        "dev",
        "test",
    ]
    assert table.warnings[0].startswith("read as MMSA's label.csv, each video a conv")
    clip = tmp_path / "Raw" / "v1" / "2.mp4"
    clip.parent.mkdir(parents=True)
    clip.touch()
    (train,) = read_table(path).conversations["train"]
    assert train["media_paths"] == [str(clip), None]
    assert load_table(tmp_path, cache_dir=tmp_path / "cache")["train"].num_rows == 1


def test_a_video_in_several_splits_of_mmsa_is_a_conversation_in_each(tmp_path):
    rows = [mmsa_row("v1", f"{i:04}", split) for i, split in enumerate(["train", "test"] * 3)]
    table = read_table(write_csv(tmp_path / "label.csv", MMSA, rows))
    found = {split: [(c["dialogue_id"], c["utterance_ids"]) for c in conversations]
             for split, conversations in table.conversations.items()}  # fmt: skip
    assert found == {
        "train": [("v1 train", ["0000", "0002", "0004"])],
        "test": [("v1 test", ["0001", "0003", "0005"])],
    }


def test_a_score_as_the_label_is_refused_with_the_classes(tmp_path):
    rows = [mmsa_row(f"v{i}", 1, "train", i / 7) for i in range(20)]
    path = write_csv(tmp_path / "label.csv", MMSA, rows)
    message = "column 'label' has 20 different .* put into bins, or the column 'annotation', which"
    with pytest.raises(TableError, match=message):
        read_table(path, label="label")
    own = write_csv(tmp_path / "own.csv", OURS, [[*r[:4], i / 9] for i, r in enumerate(ROWS * 2)])
    with pytest.raises(ValueError, match="another column of classes \\(--label <name>\\)"):
        read_table(own)


def test_no_clip_of_mmsa_leads_out_of_the_folder(tmp_path):
    (tmp_path / "Raw").mkdir()
    path = write_csv(tmp_path / "label.csv", MMSA, [mmsa_row("../../v1", 1, "train")])
    with pytest.raises(TableError, match=r"leads out of the table's folder"):
        read_table(path)
