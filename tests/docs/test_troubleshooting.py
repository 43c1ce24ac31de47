"""Each message in the page on troubleshooting is provoked here."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from datasets import DatasetDict
from transformers import pipeline

from synctva import (
    SyncTVAConfig,
    SyncTVAProcessor,
    build_criterion,
    load_feature_set,
    load_table,
    read_feature_pickle,
    write_feature_set,
)
from synctva.commands import card, evaluate, train
from synctva.files import only_run, written_whole
from synctva.modeling_synctva import graph_attention
from synctva.modeling_synctva.text_encoder import TextEncoder
from tests.support.toy import toy_dataset

from .pages import ROOT, text_of

PAGE = "docs/troubleshooting.md"
TITLES = re.findall(r"^### `(.+)`$", text_of(PAGE), re.M)

# The prompt for trust reads stdin, which is empty.
UNINSTALLED = """
from transformers import AutoModel, pipeline
for call in (
    lambda: pipeline("emotion-recognition"),
    lambda: AutoModel.from_pretrained("synctva-meld"),
):
    try:
        call()
    except (KeyError, ValueError) as error:
        print(error.args[0].splitlines()[0])
"""


@pytest.fixture(scope="module")
def uninstalled():
    """Messages of transformers where `synctva` was not imported."""
    run = subprocess.run(
        [sys.executable, "-c", UNINSTALLED],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return run.stdout


@pytest.fixture(scope="module")
def recognise():
    return pipeline("emotion-recognition", model=str(ROOT / "synctva-meld"))


def without_thresholds(recognise):
    thresholds, recognise.model.config.conformal_thresholds = (
        recognise.model.config.conformal_thresholds, None,
    )  # fmt: skip
    try:
        recognise(["Hi!"], prediction_set=0.9)
    finally:
        recognise.model.config.conformal_thresholds = thresholds


def unreadable(recognise):
    Path("notes.wav").write_text("no sound")
    recognise([{"audio": "notes.wav"}])


def odd_table(_):
    header = "dialogue_id,utterance_id,speaker,text,emotion,split\n"
    Path("own.csv").write_text(
        f"{header}1,1,Ann,Hi!,joy,train\n1,1,Ann,Hi!,,train\n2,,Bo,Hi!,,dev\n"
    )
    load_table("own.csv")


def unfinished_run(_):
    checkpoint = Path("run/checkpoint-3")
    checkpoint.mkdir(parents=True)
    (checkpoint / "trainer_state.json").write_text('{"global_step": 3}')
    train.main(["--output_dir", "run", "--use_cpu"])


def second_run(_):
    with only_run("run"), only_run("run"):
        pass


def full_disk(_):
    with written_whole("run"):
        raise OSError(28, "No space left on device")


def launched_alone(_):
    arguments = train.parse_arguments(["--output_dir", "run", "--use_cpu"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORLD_SIZE", "2")
        train.train(*arguments, [])


def without_torch_scatter(_):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph_attention, "torch_scatter_available", lambda: False)
        graph_attention.select_backend("torch_scatter", torch.device("cpu"))


def without_pyav(recognise):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "av", None)
        unreadable(recognise)


def without_results(_):
    Path("run").mkdir()
    Path("run/config.json").write_text("{}")
    evaluate.main(["--model", "run"])


def table_over_seeds(_):
    Path("run").mkdir()
    Path("run/results.json").write_text("{}")
    Path("run/README.md").write_text("---\nlicense: apache-2.0\n---\n### Over seeds\n")
    card.write_card(Path("run"))


def changed_file(_):
    data = DatasetDict(train=toy_dataset(2), dev=toy_dataset(2))
    encoders = dict.fromkeys(("text", "visual", "audio"), "toy")
    write_feature_set(data, "features", encoders=encoders, source="Toy")
    file = next(Path("features/data").glob("dev-*"))
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    load_feature_set("features")


def hostile_pickle(_):
    Path("features.pkl").write_bytes(pickle.dumps(Path))
    read_feature_pickle("features.pkl")


PROVOKED = {
    "text encoder ...": lambda _: TextEncoder.from_spec(
        {"name": "user/nowhere", "pooling": "mean", "width": 16}
    ),
    "reading audio ...": without_pyav,
    "SyncTVAConfig.graph_attention ...": without_torch_scatter,
    "SyncTVAConfig.hidden_size ...": lambda _: SyncTVAConfig(hidden_size=30),
    "the input is ...": lambda recognise: recognise("I got the job!"),
    "conversation 0, utterance 0 = ...": lambda recognise: recognise([{"txt": "Hi!"}]),
    "conversation 0 has no ...": lambda recognise: recognise([{"speaker": "Ann", "text": " "}]),
    "conversation 0, audio_features ...": lambda recognise: recognise(
        [{"text": "Hi!", "audio_features": [1.0, 2.0]}]
    ),
    "conversation 0, utterance 0, audio: ...": lambda _: SyncTVAProcessor()([[{"audio": "a.wav"}]]),
    "conversation 0, utterance 0: ...: there ...": lambda recognise: recognise(
        [{"audio": "nowhere.wav"}]
    ),
    "conversation 0, utterance 0: ...: cannot ...": unreadable,
    "prediction_set ...": without_thresholds,
    "SyncTVAConfig.causal ...": lambda recognise: recognise.model.stream(),
    "return_tensors ...": lambda recognise: recognise.processor([["Hi!"]], return_tensors="np"),
    "2 mistakes:...": odd_table,
    "data_dir is ...": lambda _: train.main(["--dataset", "meld", "--use_cpu"]),
    "data_dir = ... has ...": lambda _: train.main(
        ["--dataset", "meld", "--data_dir", ".", "--use_cpu"]
    ),
    "... has checkpoints ...": unfinished_run,
    "... is being ...": second_run,
    "... could not be written...": full_disk,
    "2 processes ...": launched_alone,
    "fp16 ...": lambda _: train.main(["--fp16", "--use_cpu"]),
    "class_counts ...": lambda _: build_criterion("class_weighted", [4, 0, 2]),
    "--streaming...": lambda _: train.main(["--streaming", "--use_cpu"]),
    "... has no results.json: expected ...": without_results,
    "... has a table ...": table_over_seeds,
    "... has no feature_set.json...": lambda _: load_feature_set("."),
    "...: SHA-256 ...": changed_file,
    "...: refused, ...": hostile_pickle,
}
"""Beginning of a title -> what provokes the message."""


def pattern(title):
    return re.escape(title).replace(re.escape("..."), ".*")


def test_every_title_is_provoked_once():
    for title in TITLES[2:]:
        assert sum(bool(re.match(pattern(start), title)) for start in PROVOKED) == 1, title
    assert len(TITLES) == 2 + len(PROVOKED)


@pytest.mark.parametrize("start", PROVOKED)
def test_message_is_what_the_page_says(start, recognise, tmp_path, monkeypatch):
    (title,) = (title for title in TITLES if re.match(pattern(start), title))
    monkeypatch.chdir(tmp_path)
    with pytest.raises((Exception, SystemExit)) as error:
        PROVOKED[start](recognise)
    assert re.search(rf"^\s*(ValueError: )?{pattern(title)}", str(error.value), re.M), error.value


@pytest.mark.parametrize("title", TITLES[:2])
def test_transformers_says_so_where_the_package_was_not_imported(title, uninstalled):
    assert re.search(f"^{pattern(title)}", uninstalled, re.M), uninstalled


def test_set_up_says_so_where_torch_scatter_cannot_be_built():
    assert "torch-scatter could not be built" in text_of("Makefile")
    assert "torch-scatter could not be built" in text_of(PAGE)
