"""Every form of answers: what it holds, what our own reader reads from it, and who is hostile."""

import csv
import json
import os
import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

import synctva
from synctva import answer_files
from synctva.answer_files import FORMS, write_answers
from synctva.answered import plain
from synctva.csv_output import FORMULA_STARTS
from synctva.files import WriteError
from synctva.transcripts.reading import read_conversations, read_rttm
from tests.support.hostile_text import HOSTILE

from .conftest import answer

SAID = ("speaker", "text", "start", "end")
READ = [form for form in FORMS if form not in (".html", ".rttm")]
TIMED = [suffix for suffix, form in FORMS.items() if form.timed]


def said(utterances):
    return [{name: u[name] for name in SAID if u.get(name) is not None} for u in utterances]


@pytest.mark.parametrize("form", READ)
def test_our_own_reader_reads_the_same_words_speakers_and_times(form, answered, tmp_path):
    (file,) = write_answers(tmp_path / f"call{form}", answered)
    found = synctva.read_transcript(file)
    for item in found:
        item["start"], item["end"] = round(item["start"], 6), round(item["end"], 6)
    assert said(found) == said(answered)


def test_rttm_has_speakers_and_times(answered, tmp_path):
    answered[3]["speaker"] = "Bo_Li"  # not to be confused with "Bo Li"
    answered.append({**answered[0], "speaker": None, "start": 5000, "end": 5001})
    (file,) = write_answers(tmp_path / "call.rttm", answered, recording="a b.wav")
    assert all(len(line.split()) == 10 for line in file.read_text().splitlines())
    found = read_rttm(file, "call")
    assert [turn.speaker for turn in found] == ["Ann", "Bo_Li", "Ann", "Bo_Li_2", None]
    assert [turn.start for turn in found] == [0.5, 1.5, 2.0, 4000.0, 5000.0]
    assert found[1].end == pytest.approx(3661.25)


def test_a_recording_with_the_rttm_has_its_speakers(answered, tmp_path):
    srt, rttm = (write_answers(tmp_path / f"call{form}", answered)[0] for form in (".srt", ".rttm"))
    (conversation,), _ = read_conversations(srt, rttm)
    assert [u.get("speaker") for u in conversation] == ["Ann", "Bo_Li", "Bo_Li", None]


def test_the_emotion_is_told_where_a_form_has_room_for_it(answered, tmp_path):
    texts = {form: write_answers(tmp_path / f"x{form}", answered)[0].read_text() for form in FORMS}
    emotions = ["joy 72%", "anger? 20%", "unsure", "unread"]
    for form in (".srt", ".txt"):
        assert re.findall(r"\[emotion: (.*)\]$", texts[form], re.M) == emotions
    assert re.findall(r"<i>\[emotion: (.*)\]</i>", texts[".vtt"]) == emotions
    found = ElementTree.fromstring(texts[".eaf"]).findall(".//REF_ANNOTATION/ANNOTATION_VALUE")
    assert sorted(value.text for value in found) == sorted(emotions)
    assert all(f'text = "{emotion}"' in texts[".TextGrid"] for emotion in emotions)
    assert [item.get("label") for item in json.loads(texts[".json"])] == [
        "joy", "anger", None, None,
    ]  # fmt: skip
    for form, delimiter in ((".csv", ","), (".tsv", "\t")):
        rows = list(csv.DictReader(texts[form].splitlines(), delimiter=delimiter))
        assert [row["label"] for row in rows] == ["joy", "anger", "", ""]
        assert rows[1]["cautions"] == "a caution; another" and rows[0]["confidence"] == "0.9"
        assert rows[2]["prediction_set"] == "joy anger" and rows[3]["error"] == "it cannot be read"


def test_a_speaker_who_overlaps_with_himself_has_two_tiers(answered, tmp_path):
    answered[2]["start"], answered[2]["end"] = 0.7, 0.9  # while she says something else
    for form in (".TextGrid", ".eaf"):
        (file,) = write_answers(tmp_path / f"x{form}", answered)
        assert said(synctva.read_transcript(file)) == said(
            sorted(answered, key=lambda item: item["start"])
        )
    names = [tier.get("TIER_ID") for tier in ElementTree.parse(tmp_path / "x.eaf").iter("TIER")]
    assert len(names) == len(set(names)) and {"Ann", "Ann 2"} < set(names)


