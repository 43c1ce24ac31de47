"""A whole extraction: masks, the same features by the processor, and what is refused at once."""

import numpy as np
import pytest

from synctva.features.extraction import (
    ConversationExtractor,
    Extraction,
    extract_features,
    load_clips,
)
from synctva.features.feature_sets import read_schema
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.media_conversations import AUDIO, MASKS, loaded


def test_masks_say_which_modalities_are_present(serial, tmp_path):
    folder, report = serial
    rows = loaded(folder, tmp_path)["train"]
    assert {row["dialogue_id"]: np.int_(row["modality_mask"]).tolist() for row in rows} == MASKS
    assert rows["texts"][:] == [["good day", "", ""], ["", "bad day", "", ""]]
    assert rows["labels"][:] == [[-1] * 3, [-1] * 4]
    assert report.present == {"text": 2, "visual": 2, "audio": 4}
    for row in rows:
        for name, column in (("visual", 1), ("audio", 2)):
            features = np.array(row[f"{name}_features"])
            assert (features.any(1) == np.array(row["modality_mask"])[:, column]).all()


def test_the_processor_makes_the_same_features_from_raw_clips(serial, clips, tmp_path):
    specs = {
        name: modality["spec"] for name, modality in read_schema(serial[0])["modalities"].items()
    }
    processor = SyncTVAProcessor(
        None,
        263,
        8,
        audio_encoder=specs["audio"],
        visual_encoder=specs["visual"],
    )
    rows = loaded(serial[0], tmp_path)["train"]
    for row, source in zip(rows, load_clips(clips)["train"], strict=True):
        assert row["media_paths"] == [None] * len(source["media_paths"])  # a set may be shared
        # What cannot be read is an error there.
        paths = [path for path in source["media_paths"] if not path.endswith("b.mp4")]
        kept = [path in paths for path in source["media_paths"]]
        batch = processor([[{"video": path} for path in paths]])
        for name, column in (("visual", 1), ("audio", 2)):
            if f"{name}_features" in batch:
                features = np.float32(row[f"{name}_features"])[kept]
                # To the last bit with one thread; more sum the networks' numbers in another order.
                np.testing.assert_allclose(batch[f"{name}_features"][0], features, 1e-5, 1e-5)
            mask = np.array(row["modality_mask"])[kept, column]
            assert batch["modality_mask"][0, :, column].tolist() == mask.tolist()


def test_an_extraction_can_be_done_in_parts(clips, tmp_path):
    data = load_clips(clips)
    extraction = Extraction(data, tmp_path / "parts", **AUDIO)
    assert extraction.remaining()["dialogue_id"].to_pylist() == ["1", "2"]
    extract = ConversationExtractor(**extraction.extractor)
    assert extract(extraction.work.slice(1, 1))["key"] == extraction.work["key"].slice(1, 1)
    assert extraction.remaining()["dialogue_id"].to_pylist() == ["1"]
    with pytest.raises(ValueError, match=r"train, conversation '1' has no result"):
        extraction.finish(1)
    extract(extraction.remaining())
    assert extraction.finish(2).extracted == 2
    extract_features(data, tmp_path / "whole", **AUDIO)
    parts, whole = (read_schema(tmp_path / name) for name in ("parts", "whole"))
    assert parts == whole  # checksums and all


def test_what_cannot_work_is_refused_before_any_work(clips, serial, tmp_path):
    data = load_clips(clips)
    with pytest.raises(FileExistsError, match="expected a new or an empty folder"):
        extract_features(data, serial[0], **AUDIO)
    with pytest.raises(ValueError, match="workers = 0: expected at least 1"):
        extract_features(data, tmp_path / "x", **AUDIO, workers=0)
    with pytest.raises(ValueError, match="audio encoder name = 'ears'"):
        extract_features(data, tmp_path / "x", **{**AUDIO, "audio_encoder": {"name": "ears"}})
    data["test"] = data.pop("train")
    with pytest.raises(ValueError, match=r"splits = \['test'\]: expected 'train'"):
        extract_features(data, tmp_path / "x", **AUDIO)
    nothing = data["test"].map(lambda row: {"media_paths": [None] * len(row["media_paths"])})
    data["train"] = data["test"] = nothing
    with pytest.raises(ValueError, match="media_paths has no file in any split"):
        extract_features(data, tmp_path / "x", **AUDIO)
    assert not list(tmp_path.glob("x*"))
