"""Which form a file has, and what its utterances are."""

import json

import pytest

from synctva.transcripts.reading import read_conversations

SAID = [
    {"text": "The boat is gone!", "speaker": "Ina", "start": 0.0, "end": 1.5},
    {"text": "Gone where?", "speaker": "Raf", "start": 61.25, "end": 62.5},
]
SAME = {
    "list.json": json.dumps(SAID),
    "segments.json": json.dumps({"segments": [{"id": 3, "words": [], **item} for item in SAID]}),
    "lines.jsonl": "\n".join(map(json.dumps, SAID)) + "\n",
    "srt.srt": "1\n00:00:00,000 --> 00:00:01,500\nIna: The boat\nis gone!\n\n"
    "2\n00:01:01,250 --> 00:01:02,500\n[Raf]: Gone where?\n",
    "web.vtt": "WEBVTT - made up\nKind: captions\n\nNOTE\nby hand\n\nSTYLE\n::cue {}\n\n"
    "first\n00:00.000 --> 00:01.500 align:start\n<v.loud Ina>The <i>boat</i> is gone!</v>\n\n"
    "01:01.250 --> 01:02.500\n<v Raf>Gone where?\n",
    "terminal.txt": "Detected language: English\n"
    "[00:00.000 --> 00:01.500]  Ina: The boat is gone!\n"
    "[01:01.250 --> 01:02.500]  [Raf]: Gone where?\n",
    "typed.txt": "0-1.5 Ina: The boat is gone!\n1:01.25 - 1:02.5 Raf: Gone where?\n",
    "labels.txt": "0.0\t1.5\tIna: The boat is gone!\n61.25\t62.5\tRaf: Gone where?\n",
}


@pytest.mark.parametrize("name", SAME)
def test_every_form_says_the_same(tmp_path, name):
    path = tmp_path / name
    path.write_text(SAME[name], encoding="utf-8")
    assert read_conversations(path) == ([SAID], False)


def test_a_list_of_conversations_is_several_even_if_it_has_one(tmp_path):
    path = tmp_path / "one.json"
    path.write_text('[["Hi!", {"text": "Oh.", "speaker": "Raf"}]]', encoding="utf-8")
    assert read_conversations(path) == (
        [[{"text": "Hi!"}, {"text": "Oh.", "speaker": "Raf"}]],
        True,
    )
