"""Feature pickles of the published forms become conversations, and mistakes are named."""

import logging
import os

import numpy as np
import pytest

from synctva.datasets_scripts.labels import IEMOCAP6_LABELS, MELD_LABELS, SPLITS
from synctva.datasets_scripts.legacy_pickles.forms import FORMS, TEXT_LAYERS
from synctva.datasets_scripts.legacy_pickles.loading import (
    import_feature_pickle,
    read_feature_pickle,
)
from synctva.datasets_scripts.legacy_pickles.safe_globals import PickleRefused
from tests.support.pickle_forms import CONVERSATIONS, WIDTHS, in_order, toy_members, write_pickle

MODALITIES = ("text", "visual", "audio")


@pytest.fixture
def write(tmp_path):
    """Write a toy file of a form after a function has changed its members."""

    def writer(form, change=None, style="python 3", widths=WIDTHS, name="features.pkl"):
        members = toy_members(form, widths)
        if change is not None:
            change(members)
        return write_pickle(tmp_path / name, in_order(form, members), style)

    return writer


@pytest.mark.parametrize("style", ["python 3", "python 2"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_recognised_by_its_content(write, form, style):
    members = toy_members(form)
    found = read_feature_pickle(write(form, style=style))
    assert found.form is FORMS[form]
    assert list(found.conversations) == list(SPLITS)
    assert set(found.widths) == set(found.form.encoders)
    labels = []
    for split, rows in found.to_datasets().items():
        names = IEMOCAP6_LABELS if found.form.corpus == "iemocap" else MELD_LABELS
        assert rows.features["labels"].feature.names == list(names)
        for row in rows:
            id_ = row["dialogue_id"]
            id_ = id_ if found.form.corpus == "iemocap" else int(id_)
            assert row["labels"] == members["labels"][id_]
            labels += row["labels"]
            assert row["texts"][0] == "Sentence 0 isn\u2019t long."
            assert all(name.startswith(f"{id_}_") for name in row["utterance_ids"])
            wanted = ["F", "M", "F"] if found.form.corpus == "iemocap" else ["0", "1", "0"]
            assert row["speakers"] == wanted[: len(row["labels"])]
            assert row["modality_mask"] == [[m in found.widths for m in MODALITIES]] * len(
                row["labels"]
            )
            for modality, width in found.widths.items():
                features = np.array(row[f"{modality}_features"])
                layers = [modality] if modality in members else TEXT_LAYERS
                expected = np.mean([members[layer][id_] for layer in layers], axis=0)
                assert features.shape == (len(row["labels"]), width)
                np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)
        if split == "test" or "dev" in members or found.form.corpus == "meld":
            expected_ids = [str(d) for d in CONVERSATIONS[found.form.corpus][split]]
            assert rows["dialogue_id"] == expected_ids
    assert sorted(labels) == sorted(
        label for entry in members["labels"].values() for label in entry
    )


def test_the_form_may_be_given(write):
    path = write("sdt-iemocap")
    assert read_feature_pickle(path, form="sdt-iemocap").form.name == "sdt-iemocap"
    with pytest.raises(
        ValueError, match=r"features\.pkl: content has 12 members: expected .*\(9\)"
    ):
        read_feature_pickle(path, form="dialoguernn-iemocap")
    with pytest.raises(ValueError, match="form = 'm3net': expected one of dialoguernn-iemocap"):
        read_feature_pickle(path, form="m3net")


def test_utterances_keep_their_names(write):
    def names(form):
        row = read_feature_pickle(write(form)).conversations["test"][0]
        return row["utterance_ids"]

    assert names("dialoguernn-iemocap")[0] == "Ses05F_impro01_F000"
    assert names("mmgcn-meld")[0] == "1153_0"
    assert names("cosmic-iemocap")[0] == "Ses05F_impro01_0"


@pytest.mark.parametrize(
    ("form", "widths", "encoders"),
    [
        ("dialoguernn-iemocap", (100, 512, 100), ("TextCNN", "3D-CNN", "IS13 ComParE")),
        ("dialoguernn-iemocap", (100, 342, 1582), ("TextCNN", "DenseNet", "IS10")),
        ("mmgcn-meld", (600, 342, 300), ("TextCNN", "DenseNet", "openSMILE")),
        ("sdt-meld", (1024, 342, 300), ("RoBERTa-large", "DenseNet", "openSMILE")),
        ("cosmic-meld", (1024,), ("mean of the last four layers",)),
        ("mmgcn-meld", (7, 342, 300), ("undocumented", "DenseNet", "openSMILE")),
    ],
)
def test_encoders_are_named_by_width(write, form, widths, encoders):
    widths = dict(zip(MODALITIES, widths, strict=False))
    found = read_feature_pickle(write(form, widths=widths))
    assert found.widths == widths
    assert list(found.encoders) == list(widths)
    for name, expected in zip(found.encoders.values(), encoders, strict=True):
        assert expected in name


def test_text_features_of_a_second_file(write):
    """M3Net's pair of files: RoBERTa from COSMIC's, the rest from MMGCN's."""
    base = write("mmgcn-meld")
    roberta = write("cosmic-meld", widths={"text": 1024}, name="roberta.pkl")
    pair = read_feature_pickle(base, text_path=roberta)
    alone, text = read_feature_pickle(base), read_feature_pickle(roberta)
    assert pair.widths == {"text": 1024, "visual": 2, "audio": 3}
    assert "RoBERTa" in pair.encoders["text"]
    assert "MMGCN" in pair.source and "COSMIC" in pair.source
    for split in SPLITS:
        rows = zip(*(f.conversations[split] for f in (pair, alone, text)), strict=True)
        for row, of_base, of_text in rows:
            assert row["dialogue_id"] == of_base["dialogue_id"] == of_text["dialogue_id"]
            assert (row["audio_features"] == of_base["audio_features"]).all()
            assert (row["text_features"] == of_text["text_features"]).all()


def test_the_second_file_decides_the_dev_split(write):
    base = write("dialoguernn-iemocap")
    pair = read_feature_pickle(base, text_path=write("cosmic-iemocap", name="roberta.pkl"))
    assert [row["dialogue_id"] for row in pair.conversations["dev"]] == CONVERSATIONS["iemocap"][
        "dev"
    ]

    def strange(members):
        members["dev"].append("Ses04F_impro01")

    with pytest.raises(
        ValueError, match=r"roberta\.pkl, dev has the conversation 'Ses04F_impro01'"
    ):
        read_feature_pickle(base, text_path=write("cosmic-iemocap", strange, name="roberta.pkl"))
    with pytest.raises(ValueError, match=r"meld\.pkl: .*expected .*cosmic-iemocap|no known form"):
        read_feature_pickle(base, text_path=write("cosmic-meld", name="meld.pkl"))

    def shorter(members):
        members["text3"]["Ses05F_impro01"].pop()

    with pytest.raises(ValueError, match=r"roberta\.pkl, conversation 'Ses05F_impro01', text3 has"):
        read_feature_pickle(base, text_path=write("cosmic-iemocap", shorter, name="roberta.pkl"))


def dev_of(path):
    return [row["dialogue_id"] for row in read_feature_pickle(path).conversations["dev"]]


def test_dev_does_not_depend_on_the_order_of_the_file(write):
    def reverse(members):
        members["train"].reverse()

    def unordered(members):
        members["train"], members["test"] = set(members["train"]), frozenset(members["test"])

    def array(members):
        members["train"] = np.array(members["train"])

    first = dev_of(write("dialoguernn-iemocap"))
    assert len(first) == 2  # of 22
    for change in (reverse, unordered, array):
        assert dev_of(write("dialoguernn-iemocap", change)) == first


def test_dev_is_a_tenth_if_the_numbers_are_not_those_of_meld(write):
    def renumber(members):
        for name, member in members.items():
            if name in SPLITS:
                members[name] = [number + 5000 for number in member]
            else:
                members[name] = {number + 5000: entry for number, entry in member.items()}

    assert dev_of(write("mmgcn-meld")) == ["1039", "1152"]
    assert len(dev_of(write("mmgcn-meld", renumber))) == 1


def test_zeros_are_masked_and_unused_conversations_noted(write, caplog):
    def change(members):
        members["visual"][1153][0] = np.zeros(2)
        members["train"].remove(0)

    with caplog.at_level(logging.INFO):
        found = read_feature_pickle(write("mmgcn-meld", change))
    assert found.notes == [
        "test: 1 utterance with visual features that are all zero, masked",
        "1 conversation in no split",
    ]
    assert found.conversations["test"][0]["modality_mask"][0].tolist() == [True, False, True]
    assert all(note in caplog.text for note in found.notes)


def test_a_file_with_fewer_classes_is_warned_of(write, caplog):
    def four(members):
        members["labels"] = {d: [0] * len(entry) for d, entry in members["labels"].items()}

    read_feature_pickle(write("dialoguernn-iemocap", four))
    assert "no training utterance is labelled sad, neu, ang, exc, fru" in caplog.text


def entry(member, conversation, value, row=None):
    """Return a change that sets a conversation's entry in a member, or that of one utterance."""

    def change(members):
        if row is None:
            members[member][conversation] = value
        else:
            members[member][conversation][row] = value

    return change


def empty_talk(members):
    for name, member in members.items():
        if name not in SPLITS:
            member[TALK] = []


def drop(member, conversation):
    return lambda members: members[member].pop(conversation)


TALK, TURN = "Ses05F_impro01", "Ses05F_impro01_F000"  # it has three utterances


@pytest.mark.parametrize(
    ("form", "change", "message"),
    [
        (
            "dialoguernn-iemocap",
            entry("labels", TALK, 6, 0),
            f"'{TALK}', utterance '{TURN}', label = 6: expected one of 0 hap, .*, 5 fru",
        ),
        ("dialoguernn-iemocap", entry("labels", TALK, -1, 0), "label = -1: expected"),
        ("dialoguernn-iemocap", entry("labels", TALK, 1.5, 0), r"label = 1\.5: expected"),
        ("mmgcn-meld", entry("labels", 1153, 7, 0), "1153, utterance '1153_0', label = 7"),
        (
            "dialoguernn-iemocap",
            entry("speakers", TALK, "X", 0),
            f"'{TURN}', speaker = 'X': expected 'M'",
        ),
        (
            "mmgcn-meld",
            entry("speakers", 1153, np.ones(3), 0),
            r"'1153_0', speaker = \[1\. 1\. 1\.\]: expected a one-hot vector",
        ),
        (
            "dialoguernn-iemocap",
            entry("audio", TALK, np.array([0, np.nan, 1]), 0),
            rf"'{TURN}', audio\[1\] = nan: expected a finite number",
        ),
        ("dialoguernn-iemocap", entry("audio", TALK, [0, 1e300, 1], 0), r"audio\[1\] = 1e\+300"),
        (
            "dialoguernn-iemocap",
            entry("audio", TALK, np.ones(4), 0),
            "audio has 4 numbers: expected 3",
        ),
        (
            "dialoguernn-iemocap",
            entry("audio", TALK, "loud", 0),
            "audio = 'loud': expected a list of",
        ),
        (
            "dialoguernn-iemocap",
            entry("audio", TALK, np.ones((1, 3)), 0),
            r"audio = an array of shape \(1, 3\): expected",
        ),
        ("dialoguernn-iemocap", entry("audio", TALK, [1, [2], 3], 0), "audio = a list: expected"),
        (
            "dialoguernn-iemocap",
            entry("audio", TALK, None),
            f"'{TALK}', audio = None: expected a list",
        ),
        (
            "dialoguernn-iemocap",
            entry("sentences", TALK, 5, 0),
            f"'{TURN}', sentence = 5: expected text",
        ),
        (
            "dialoguernn-iemocap",
            entry("text", TALK, [np.ones(4)] * 7),
            f"conversation '{TALK}', text has 7 entries: expected 3, one per label",
        ),
        (
            "dialoguernn-iemocap",
            entry("speakers", TALK, ["F"]),
            "speakers has 1 entries: expected 3",
        ),
        ("dialoguernn-iemocap", entry("utterance_ids", TALK, ["a"]), "utterance_ids has 1 entries"),
        (
            "dialoguernn-iemocap",
            entry("utterance_ids", TALK, ["a", "b", "a"]),
            "has two utterances 'a'",
        ),
        (
            "dialoguernn-iemocap",
            entry("utterance_ids", TALK, None, 1),
            r"utterance_ids\[1\] = None",
        ),
        (
            "dialoguernn-iemocap",
            drop("visual", TALK),
            f"conversation '{TALK}' is missing from visual",
        ),
        ("cosmic-iemocap", drop("text2", TALK), f"conversation '{TALK}' is missing from text2"),
        ("dialoguernn-iemocap", empty_talk, f"conversation '{TALK}' is empty"),
        (
            "dialoguernn-iemocap",
            lambda m: m["test"].append("Ses01F_impro07"),
            "conversation 'Ses01F_impro07' is in (train|dev) and in test",
        ),
        ("cosmic-iemocap", lambda m: m["dev"].append(TALK), f"'{TALK}' is in dev and in test"),
        ("dialoguernn-iemocap", lambda m: m.update(test=[]), "test has no conversation"),
        ("dialoguernn-iemocap", lambda m: m.update(train=[]), "train has no conversation"),
        (
            "dialoguernn-iemocap",
            lambda m: m["test"].append("Ses05M_x"),
            "'Ses05M_x' is missing from",
        ),
    ],
)
def test_a_mistake_is_named(write, form, change, message):
    with pytest.raises(ValueError, match=rf"features\.pkl.*({message})"):
        import_feature_pickle(write(form, change))


def rename(members):
    """Another corpus in IEMOCAP's form, such as CMU-MOSEI's."""
    for name, member in members.items():
        if name in SPLITS:
            members[name] = [f"video{id_}" for id_ in member]
        else:
            members[name] = {f"video{id_}": entry for id_, entry in member.items()}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"train": [], "dev": [], "test": []}, "content = a dict: expected the tuple of one of"),
        (5, "content = an integer"),
        ((1, 2, 3), r"content has 3 members: expected .*mmgcn-meld \(10\)"),
        (
            tuple(range(9)),
            "dialoguernn-iemocap: utterance_ids = an integer, .*; dialoguernn-meld: ",
        ),
        (({},) * 9, "utterance_ids = an empty dict"),
    ],
)
def test_other_data_are_refused(tmp_path, data, message):
    with pytest.raises(ValueError, match=rf"other\.pkl: .*{message}"):
        read_feature_pickle(write_pickle(tmp_path / "other.pkl", data))