def test_a_folder_gets_every_form_of_the_recording(answered, tmp_path):
    folder = tmp_path / "out"
    files = write_answers(folder, answered, recording="clips/My call.mp4")
    assert {file.name for file in files} == {f"My call{form}" for form in FORMS}
    assert set(folder.iterdir()) == set(files)
    before = {file: file.read_bytes() for file in files}
    assert write_answers(folder, answered, recording="clips/My call.mp4") == files
    assert {file: file.read_bytes() for file in files} == before
    assert write_answers(tmp_path / "CALL.SRT", answered) == [tmp_path / "CALL.SRT"]


@pytest.mark.parametrize("form", TIMED)
def test_a_form_with_times_needs_them(form, answered, tmp_path):
    del answered[2]["end"]
    message = f"call{form}: utterance 2, '42', has no times: expected start and end"
    with pytest.raises(ValueError, match=re.escape(message)):
        write_answers(tmp_path / f"call{form}", answered)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_times_gets_the_other_forms(answered, tmp_path, monkeypatch):
    warned = []
    monkeypatch.setattr(answer_files.writing.logger, "warning", warned.append)
    del answered[0]["start"]
    files = write_answers(tmp_path / "out", answered)
    assert {file.suffix for file in files} == set(FORMS) - set(TIMED)
    assert ".srt" in warned[0] and "utterance 0" in warned[0] and len(warned) == 1


def test_what_cannot_be_written_is_refused(answered, tmp_path):
    with pytest.raises(ValueError, match=r"call\.doc: expected a folder, or a file that ends in"):
        write_answers(tmp_path / "call.doc", answered)
    with pytest.raises(ValueError, match="no utterance"):
        write_answers(tmp_path / "call.srt", [])
    with pytest.raises(ValueError, match=r"call\.html: there is no answer"):
        write_answers(tmp_path / "call.html", [{"text": "Hi!"}])
    (tmp_path / "call.srt").mkdir()
    assert len(write_answers(tmp_path / "call.srt", answered)) == len(FORMS)  # a folder it is
    (tmp_path / "file").write_text("")
    with pytest.raises((WriteError, OSError)):
        write_answers(tmp_path / "file" / "call.srt", answered)


def test_without_answers_only_what_was_said_is_written(answered, tmp_path):
    plain_ones = said(answered)
    files = write_answers(tmp_path / "out", plain_ones)
    assert {file.suffix for file in files} == set(FORMS) - {".html"}
    for file in files:
        assert "emotion" not in file.read_text() and "label" not in file.read_text()


# Hostile content -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile():
    """An utterance for each hostile text, which is its words, its speaker and its label."""
    return [
        {
            **answer(text, 0.5, scores={text: 0.5, "joy": 0.5}, cautions=[text]),
            **{"text": text, "speaker": text, "start": 2 * i, "end": 2 * i + 1},
        }
        for i, text in enumerate(HOSTILE)
    ]


@pytest.fixture(scope="module")
def written(hostile, tmp_path_factory):
    """Form -> text, of a recording whose name is hostile as well."""
    folder = tmp_path_factory.mktemp("home-of-somebody")
    recording = folder / "media" / "a' \"<script>=1 #?%41-->.mp4"
    files = write_answers(folder / "out", hostile, recording=recording, name="answers")
    texts = {file.suffix: file.read_text("utf-8") for file in files}
    assert set(texts) == set(FORMS)
    return texts


@pytest.mark.parametrize("form", FORMS)
def test_no_path_of_this_machine_is_written(form, written):
    assert "home-of-somebody" not in written[form]
    assert str(Path.home()) not in written[form].replace("file:///etc", "")


@pytest.mark.parametrize("form", FORMS)
def test_nothing_controls_a_terminal_or_a_reader(form, written):
    delete = "" if form == ".json" else r"\x7f-\x9f"  # JSON need not escape it
    assert not re.search(rf"[\x00-\x08\x0b-\x1f{delete}\ud800-\udfff]", written[form])


def test_json_is_unchanged(written):
    assert [item["text"] for item in json.loads(written[".json"])] == list(HOSTILE)


