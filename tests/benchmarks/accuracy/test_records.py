"""JSON lines on disk: sorted, replaced as a whole, and safe with several writers."""

import json
import multiprocessing

import pytest

from benchmarks.accuracy.records import read_records, write_record


def key(record):
    return record["name"], record["seed"]


def test_a_file_that_does_not_exist_has_no_records(tmp_path):
    assert read_records(tmp_path / "none.jsonl") == []


def test_records_are_sorted_and_replaced_by_key(tmp_path):
    path = tmp_path / "new" / "runs.jsonl"
    for name, seed, score in [("b", 0, 1), ("a", 1, 2), ("a", 0, 3), ("b", 0, 4)]:
        write_record(path, {"name": name, "seed": seed, "score": score}, key)
    assert [(*key(record), record["score"]) for record in read_records(path)] == [
        ("a", 0, 3),
        ("a", 1, 2),
        ("b", 0, 4),
    ]
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == read_records(path)
    assert {p.name for p in path.parent.iterdir()} <= {path.name, f".{path.name}.lock"}


def test_a_record_that_is_not_json_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "runs.jsonl"
    write_record(path, {"name": "a", "seed": 0, "score": 1.0}, key)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        write_record(path, {"name": "b", "seed": 0, "score": float("nan")}, key)
    assert path.read_bytes() == before


def write_many(path, name, count):
    for seed in range(count):
        write_record(path, {"name": name, "seed": seed}, key)


def test_several_processes_lose_no_record(tmp_path):
    path, count = tmp_path / "runs.jsonl", 20
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(path, name, count)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    found = [key(record) for record in read_records(path)]
    assert found == [(name, seed) for name in "abc" for seed in range(count)]
