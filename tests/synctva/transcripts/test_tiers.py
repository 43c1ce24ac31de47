"""Praat's TextGrids and ELAN's documents."""

import time

import pytest

from synctva.transcripts.line import Line, TranscriptError
from synctva.transcripts.reading import parse_transcript

HEAD = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'


def long(tiers, end=9):
    """Return a TextGrid in its long form: name -> (start, end, text)."""
    text = f"{HEAD}xmin = 0 \nxmax = {end} \ntiers? <exists> \nsize = {len(tiers)} \nitem []: \n"
    for i, (name, intervals) in enumerate(tiers.items(), 1):
        text += f'    item [{i}]:\n        class = "IntervalTier" \n        name = "{name}" \n'
        text += f"        xmin = 0 \n        xmax = {end} \n"
        text += f"        intervals: size = {len(intervals)} \n"
        for j, (start, stop, label) in enumerate(intervals, 1):
            text += f"        intervals [{j}]:\n            xmin = {start} \n"
            text += f'            xmax = {stop} \n            text = "{label}" \n'
    return text


def short(tiers, end=9):
    """Return the same in its short form."""
    text = f"{HEAD}0\n{end}\n<exists>\n{len(tiers)}\n"
    for name, intervals in tiers.items():
        text += f'"IntervalTier"\n"{name}"\n0\n{end}\n{len(intervals)}\n'
        text += "".join(f'{start}\n{stop}\n"{label}"\n' for start, stop, label in intervals)
    return text


def read(transcript):
    """Return (speaker, text, start, end) of each utterance."""
    return [(x.speaker, x.text, x.start, x.end) for x in parse_transcript(transcript)]


@pytest.mark.parametrize("form", [long, short])
def test_a_tier_is_a_speaker(form):
    quoted = 'He said ""intervals [3]:"" \n2 xmin = 4 times!'
    tiers = {
        "Ann": [(0, 1.5, quoted), (1.5, 4, ""), (4, 5.25, "Why?")],
        "Bo B.".replace('"', ""): [(0, 1, "sil"), (1, 2, "<p:>"), (2, 4, "No.")],
    }
    assert read(form(tiers)) == [
        ("Ann", 'He said "intervals [3]:" 2 xmin = 4 times!', 0.0, 1.5),
        ("Bo B.", "No.", 2.0, 4.0),
        ("Ann", "Why?", 4.0, 5.25),
    ]


def test_a_comment_is_no_part_of_a_textgrid():
    grid = short({"Ann": [(0, 1, "Hi!")]}).replace("<exists>\n", '<exists> ! of "tiers" 7\n')
    assert read(grid) == [("Ann", "Hi!", 0.0, 1.0)]


@pytest.mark.parametrize("name", ["", "transcript", "Utterances", "sentence"])
def test_a_tier_without_the_name_of_a_speaker(name):
    grid = short({name: [(0, 1, "Ann: Hi!"), (1, 2, "Oh.")]})
    assert read(grid) == [("Ann", "Hi!", 0.0, 1.0), (None, "Oh.", 1.0, 2.0)]


def test_parts_of_utterances_are_not_read_and_are_said(said):
    tiers = {
        "Ann": [(0, 1, "Hi there!")],
        "Ann - words": [(0, 0.5, "hi")],
        "phones": [(0, 1, "HH")],
    }
    assert read(short(tiers)) == [("Ann", "Hi there!", 0.0, 1.0)]
    assert said() == [
        "the transcript: the tier 'Ann - words' is not read: it has parts of utterances",
        "the transcript: the tier 'phones' is not read: it has parts of utterances",
    ]


def test_points_are_not_read(said):
    grid = short({"Ann": [(0, 1, "Hi!")]}).replace("<exists>\n1\n", "<exists>\n2\n")
    assert read(f'{grid}"TextTier"\n"clicks"\n0\n9\n1\n0.5\n"click"\n') == [
        ("Ann", "Hi!", 0.0, 1.0)
    ]
    assert "the tier 'clicks' is not read: it has points in time" in said()[0]


