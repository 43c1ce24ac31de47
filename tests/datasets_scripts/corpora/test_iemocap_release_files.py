"""Single files of IEMOCAP's release, from a generated folder in its format."""

import pytest

from synctva.datasets_scripts.corpora.iemocap_release_files import (
    find_conversations,
    read_evaluation,
    read_transcript,
    release_root,
)
from tests.support.release_trees import IEMOCAP_TURNS, iemocap_conversations, write_iemocap_release


@pytest.fixture
def root(tmp_path):
    return write_iemocap_release(tmp_path / "IEMOCAP_full_release")


@pytest.fixture
def conversation(root):
    return find_conversations(root)[3]


def append(path, line):
    """Add a line and return its number."""
    text = path.read_text()
    path.write_text(text + line + "\n")
    return len(text.splitlines()) + 1


def test_the_root_is_the_folder_or_the_release_in_it(root, tmp_path):
    assert release_root(root) == release_root(tmp_path) == root
    assert release_root(root / "Session1") is None


def test_conversations_are_found_by_session_and_name(root, conversation):
    assert [c.name for c in find_conversations(root)] == sorted(iemocap_conversations())
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


def test_lines_without_a_name_are_counted_and_the_first_of_two_names_counts(conversation):
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
        ("[1 - 2]\tSes02F_impro01_F009\tzzz\t[1, 1, 1]", "label = 'zzz': expected one of ang, dis"),
        ("[1 - 2]\tSes02F_impro01_F009", "F009': expected.*name, label and"),
        (
            "[1 - two]\tSes02F_impro01_F009\tsad\t[1, 1, 1]",
            r"\[1 - two.*: expected \[start - end\]",
        ),
        (
            "[1 - 2]\tSes02M_impro01_F009\tsad\t[1, 1, 1]",
            "name = 'Ses02M_impro01_F009': expected an utter",
        ),
        (
            "[1 - 2]\tSes02F_impro01_X009\tsad\t[1, 1, 1]",
            "expected an utterance of this conversation, such as Ses02F_impro01_F",
        ),
        (
            "[1 - 2]\tSes02F_impro01_F000\tsad\t[1, 1, 1]",
            "name = 'Ses02F_impro01_F000': expected a name that no other",
        ),
    ],
)
def test_a_bad_line_is_named(conversation, line, message):
    number = append(conversation.evaluation, line)
    with pytest.raises(ValueError, match=rf"Ses02F_impro01\.txt, line {number}.*{message}"):
        read_evaluation(conversation)


def test_a_file_without_utterances_is_named(conversation):
    conversation.evaluation.write_text("% [START_TIME - END_TIME]\n")
    with pytest.raises(ValueError, match=r"Ses02F_impro01\.txt has no utterance: expected lines"):
        read_evaluation(conversation)


def test_a_conversation_in_another_session_is_named(root, conversation):
    conversation.evaluation.rename(conversation.evaluation.with_name("Ses03F_impro09.txt"))
    with pytest.raises(ValueError, match=r"Ses03F_impro09\.txt is in Session2: expected .*Ses02"):
        find_conversations(root)


def test_a_missing_folder_of_the_release_is_named(root, tmp_path):
    (root / "Session4" / "dialog" / "transcriptions").rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError, match=r"Session4.*transcriptions is missing"):
        find_conversations(root)
    (root / "Session3").rename(tmp_path / "Session3")
    with pytest.raises(FileNotFoundError, match=r"Session3.*EmoEvaluation has no Ses\*\.txt"):
        find_conversations(root)