@pytest.mark.parametrize(("form", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_no_cell_is_a_formula(form, delimiter, written):
    header, *rows = csv.reader(written[form].splitlines(True), delimiter=delimiter)
    assert len(rows) == len(HOSTILE) and {len(row) for row in rows} == {len(header)}
    for cell in (cell for row in [header, *rows] for cell in row if cell):
        assert cell[0] not in FORMULA_STARTS and "\n" not in cell
    column = header.index("text")
    assert [row[column].lstrip("'") for row in rows] == [plain(t).lstrip("'") for t in HOSTILE]


@pytest.mark.parametrize("form", [".srt", ".vtt"])
def test_no_text_begins_a_cue_or_a_tag(form, written):
    blocks = written[form].removeprefix("WEBVTT\n\n").rstrip("\n").split("\n\n")
    assert len(blocks) == len(HOSTILE)
    for number, (block, text) in enumerate(zip(blocks, HOSTILE, strict=True), 1):
        name, times, words = block.split("\n")
        assert name == str(number) and "-->" in times
        if form == ".vtt":
            words = re.fullmatch(r"<v ([^<>]*)>([^<>]*) <i>([^<>]*)</i></v>", words)[2]
        assert "<" not in words and "-->" not in words and "{\\" not in words
        assert plain(text) in unescape(words)


def test_a_textgrid_has_only_its_own_lines(written):
    number = r"-?\d+(\.\d+)?"
    line = re.compile(
        rf'\s*((xmin|xmax|size|intervals: size) = {number}|(class|name|text) = "([^"]|"")*"'
        r"|item \[\d*\]:|intervals \[\d+\]:|tiers\? <exists>|(File type|Object class) = .*)?"
    )
    assert all(line.fullmatch(one) for one in written[".TextGrid"].split("\n"))
    texts = re.findall(r'text = "((?:[^"]|"")*)"', written[".TextGrid"])
    assert {plain(text) for text in HOSTILE} <= {text.replace('""', '"') for text in texts}


def test_an_elan_document_has_only_its_own_elements(written):
    root = ElementTree.fromstring(written[".eaf"])
    values = [one.text for one in root.findall(".//ALIGNABLE_ANNOTATION/ANNOTATION_VALUE")]
    assert values == [plain(text) for text in HOSTILE]
    known = {
        *("ANNOTATION_DOCUMENT", "HEADER", "MEDIA_DESCRIPTOR", "TIME_ORDER", "TIME_SLOT", "TIER"),
        *("ANNOTATION", "ALIGNABLE_ANNOTATION", "REF_ANNOTATION", "ANNOTATION_VALUE"),
        *("LINGUISTIC_TYPE", "CONSTRAINT"),
    }
    assert {element.tag for element in root.iter()} == known
    ids = [tier.get("TIER_ID") for tier in root.iter("TIER")]
    assert len(ids) == len(set(ids)) == 2 * len(HOSTILE)
    media = root.find(".//MEDIA_DESCRIPTOR").get("MEDIA_URL")
    assert media.startswith("../media/a%27%20%22%3Cscript%3E") and "%23%3F%2541" in media


def test_lines_of_labels_have_their_fields(written):
    lines = written[".rttm"].splitlines()
    assert len(lines) == len(HOSTILE) and {len(line.split(" ")) for line in lines} == {10}
    lines = written[".txt"].splitlines()
    assert len(lines) == len(HOSTILE) and {line.count("\t") for line in lines} == {2}


@pytest.mark.parametrize("form", [".json", ".csv", ".tsv", ".srt", ".vtt"])
@pytest.mark.parametrize("text", [text for text in HOSTILE if "-->" not in text])
def test_hostile_words_are_read_again(form, text, tmp_path):
    one = {**answer(), "speaker": "Ann", "text": text, "start": 1.0, "end": 2.0}
    (file,) = write_answers(tmp_path / f"x{form}", [one])
    (found,) = synctva.read_transcript(file)
    words = plain(found["text"])
    if form in (".csv", ".tsv") and plain(text)[0] in FORMULA_STARTS:
        words = words.removeprefix("'")
    assert words == plain(text) and found["speaker"] == "Ann"


def test_recordings_are_named_from_the_file_or_by_name(answered, tmp_path, monkeypatch):
    named = {}
    for recording in ("calls/a.wav", "../a.wav", "out/a.wav", "/a.wav", "/home/somebody/a.wav"):
        monkeypatch.chdir(tmp_path)
        (file,) = write_answers("out/x.json", answered[:1], recording=recording)
        named[recording] = json.loads(file.read_text())[0]["file"]
    assert named == {
        "calls/a.wav": "../calls/a.wav",
        "../a.wav": "../../a.wav",
        "out/a.wav": "a.wav",
        "/a.wav": "a.wav",
        "/home/somebody/a.wav": "a.wav",
    }


def test_a_path_in_an_error_becomes_a_name(tmp_path):
    path = os.fspath(tmp_path / "a.wav")
    failed = {"audio": path, "error": f"{path}: cannot be read"}
    unsure = {**answer(), "text": "Hi!", "audio": path, "cautions": [f"{path}: has no sound"]}
    (file,) = write_answers(tmp_path / "out" / "x.json", [failed, unsure])
    one, other = json.loads(file.read_text())
    assert one == {"file": "../a.wav", "error": "a.wav: cannot be read"}
    assert other["cautions"] == ["a.wav: has no sound"]