def test_other_corpora_in_the_same_forms_are_refused(write):
    with pytest.raises(
        ValueError, match="conversation in utterance_ids = 'videoSes01F_impro00', expected a na"
    ):
        read_feature_pickle(write("dialoguernn-iemocap", rename))
    vectors = {d: [np.eye(2)[0]] * 3 for split in CONVERSATIONS["iemocap"].values() for d in split}
    with pytest.raises(ValueError, match="speaker = an array, expected 'M' or 'F'"):
        read_feature_pickle(write("cosmic-iemocap", lambda m: m.update(speakers=vectors)))
    words = {d: ["0"] * 3 for split in CONVERSATIONS["meld"].values() for d in split}
    with pytest.raises(ValueError, match="speaker = '0', expected a one-hot vector"):
        read_feature_pickle(write("cosmic-meld", lambda m: m.update(speakers=words)))


class Sample:
    """As COGMEN's, when its module is renamed below."""


def test_objects_of_the_authors_classes_are_refused_with_advice(tmp_path):
    path = write_pickle(tmp_path / "data_iemocap.pkl", {"train": [Sample()]}, "python 2")
    module = Sample.__module__.encode()
    path.write_bytes(path.read_bytes().replace(b"c" + module + b"\n", b"ccogmen.Sample\n"))
    with pytest.raises(PickleRefused, match=r"cogmen\.Sample\.Sample.*IEMOCAP_features\.pkl"):
        read_feature_pickle(path)


class Hostile:
    def __reduce__(self):
        return os.system, ("touch canary",)


@pytest.mark.parametrize("style", ["python 3", "python 2"])
def test_nothing_is_executed(write, tmp_path, monkeypatch, style):
    monkeypatch.chdir(tmp_path)
    path = write("mmgcn-meld", entry("unused", 0, Hostile()), style)
    with pytest.raises(PickleRefused, match=r"features\.pkl: .*asks for (posix|nt)\.system"):
        read_feature_pickle(path)
    assert not (tmp_path / "canary").exists()
