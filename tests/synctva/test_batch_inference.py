import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from transformers import pipeline

from synctva.batch_inference import (
    CorpusRecogniser,
    answers_file,
    corpus_blocks,
    read_answers,
    write_failures,
)
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.toy import WIDTHS, toy_config, toy_rows

COLUMNS = ("dialogue_id", "speakers", "modality_mask", *(f"{name}_features" for name in WIDTHS))


def toy_checkpoint(folder):
    SyncTVAForEmotionRecognition(toy_config()).save_pretrained(folder)
    widths = {f"{name}_dim": width for name, width in WIDTHS.items()}
    SyncTVAProcessor(**widths).save_pretrained(folder)
    return str(folder)


def write_corpus(folder, rows):
    """Write two files, the first with small row groups."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = [{name: row[name] for name in COLUMNS} for row in rows]
    half = len(kept) // 2
    files = [folder / "a.parquet", folder / "b.parquet"]
    parquet.write_table(pa.Table.from_pylist(kept[:half]), files[0], row_group_size=3)
    parquet.write_table(pa.Table.from_pylist(kept[half:]), files[1])
    return files, kept


def test_blocks_have_the_answers_of_the_pipeline(tmp_path):
    checkpoint = toy_checkpoint(tmp_path / "model")
    files, rows = write_corpus(tmp_path / "corpus", toy_rows(19))
    blocks = corpus_blocks(files, 4)
    assert [block["count"] for block in blocks] == [4, 4, 1, 4, 4, 2]
    recogniser = CorpusRecogniser(checkpoint, tmp_path / "answers", batch_size=3)
    assert sum(recogniser(block)["answered"] for block in reversed(blocks)) == 19
    found = read_answers(tmp_path / "answers", blocks).to_pylist()
    expected = pipeline("emotion-recognition", model=checkpoint)(rows)
    for row, one, answer in zip(rows, found, expected, strict=True):
        assert one["dialogue_id"] == row["dialogue_id"] and one["error"] is None
        assert one["labels"] == [utterance["label"] for utterance in answer]
        assert one["scores"] == pytest.approx([utterance["score"] for utterance in answer])


def test_a_block_that_is_there_is_not_computed_again(tmp_path, monkeypatch):
    checkpoint = toy_checkpoint(tmp_path / "model")
    files, _ = write_corpus(tmp_path / "corpus", toy_rows(8))
    (block, *_) = corpus_blocks(files, 4)
    first = CorpusRecogniser(checkpoint, tmp_path / "answers")
    counts = first(block)
    (tmp_path / "answers" / f"{block['key']}.999.tmp").write_bytes(b"left by a run that was killed")
    again = CorpusRecogniser(checkpoint, tmp_path / "answers")
    monkeypatch.setattr(again, "recognise", None)
    assert again(block) == counts
    assert read_answers(tmp_path / "answers", [block]).num_rows == 4


def test_a_failure_is_kept_with_its_error_and_the_others_are_answered(tmp_path):
    checkpoint = toy_checkpoint(tmp_path / "model")
    rows = toy_rows(8)
    rows[2]["audio_features"][0] = [float("nan")] * WIDTHS["audio"]
    rows[2]["modality_mask"][0] = [True, True, True]
    files, kept = write_corpus(tmp_path / "corpus", rows)
    blocks = corpus_blocks(files, 8)
    recogniser = CorpusRecogniser(checkpoint, tmp_path / "answers")
    assert [recogniser(block)["failed"] for block in blocks] == [1, 0]
    found = read_answers(tmp_path / "answers", blocks).to_pylist()
    assert found[2]["labels"] is None and "audio_features" in found[2]["error"]
    expected = pipeline("emotion-recognition", model=checkpoint)(kept[3])
    assert found[3]["scores"] == pytest.approx([utterance["score"] for utterance in expected])
    assert write_failures(tmp_path / "answers", blocks) == 1
    lines = (tmp_path / "answers" / "failed.csv").read_text().splitlines()
    assert lines[0] == "dialogue_id,error"
    assert len(lines) == 2 and lines[1].startswith(f"{kept[2]['dialogue_id']},")


def test_answers_are_named_after_the_conversations(tmp_path):
    files, _ = write_corpus(tmp_path / "one", toy_rows(8))
    others, _ = write_corpus(tmp_path / "two", toy_rows(9))
    paths = [answers_file(tmp_path, corpus_blocks(f, 8)[0]) for f in (files, files, others)]
    assert paths[0] == paths[1] == paths[2]
    assert answers_file(tmp_path, corpus_blocks(files, 3)[0]) != paths[0]


def test_a_corpus_needs_unique_names(tmp_path):
    rows = toy_rows(6)
    rows[4]["dialogue_id"] = rows[1]["dialogue_id"]
    files, _ = write_corpus(tmp_path / "corpus", rows)
    with pytest.raises(ValueError, match=r"b\.parquet, row 1, dialogue_id = 'conversation 1'"):
        corpus_blocks(files, 4)
    parquet.write_table(pa.table({"texts": [["Hi."]]}), tmp_path / "nameless.parquet")
    with pytest.raises(ValueError, match="no column dialogue_id"):
        corpus_blocks([tmp_path / "nameless.parquet"], 4)
    turns = pa.table({"dialogue_id": ["a", "a"], "text": ["Hi!", "Hello."]})
    parquet.write_table(turns, tmp_path / "turns.parquet")
    with pytest.raises(ValueError, match=r"turns\.parquet has .* an utterance per row: expected a"):
        corpus_blocks([tmp_path / "turns.parquet"], 4)
    with pytest.raises(FileNotFoundError, match=r"no \.parquet file"):
        corpus_blocks([], 4)