SHORT = short({"Ann": [(0, 1, "Hi!")]})


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (HEAD, "line 4, 'the end': expected the start of a TextGrid"),
        (SHORT.replace("TextGrid", "PitchTier"), "line 2, 'PitchTier': expected a 'TextGrid'"),
        (SHORT[:-6], "'the end': expected the text of an interval"),
        (SHORT.replace("\n1\n0\n1\n", "\n999999999999\n0\n1\n"), "expected a whole number"),
        (SHORT.replace("\n1\n0\n1\n", "\n1\n-5\n1\n"), "line 13, start = -5.0: expected a time of"),
        (SHORT.replace("\n1\n0\n1\n", "\n1\n2\n1\n"), "line 13, times 2.0 to 1.0: expected the"),
        (SHORT.replace("Hi!", ""), "there is no utterance: expected a tier of utterances"),
        (SHORT.replace("Ann", "words"), "(the tier 'words' is not read: it has parts"),
        (SHORT.split("<exists>")[0] + "<absent>\n", "there is no utterance"),
        (f"{HEAD}0\n9\n<exists>\n0\n", "there is no utterance"),
    ],
)
def test_mistakes_in_a_textgrid(grid, message):
    with pytest.raises(TranscriptError) as error:
        parse_transcript(grid)
    assert message in str(error.value)


ELAN = """\
<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" FORMAT="3.0" VERSION="3.0">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
    <TIME_ORDER>
        <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1500"/>
        <TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="2000"/>
        <TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="0"/>
        <TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="1400"/>
    </TIME_ORDER>
    <TIER LINGUISTIC_TYPE_REF="utterance" PARTICIPANT="Ann" TIER_ID="tx@A">
        <ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
                <ANNOTATION_VALUE>Fish &amp; chips&#33;</ANNOTATION_VALUE>
            </ALIGNABLE_ANNOTATION>
        </ANNOTATION>
    </TIER>
    <TIER LINGUISTIC_TYPE_REF="utterance" TIER_ID="Bo">
        <ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
                <ANNOTATION_VALUE>Hungry?</ANNOTATION_VALUE>
            </ALIGNABLE_ANNOTATION>
        </ANNOTATION>
    </TIER>
    <TIER LINGUISTIC_TYPE_REF="gloss" TIER_ID="ft@Bo" PARENT_REF="Bo">
        <ANNOTATION>
            <REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a2">
                <ANNOTATION_VALUE>Faim ?</ANNOTATION_VALUE>
            </REF_ANNOTATION>
        </ANNOTATION>
    </TIER>
</ANNOTATION_DOCUMENT>
"""


def test_elan(said):
    found = [Line(19, "Hungry?", "Bo", 0.0, 1.4), Line(12, "Fish & chips!", "Ann", 1.5, 2.0)]
    assert parse_transcript(ELAN) == found
    assert said() == ["the transcript: the tier 'ft@Bo' is not read: it depends on 'Bo'"]
    assert parse_transcript(ELAN.replace('"UTF-8"', '"UTF-16"')) == found


def laughs(levels):
    """Return entities of which each holds ten of the one before."""
    entities = ['<!ENTITY l0 "ha">']
    entities += [f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, levels)]
    return f"<!DOCTYPE x [{''.join(entities)}]>", f"&l{levels - 1};"


DOCTYPE, LAUGH = laughs(12)


@pytest.mark.parametrize(
    ("before", "value", "message"),
    [
        (DOCTYPE, LAUGH, "line 2: has a DOCTYPE"),
        (
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
            "&e;",
            "line 2: has a DOCTYPE",
        ),
        ('<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">', "Hi!", "line 2: has a DOCTYPE"),
        ("", "&e;", "line 13: is not XML (undefined entity)"),
        ("", "</a>", "line 13: is not XML (mismatched tag)"),
    ],
)
def test_entities_are_not_expanded(before, value, message):
    document = ELAN.replace("<ANNOTATION_DOCUMENT", f"{before}<ANNOTATION_DOCUMENT", 1)
    began = time.perf_counter()
    with pytest.raises(TranscriptError) as error:
        parse_transcript(document.replace("Fish &amp; chips&#33;", value))
    assert message in str(error.value)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (ELAN[:900], "is not XML (unclosed token): expected an ELAN document"),
        (
            ELAN.replace('"1500"', '"soon"'),
            "line 5, TIME_VALUE = 'soon': expected whole",
        ),
        (ELAN.replace('"1500"', '"-5"'), "line 5, TIME_VALUE = '-5': expected whole milliseconds"),
        (ELAN.replace('"1500"', f'"{"9" * 5000}"'), "line 12, start = inf: expected a time"),
        (ELAN.replace('"1500"', '"9500"'), "line 12, times 9.5 to 2.0: expected the start before"),
        ("<?xml version='1.0'?>\n<tt><p>Hi!</p></tt>", "line 2, <tt>: is not understood"),
        ("<ANNOTATION_DOCUMENT/>", "there is no utterance"),
        ("<ANNOTATION_DOCUMENT>" + "<a>" * 100_000, "is not XML (no element found)"),
    ],
)
def test_mistakes_in_an_elan_document(document, message):
    with pytest.raises(TranscriptError) as error:
        parse_transcript(document)
    assert message in str(error.value)
