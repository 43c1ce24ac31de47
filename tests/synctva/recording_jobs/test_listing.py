"""Which recordings a folder or a table stands for, and what their results are called."""

import os

import pytest

from synctva.recording_jobs.listing import ListedRecording, is_listing, list_recordings


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def names(*arguments):
    return [recording.name for recording in list_recordings(*arguments)]


def table(folder, text, name="list.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_folder_is_read_with_its_sub_folders_in_the_order_of_names(tmp_path, caplog):
    touch(tmp_path, "10.wav", "2.wav", "2.MP4", "b/1.mkv", "a/c/1.mka", "notes.txt", ".hidden.wav")
    touch(tmp_path, ".git/1.wav", "out/1.wav/answers.json", "out/3.wav")
    expected = ["2.MP4", "2.wav", "10.wav", "a/c/1.mka", "b/1.mkv"]
    assert names(tmp_path, tmp_path / "out") == expected
    assert "1 of 6 files are left out" in caplog.text and "notes.txt" in caplog.text
    assert names(tmp_path) == [*expected, "out/3.wav"]


def test_links_to_folders_are_not_followed(tmp_path):
    touch(tmp_path, "calls/1.wav")
    os.symlink(tmp_path, tmp_path / "calls" / "loop")
    os.symlink(tmp_path / "calls" / "1.wav", tmp_path / "calls" / "2.wav")
    assert names(tmp_path / "calls") == ["1.wav", "2.wav"]


@pytest.mark.parametrize("files", [[], ["notes.txt"]])
def test_a_folder_without_recordings_is_said(tmp_path, files):
    touch(tmp_path, *files)
    with pytest.raises(FileNotFoundError, match="has no recording: expected files that end in"):
        list_recordings(tmp_path)


def test_a_table_lists_recordings_relative_to_itself(tmp_path):
    path = table(
        tmp_path,
        "recording;speakers;language;transcript;rttm\n"
        "calls/1.wav;2;de;;\n"
        "2.wav;channels;;;\n"
        "../3.wav;;;3.srt;turns/3.rttm\n",
    )
    outside = str(tmp_path.parent / "3.wav")
    assert list_recordings(path) == [
        ListedRecording("calls/1.wav", str(tmp_path / "calls/1.wav"), 2, "de"),
        ListedRecording("2.wav", str(tmp_path / "2.wav"), "channels"),
        ListedRecording(
            "3.wav",
            outside,
            transcript=str(tmp_path / "3.srt"),
            rttm=str(tmp_path / "turns/3.rttm"),
        ),
    ]


def test_a_relative_table_has_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(tmp_path, "recording\n./a.wav\n../b.wav\n")
    found = list_recordings("list.csv")
    assert [(one.name, one.path) for one in found] == [("a.wav", "a.wav"), ("b.wav", "../b.wav")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\na.wav\n", "lacks the column 'recording'"),
        ("recording\n", "has a header but no rows"),
        ("recording,speakers\n,2\n", r"line 2, column 'recording' is empty"),
        ("recording,speakers\na.wav,two\n", r"line 2, column 'speakers' = 'two': expected their"),
        ("recording,speakers\na.wav,0\n", r"'speakers' = '0': expected their number"),
        ("recording,speakers,rttm\na.wav,2,b\n", r"= '2': expected an empty cell.* column rttm"),
        ("recording,speakers,transcript\na.wav,2,b\n", r"an empty cell, .* column transcript"),
        ("recording\na.wav\n\nb.wav\n./a.wav\n", r"line 5.* = './a.wav' is in line 2 too"),
    ],
)
def test_mistakes_in_a_table_are_located(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        list_recordings(table(tmp_path, text))


def test_columns_that_are_not_read_are_said(tmp_path, caplog):
    list_recordings(table(tmp_path, "recording,speaker\na.wav,2\n"))
    assert "the column 'speaker' is not read: expected" in caplog.text


def test_no_two_results_have_one_name(tmp_path):
    touch(tmp_path, "call.wav", "call.mp4", "a/call.wav", "Call.wav")
    found = names(tmp_path)
    assert len({name.casefold() for name in found}) == 4
    assert {"call.mp4", "a/call.wav"} <= set(found)
    path = table(tmp_path, "recording\n/one/call.wav\n/two/call.wav\n/three/summary.csv\nx.wav\n")
    found = names(path)
    assert len(set(found)) == 4 and found[3] == "x.wav"
    assert found[0].startswith("call.wav-") and found[2].startswith("summary.csv-")


def test_results_never_take_the_place_of_a_file(tmp_path):
    touch(tmp_path, "a.wav")
    path = table(tmp_path, "recording\na.wav\n")
    for source in (tmp_path, path):
        with pytest.raises(ValueError, match=r"has the file a\.wav, where .* another folder"):
            list_recordings(source, tmp_path)


def test_a_folder_or_a_table_is_a_listing(tmp_path):
    assert is_listing(tmp_path) and is_listing("list.CSV") and is_listing("list.tsv")
    assert not is_listing("call.wav") and not is_listing(tmp_path / "missing")
