"""Conversations with media from releases and from folders of clips."""

import pytest

from synctva.features.extraction import extract_features, load_clips, load_media
from tests.support.media_conversations import AUDIO, face_clip, loaded, wav
from tests.support.release_trees import write_iemocap_release, write_meld_release


def test_a_folder_of_clips(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no clip: expected files that end in \.mp4"):
        load_clips(tmp_path)
    for name in ("10.wav", "2.MP4", "1b.ogg", "1a.mkv", "notes.pdf", ".2.mp4", "2.txt"):
        (tmp_path / name).write_text("Who is\n there? ")
    rows = load_clips(tmp_path)["train"]
    assert rows["utterance_ids"][:] == [["1a", "1b", "2", "10"]]
    assert rows["texts"][0] == ["", "", "Who is there?", ""]
    (tmp_path / "2.wav").touch()
    with pytest.raises(ValueError, match=r"has 2.\w+ and 2.\w+: expected one file"):
        load_clips(tmp_path)
    (tmp_path / "2.wav").unlink()
    (tmp_path / "more").mkdir()
    assert len(load_clips(tmp_path)["train"]) == 1
    (tmp_path / "more/1.wav").touch()
    with pytest.raises(ValueError, match=r"has clips \(1a.mkv\) and sub-folders with clips \(more"):
        load_clips(tmp_path)


def test_meld_release(tmp_path):
    root = write_meld_release(tmp_path / "MELD.Raw")
    (root / "train/train_splits/dia0_utt0.mp4").write_bytes(face_clip())
    report = extract_features(load_media("meld", root), tmp_path / "features", **AUDIO)
    assert report.present == {"text": 6, "visual": 0, "audio": 1}
    assert report.without_media == 3
    assert [item.reason.split(": ")[1] for item in report.skipped] == ["is empty", "is empty"]
    rows = loaded(tmp_path / "features", tmp_path)["train"]
    assert rows[0]["modality_mask"] == [[True, False, True], [True, False, False]]


def test_iemocap_release(tmp_path):
    root = write_iemocap_release(tmp_path / "IEMOCAP_full_release")
    for path in root.glob("Session*/sentences/wav/*_impro01/Ses*_F000.wav"):
        path.write_bytes(wav())
    report = extract_features(load_media("iemocap", root), tmp_path / "features", **AUDIO)
    assert report.present["audio"] == 5
    assert report.skipped == []  # the others are silent
    names = report.schema["modalities"]["audio"]
    assert (names["encoder"], names["width"]) == ("prosody, version 1", 8)
