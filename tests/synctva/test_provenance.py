"""How a result was produced."""

from synctva.provenance import provenance, shown_command


def test_provenance_has_versions_and_the_commit():
    answer = provenance()
    assert answer["versions"].keys() == {"synctva", "torch", "transformers"}
    assert answer["commit"] == "unknown" or len(answer["commit"]) == 40


def test_a_shown_command_contains_no_path_of_the_machine():
    options = ["--data_dir", "/home/ann/meld", "--output_dir=../runs/meld 0", "--seed", "0"]
    options += ["--config_overrides=hidden_size=8", "--runs", "results/a.json"]
    assert shown_command("synctva train", options) == (
        "synctva train --data_dir meld '--output_dir=meld 0' --seed 0 "
        "--config_overrides=hidden_size=8 --runs results/a.json"
    )
