"""CSV and TSV."""

import pytest

from synctva.transcripts.line import Line, TranscriptError
from synctva.transcripts.reading import parse_transcript, read_transcript


def lines(transcript):
    return [(x.speaker, x.text, x.start, x.end) for x in parse_transcript(transcript)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("before", ["", "\n", "\ufeff", "sep=;\n"])
def test_separators(separator, before):
    table = '{0}Speaker;text;"start";end\nAnn;"Wait; what?";0.5;1.5\n\nBo;"He said ""no"".";1.5;2\n'
    text = table.format(before).replace("Wait; ", "Wait# ").replace(";", separator)
    assert lines(text.replace("#", separator)) == [
        ("Ann", f"Wait{separator} what?".replace("\t", " ").replace("  ", " "), 0.5, 1.5),
        ("Bo", 'He said "no".', 1.5, 2.0),
    ]


def test_the_line_of_a_row_is_its_last():
    assert parse_transcript('text,speaker\n"one\ntwo",Ann\nthree,Bo\n') == [
        Line(3, "one two", "Ann"),
        Line(4, "three", "Bo"),
    ]


def test_conversations_by_id(tmp_path, said):
    path = tmp_path / "own.tsv"
    table = (
        "dialogue_id\tsplit\ttext\taudio_pitch\nd2\ttest\tHi!\t3\nd1\ttest\tNo.\t4\nd2\t\tOh.\t5\n"
    )
    path.write_text(table, encoding="utf-8")
    assert read_transcript(path) == [[{"text": "Hi!"}, {"text": "Oh."}], [{"text": "No."}]]
    assert said() == [f"{path}: these columns are not read: audio_pitch, split"]
    with pytest.raises(TranscriptError, match="there are 2 conversations: expected one"):
        parse_transcript(table)


@pytest.mark.parametrize("head", ["start\tend\ttext", "start,end,text"])
def test_whisper_counts_milliseconds(head):
    separator = head[5]
    table = f"{head}\n0\t1800\tIt leaks.\n1900\t62000\tAgain?\n".replace("\t", separator)
    assert lines(table) == [(None, "It leaks.", 0.0, 1.8), (None, "Again?", 1.9, 62.0)]


def test_whisper_does_not_quote_its_tsv():
    assert lines('start\tend\ttext\n0\t900\t"It" leaks.\n') == [(None, '"It" leaks.', 0.0, 0.9)]


def test_decimals_are_seconds():
    assert lines("start\tend\ttext\n0.0\t1.8\tIt leaks.\n") == [(None, "It leaks.", 0.0, 1.8)]
    assert lines("start;end;text\n0,5;1:02,5;It leaks.\n") == [(None, "It leaks.", 0.5, 62.5)]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("speaker,text\nAnn,Wait, what?\n", "line 2: has 3 cells: expected 2, one per column"),
        ("speaker,text\n", "the table has a header and no rows: expected a row per utterance"),
        (
            'speaker,text\nAnn,"Wait\n',
            "line 2: is not readable as a table (unexpected end of data)",
        ),
        ("text,text,speaker\na,b,c\n", "line 1: has 'text' more than once"),
        ("text,start,end\nHi!,2,1\n", "line 2, times 2 to 1: expected the start before the end"),
        ("text,start,end\nHi!,-2,1\n", "line 2, start = '-2': expected a time of at least 0"),
        ("text,dialogue_id\nHi!,a\nOh.,\n", "line 3: has no dialogue_id, and others have one"),
        ("start\tend\ttext\n0\t2\tHi!\n2\t4\tOh.\n", "expected milliseconds, as whisper writes"),
    ],
)
def test_mistakes(table, message):
    with pytest.raises(TranscriptError) as error:
        parse_transcript(table)
    assert message in str(error.value)


def test_a_table_without_text_says_what_it_has(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("speaker;words\nAnn;Hi!\n", encoding="utf-8")
    with pytest.raises(TranscriptError) as error:
        read_transcript(path)
    assert "own.csv, line 1: has no column 'text', its columns are 'speaker', 'words'" in str(
        error.value
    )
