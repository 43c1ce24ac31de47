"""Trainings that push to the Hub, and resume from it."""

import json

import pytest
from huggingface_hub import ModelCard

from .conftest import ROOT

CODE = {path.name for path in (ROOT / "modeling_synctva").glob("[!_]*.py")}
PICKLES = (".bin", ".pt", ".pth", ".pkl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="module")
def report(hub, client, folder):
    """The report of `trainer_program` on what it has trained and pushed."""
    client.run("-m", "tests.hub.trainer_program", folder, folder / "report.json")
    return json.loads((folder / "report.json").read_text())


def test_a_trained_folder_is_on_the_hub(hub, report, folder):
    files = hub.model("user/simulated").files()
    expected = {path.name: path.read_bytes() for path in (folder / "simulated").glob("*.*")}
    assert {"model.safetensors", "processor_config.json", "results.json"} <= expected.keys()
    assert expected.keys() >= CODE
    for name, content in expected.items():
        assert files[name].content == content, name
    assert not hub.model("user/simulated").private


def test_the_card_is_valid_and_has_the_results(hub, report):
    assert ("POST", "/api/validate-yaml") in hub.requests  # and the card is valid
    files = hub.model("user/simulated").files()
    results = json.loads(files["results.json"].content)
    card = ModelCard(files["README.md"].content.decode(), ignore_metadata_errors=False)
    reported = {(r.dataset_split, r.metric_name): r.metric_value for r in card.data.eval_results}
    for split in ("dev", "test"):
        assert reported[split, "Weighted F1"] == round(results[split]["weighted_f1"], 4)
    assert f"{results['test']['accuracy']:.4f}" in card.text
    assert "synctva train --max_train_conversations 40" in card.text


def test_the_card_names_the_model_as_users_load_it(hub, report):
    card = ModelCard(hub.model("user/simulated").files()["README.md"].content.decode())
    assert card.data.model_name == "user/simulated"
    assert 'from_pretrained("user/simulated")' in card.text


def test_no_commit_has_a_token_or_a_pickle(hub, report):
    for name in ("user/simulated", "user/stopped"):
        repository = hub.model(name)
        for title, tree in zip(repository.titles, repository.commits.values(), strict=True):
            for path, file in tree.items():
                assert b"hf_of_user" not in file.content, (title, path)
                # A checkpoint to resume from has torch's own files, which are read as tensors.
                if not path.startswith("last-checkpoint/"):
                    assert not path.endswith(PICKLES), (title, path)
            assert "last-checkpoint/training_args.bin" not in tree


def test_a_model_pushed_during_training_is_complete(hub, report):
    repository = hub.model("user/simulated")
    assert repository.titles[1].startswith("Training in progress")
    files = repository.commits[list(repository.commits)[1]]
    assert files.keys() >= CODE | {"config.json", "model.safetensors", "processor_config.json"}
    assert "optimizer.pt" not in files


def test_a_run_resumes_from_the_hub_on_another_machine(hub, report):
    assert report["resumed"] == report["whole"]
    assert report["steps"] == 24


def test_the_last_checkpoint_on_the_hub_is_the_newest(hub, report):
    state = hub.model("user/stopped").files()["last-checkpoint/trainer_state.json"].content
    assert json.loads(state)["global_step"] == 10


def test_a_model_is_private_if_requested(hub, report):
    assert hub.model("user/whole").private  # pushed after training
    assert hub.model("user/stopped").private  # pushed during training
    assert hub.model("user/whole").files().keys() >= CODE | {"model.safetensors"}


def test_training_continues_without_the_hub(hub, report):
    assert ("models", "user/gone") not in hub.repositories
    assert report["steps without the Hub"] == 24
    assert "user/gone" in report["push, repository gone"]
    assert "404" in report["push, repository gone"]


def test_a_wrong_token_is_refused_before_training(report):
    assert "401" in report["wrong token"]
    assert "Invalid credentials in Authorization header" in report["wrong token"]
