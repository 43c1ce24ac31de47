"""IEMOCAP-6 from a CSV in its format, and from the real one if it is available."""

import pytest

from synctva.datasets_scripts import IEMOCAP6_LABELS, PROSODY_MEASURES, load_iemocap
from synctva.datasets_scripts.corpora.iemocap_release import load_iemocap_release
from synctva.datasets_scripts.labels import IEMOCAP6_SIZES
from tests.support.corpora import IEMOCAP_HEADER, iemocap_row, write_csv
from tests.support.release_trees import write_iemocap_release

ROWS = [
    iemocap_row("train", "Ses01", 1, "ang"),
    iemocap_row("train", "Ses01", 0, "hap"),
    iemocap_row("dev", "Ses02", 0),
    iemocap_row("test", "Ses05", 0, "fru"),
]


@pytest.fixture
def load(tmp_path):
    """Write rows to iemocap6.csv and load them."""

    def loader(rows, header=IEMOCAP_HEADER, **options):
        write_csv(tmp_path / "iemocap6.csv", header, rows)
        options = {"check_counts": False, "cache_dir": tmp_path / "cache", **options}
        return load_iemocap(tmp_path, **options)

    return loader


def test_splits_order_and_measures(load):
    splits = load(ROWS)
    assert list(splits) == ["train", "dev", "test"]
    row = splits["train"][0]
    assert row["utterance_ids"] == ["Ses01_F000", "Ses01_F001"]
    assert row["labels"] == [IEMOCAP6_LABELS.index("hap"), IEMOCAP6_LABELS.index("ang")]
    assert row["audio_features"] == [list(range(8))] * 2
    assert row["modality_mask"] == [[True, False, True]] * 2


def test_an_empty_cell_takes_the_training_mean_and_an_empty_row_is_masked(load):
    one = [2.0, *[""] * 7]
    row = load([*ROWS, iemocap_row("test", "Ses05", 1, measures=one)])["test"][0]
    assert row["audio_features"][1] == [2.0, *range(1, 8)]
    row = load([*ROWS, iemocap_row("test", "Ses05", 1, measures=[""] * 8)])["test"][0]
    assert row["modality_mask"][1] == [True, False, False]
    assert row["audio_features"][1] == [0.0] * 8


def test_without_prosody_the_measures_may_be_absent(load):
    width = len(IEMOCAP_HEADER) - len(PROSODY_MEASURES)
    rows = [row[:width] for row in ROWS]
    splits = load(rows, IEMOCAP_HEADER[:width], prosody=False)
    assert "audio_features" not in splits["train"].column_names
    with pytest.raises(ValueError, match="lacks the column 'duration'"):
        load(rows, IEMOCAP_HEADER[:width])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            iemocap_row("train", "Ses01", 2, "bored"),
            "line 6, column 'emotion' = 'bored': expected one of hap",
        ),
        (iemocap_row("valid", "Ses03", 0), "line 6, column 'split' = 'valid': expected one of"),
        (
            iemocap_row("dev", "Ses01", 2),
            "= 'dev': expected 'train', as in .* conversation 'Ses01'",
        ),
        (iemocap_row("train", "Ses01", 1), "has two utterances 'Ses01_F001'"),
        (
            iemocap_row("train", "Ses01", 2, measures=["loud", *range(7)]),
            "line 6, column 'duration' = 'loud': expected a finite number",
        ),
    ],
)
def test_a_bad_row_is_named(load, row, message):
    with pytest.raises(ValueError, match=message):
        load([*ROWS, row])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no iemocap6\.csv: expected a CSV with"):
        load_iemocap(tmp_path)


def test_the_folder_of_the_release_is_read_as_the_release(tmp_path, load):
    options = {"check_counts": False, "cache_dir": tmp_path / "cache"}
    write_iemocap_release(tmp_path)
    assert (
        load_iemocap(tmp_path, **options)["test"][:]
        == (load_iemocap_release(tmp_path, **options)["test"][:])
    )
    # If the CSV is there, it is read instead, because it has the acoustic measures.
    assert load(ROWS)["test"][0]["dialogue_id"] == "Ses05"


def test_the_real_table(data_dir, tmp_path, caplog):
    splits = load_iemocap(data_dir / "iemocap", cache_dir=tmp_path)
    assert "official" not in caplog.text
    for split, size in IEMOCAP6_SIZES.items():
        assert splits[split].num_rows == size.conversations
    by_file = load_iemocap(data_dir / "iemocap" / "iemocap6.csv", cache_dir=tmp_path)
    assert by_file["dev"][0] == splits["dev"][0]
