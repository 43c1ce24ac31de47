"""The page's callbacks; tests/synctva/commands/test_app.py opens the page in a browser."""

import os
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from synctva.app import page as module
from synctva.app.analysis import analyse_recording, analyse_text
from synctva.app.page import Input, build_page, frame, message

TYPED = "Ann: I got the <job>!\n\nBo: No way: you did?\nThat is all."


def test_a_message_is_text():
    assert message('<img src=x onerror="alert()">', "alert").count("<") == 2
    assert 'role="alert"' in message("", "alert")


def test_the_report_lies_in_a_frame_that_cannot_reach_the_page(recognise):
    shown = frame(analyse_text(recognise, TYPED))
    tag, document = shown.split(' srcdoc="')
    assert 'sandbox="allow-scripts"' in tag and 'title="Timeline"' in tag
    assert document.count('"') == 1 and "<" not in document.removesuffix('"></iframe>')
    assert "default-src 'none'" in unescape(document)
    assert "I got the &lt;job&gt;!" in unescape(document)


@pytest.mark.parametrize("name", ["call.wav", "a\"b'<c>.wav", "ä ö #1?.wav", "100%25.wav"])
def test_the_report_plays_the_upload(recognise, call, heard, name):
    upload = Path(call).with_name(name)
    os.rename(call, upload)
    document = unescape(frame(analyse_recording(recognise, str(upload))))
    address = document.split('"address":"')[1].split('"')[0]
    assert address.startswith("gradio_api/file=") and not set("<>&\"'# ?") & set(address)
    assert "<c>" not in document


@pytest.fixture
def callbacks(recognise, tmp_path, monkeypatch):
    """What happens when the buttons of the page are pressed, by name."""
    pytest.importorskip("gradio", reason="gradio is not installed")
    monkeypatch.setattr(module, "private_folder", lambda: tmp_path)
    return {fn.name: fn.fn for fn in build_page(recognise).fns.values()}


def test_a_recording_is_answered_without_a_transcript(callbacks, call, heard):
    told = []

    def progress(part, desc):
        told.append((part, desc))

    status, results, analysis, *shown = callbacks["on_recording"](call, 2, "", Input(), progress)
    assert "3 utterances" in status and results.visible
    assert analysis.conversation[0]["text"] == "No way at all!"
    assert {item["speaker"] for item in analysis.conversation} <= {"Speaker 1", "Speaker 2"}
    timeline, rows, why, files = shown
    assert "<iframe" in timeline and rows.count("<button") == 3 and "Scores of" in why
    assert {Path(path).name for path in files} > {"call.html", "call.json", "call.srt"}
    assert told[0] == (0.0, "Getting ready to listen")


def test_a_transcript_takes_the_place_of_listening(callbacks, call):
    transcript = "0-2 Ann: No way!\n2-4 Bo: Good."
    _, _, analysis, *_ = callbacks["on_recording"](call, 0, transcript, Input())
    assert [item["speaker"] for item in analysis.conversation] == ["Ann", "Bo"]
    assert analysis.answers[0]["modalities"] == ["text", "audio"]


def test_a_mistake_is_shown_without_a_path_and_hides_the_previous_answer(callbacks, call, heard):
    heard.clear()
    status, results, analysis, *_ = callbacks["on_recording"](call, 0, "", Input())
    assert 'role="alert"' in status and "call.wav: no speech was recognised" in status
    assert not results.visible and analysis is None
    Path(call).write_bytes(b"RIFF")
    status, *_ = callbacks["on_recording"](call, 0, "", Input())
    assert "call.wav" in status and os.path.dirname(call) not in status
    status, *_ = callbacks["on_recording"](None, 0, "", Input())
    assert "there is no recording: expected a file" in status
    status, *_ = callbacks["on_text"]("Ann: Hi!\nBo:")
    assert "line 2, " in status


def test_a_change_ends_the_work(callbacks, call, heard):
    given = Input()

    def progress(part, desc):
        if part:
            callbacks["on_change"](given)

    outcome = callbacks["on_recording"](call, 0, "", given, progress)
    assert given.changes == 1
    assert all(value == {"__type__": "update"} for value in outcome)  # nothing is shown


def test_a_row_or_the_timeline_chooses_the_utterance(callbacks):
    analysis = callbacks["on_text"](TYPED)[2]
    why = callbacks["on_row"](analysis, SimpleNamespace(utterance=2))
    assert "Scores of utterance 3" in why
    rows, again = callbacks["on_timeline"](analysis, SimpleNamespace(utterance=2))
    assert "Scores of utterance 3" in again
    assert 'data-utterance="2" aria-current="true"' in rows


@pytest.mark.parametrize("installed", [True, False])
def test_without_speech_recognition_the_page_says_how_to_install_it(
    recognise, installed, tmp_path, monkeypatch
):
    pytest.importorskip("gradio", reason="gradio is not installed")
    monkeypatch.setattr(module, "private_folder", lambda: tmp_path)
    monkeypatch.setattr(module, "find_spec", lambda _: object() if installed else None)
    texts = [str(getattr(block, "value", "")) for block in build_page(recognise).blocks.values()]
    assert any("[speech]" in text for text in texts) == (not installed)


def test_gradio_keeps_files_private_and_reports_nothing(tmp_path, monkeypatch):
    pytest.importorskip("gradio", reason="gradio is not installed")
    monkeypatch.setattr(module, "private_folder", lambda: tmp_path)
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY"):
        monkeypatch.setenv(name, "True")
    module.import_gradio()
    assert os.environ["GRADIO_TEMP_DIR"] == str(tmp_path)
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == os.environ["GRADIO_RUN_HISTORY"] == "False"


@pytest.mark.skipif(find_spec("gradio") is not None, reason="gradio is installed")
def test_without_gradio_it_is_said_how_to_install_it():
    with pytest.raises(ImportError, match=r"the page needs Gradio: .*\[app\]"):
        module.import_gradio()
