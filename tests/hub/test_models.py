"""Pushing models, processors and pipelines to the Hub and loading them."""

import json

import pytest
from huggingface_hub import ModelCard

from synctva.modeling_synctva.configuration_synctva import AUTO_MAP

from .conftest import ROOT, Client
from .models_program import CONVERSATIONS

CODE = ROOT / "modeling_synctva"

PUSH_CARD = """
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("user/card")
card = "synctva-meld/README.md"
api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id="user/card")
"""


def test_the_client_library_validates_the_shipped_card(hub, client):
    client.run("-c", PUSH_CARD)
    assert ("POST", "/api/validate-yaml") in hub.requests


@pytest.fixture(scope="module")
def pushed(client, toy_encoder_folder, tmp_path_factory):
    """The report of `models_program` on the models that it has pushed."""
    report = tmp_path_factory.mktemp("pushed") / "report.json"
    client.run("-m", "tests.hub.models_program", toy_encoder_folder, report)
    return json.loads(report.read_text())


@pytest.fixture(scope="module")
def loaded(hub, pushed, tmp_path_factory):
    """What a client without the package, a token or a cache has loaded."""
    folder = tmp_path_factory.mktemp("loaded")
    models = {
        "v1": {"model": "user/toy", "revision": "v1"},
        "main": {"model": "user/toy", "revision": "main"},
        "end-to-end": {"model": "user/end-to-end", "revision": "main"},
    }
    jobs = {"conversations": CONVERSATIONS, "models": models}
    (folder / "jobs.json").write_text(json.dumps(jobs))
    stranger = Client(hub, folder / "home")
    program = ROOT / "tests/hub/remote_program.py"
    stranger.run("-I", program, folder / "jobs.json", folder / "report.json", token="")
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize("name", ["v1", "main", "end-to-end"])
def test_a_stranger_gets_the_same_model(pushed, loaded, name):
    assert loaded[name]["weights"] == pushed[name]["weights"]
    assert loaded[name]["from"].startswith("transformers_modules.user.")
    for answers, expected in zip(loaded[name]["answers"], pushed[name]["answers"], strict=True):
        for one, other in zip(answers, expected, strict=True):
            assert one["label"] == other["label"]
            assert one["modalities"] == other["modalities"]
            # The same computation, but the alignment of arrays may change the last bit.
            assert one["scores"] == pytest.approx(other["scores"], abs=1e-6)
            assert one["strengths"] == pytest.approx(other["strengths"], abs=1e-6)


def test_each_revision_has_its_own_weights_and_code(hub, pushed, loaded):
    assert loaded["v1"]["weights"] != loaded["main"]["weights"]
    # The code also comes from the tag's commit.
    repository = hub.model("user/toy")
    for name in ("v1", "main"):
        assert repository.resolve(name) in loaded[name]["from"]


def test_the_repository_carries_code_processor_and_weights(hub, pushed):
    for name in ("user/toy", "user/end-to-end"):
        files = hub.model(name).files()
        assert {"config.json", "processor_config.json", "model.safetensors"} <= files.keys()
        code = {path for path in files if path.endswith(".py")}
        assert code == {path.name for path in CODE.glob("[!_]*.py")}
        for file in code:
            assert files[file].content == (CODE / file).read_bytes()
        assert not [path for path in files if path.endswith((".bin", ".pt", ".pth", ".pkl"))]
        assert json.loads(files["config.json"].content)["auto_map"] == AUTO_MAP
    assert "text_tokenizer/tokenizer.json" in hub.model("user/end-to-end").files()


def test_pushing_again_keeps_the_card(hub, pushed):
    repository = hub.model("user/toy")
    assert "model-index" not in repository.files("v1")["README.md"].content.decode()
    card = ModelCard(repository.files()["README.md"].content.decode())
    assert card.data.model_name == "user/toy"
    assert {result.dataset_split for result in card.data.eval_results} == {"dev", "test"}
    assert "Out of scope" in card.text


def test_a_missing_revision_is_named(pushed):
    for what in ("", "processor, ", "pipeline, "):
        assert "v9" in pushed["messages"][f"{what}no such revision"]


def test_a_wrong_token_is_named(pushed):
    messages = pushed["messages"]
    for what in ("load", "push"):
        assert "401" in messages[f"{what}, wrong token"]
        assert "Invalid credentials in Authorization header" in messages[f"{what}, wrong token"]
    assert "401" in messages["push, no token"]
    assert "Make sure your token has the correct permissions" in messages["push, another's"]


def test_only_its_owner_can_load_a_private_model(hub, pushed):
    assert hub.model("user/secret").private
    for whose in ("no token", "another's token"):
        message = pushed["messages"][f"private, {whose}"]
        assert "user/secret is not a local folder and is not a valid model identifier" in message
        assert "pass a token" in message
    assert pushed["reloaded"] == pushed["main"]["weights"]
