"""Single files of IEMOCAP's release, from a generated tree in its form."""

import pytest

from synctva.datasets_scripts.corpora.iemocap_files import (
    find_dialogues,
    read_evaluation,
    read_transcript,
    release_root,
)
from tests.support.release_trees import IEMOCAP_TURNS, iemocap_dialogues, write_iemocap_release


@pytest.fixture
def root(tmp_path):
    return write_iemocap_release(tmp_path / "IEMOCAP_full_release")


@pytest.fixture
def conversation(root):
    return find_dialogues(root)[3]


def append(path, line):
    """Adds a line and returns its number."""
    text = path.read_text()
    path.write_text(text + line + "\n")
    return len(text.splitlines()) + 1


def test_the_root_is_the_folder_or_the_release_in_it(root, tmp_path):
    assert release_root(root) == release_root(tmp_path) == root
    assert release_root(root / "Session1") is None


def test_dialogues_by_session_and_name(root, conversation):
    assert [d.name for d in find_dialogues(root)] == sorted(iemocap_dialogues())
    assert (conversation.name, conversation.session) == ("Ses02F_impro01", 2)
    assert conversation.recorded() == {f"{conversation.name}_{turn[0]}" for turn in IEMOCAP_TURNS}


def test_utterances_have_times_speaker_and_label(conversation):
    first, second, *_ = read_evaluation(conversation)
    assert (first.name, first.speaker) == ("Ses02F_impro01_F000", "Ses02_F")
    assert (first.start, first.end, first.code) == (1.5, 2.25, "neu")
    assert (second.name, second.speaker) == ("Ses02F_impro01_M000", "Ses02_M")


@pytest.mark.parametrize("change", ["\r\n", "  \n"])
def test_line_ends_and_trailing_space_do_not_matter(conversation, change):
    utterances, (texts, _) = read_evaluation(conversation), read_transcript(conversation)
    for path in (conversation.evaluation, conversation.transcript):
        path.write_bytes(path.read_bytes().replace(b"\n", change.encode()))
    assert read_evaluation(conversation) == utterances
    assert read_transcript(conversation)[0] == texts


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{} [001.0000-002.0000]: Wait: [LAUGHTER] no. ", "Wait: [LAUGHTER] no."),
        ("{} [001.0000 - 002.0000] No colon.", "No colon."),
        ("{}[1-2]:It\x92s near.", "It\u2019s near."),
        ("{} [001.0000-002.0000]:", ""),
    ],
)
def test_variants_of_a_spoken_line(conversation, line, text):
    conversation.transcript.write_bytes(line.format("Ses02F_impro01_F000").encode("latin-1"))
    assert read_transcript(conversation) == ({"Ses02F_impro01_F000": text}, 0)


def test_lines_that_name_nothing_are_counted_and_the_first_of_two_counts(conversation):
    texts, nameless = read_transcript(conversation)
    assert nameless == 1
    append(conversation.transcript, "Ses02F_impro01_F000 [001.0000-002.0000]: Again.")
    append(conversation.transcript, "F: Hm.")
    assert read_transcript(conversation) == (texts, nameless + 1)
    conversation.transcript.unlink()
    assert read_transcript(conversation) == ({}, 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1 - 2]\tSes02F_impro01_F009\tzzz\t[1, 1, 1]", "unknown label 'zzz'; expected.*ang, dis"),
        ("[1 - 2]\tSes02F_impro01_F009", "is not readable; expected.*name, label and"),
        ("[1 - two]\tSes02F_impro01_F009\tsad\t[1, 1, 1]", "is not readable"),
        ("[1 - 2]\tSes02M_impro01_F009\tsad\t[1, 1, 1]", "'Ses02M_impro01_F009' is not an utter"),
        (
            "[1 - 2]\tSes02F_impro01_X009\tsad\t[1, 1, 1]",
            "expected a name such as Ses02F_impro01_F",
        ),
        ("[1 - 2]\tSes02F_impro01_F000\tsad\t[1, 1, 1]", "duplicate.*'Ses02F_impro01_F000'"),
    ],
)
def test_a_bad_line_is_named(conversation, line, message):
    number = append(conversation.evaluation, line)
    with pytest.raises(ValueError, match=rf"Ses02F_impro01\.txt, line {number}: .*{message}"):
        read_evaluation(conversation)


def test_a_file_without_utterances_is_named(conversation):
    conversation.evaluation.write_text("% [START_TIME - END_TIME]\n")
    with pytest.raises(ValueError, match=r"Ses02F_impro01\.txt has no line of the form"):
        read_evaluation(conversation)


def test_a_dialogue_in_another_session_is_named(root, conversation):
    conversation.evaluation.rename(conversation.evaluation.with_name("Ses03F_impro09.txt"))
    with pytest.raises(ValueError, match=r"Ses03F_impro09\.txt: expected.*of session 2"):
        find_dialogues(root)


def test_a_missing_part_of_the_tree_is_named(root, tmp_path):
    (root / "Session4" / "dialog" / "transcriptions").rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError, match=r"no folder .*Session4.*transcriptions"):
        find_dialogues(root)
    (root / "Session3").rename(tmp_path / "Session3")
    with pytest.raises(FileNotFoundError, match=r"Session3.*EmoEvaluation has no Ses\*\.txt"):
        find_dialogues(root)
