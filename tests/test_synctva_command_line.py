"""The command `synctva`: what it runs, where it prints, and its exit status."""

import ast
import csv
import importlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub.errors import HTTPError

import synctva_command_line
from synctva import MODALITIES
from synctva.commands import predict, program
from synctva.datasets_scripts.corpora.labelled_text import TEXT_CORPORA
from synctva.features.extraction import SOURCES
from synctva.results import read_results
from synctva.speech.utterances import Limits
from synctva.speech.whisper_weights import BASE
from synctva.trainer.recipes import RECIPES
from synctva.video.encoder import FACE_SPEC
from synctva_command_line import COMMANDS, main, parsing
from synctva_command_line.parsing import ABRIDGED, parser_of
from tests.support.model_folder import write_model_folder
from tests.support.quick_training import QUICK
from tests.support.toy import LABELS, WIDTHS

ROOT = Path(__file__).parents[1]
LISTED = [entry for group in COMMANDS.values() for entry in group.items()]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_model_folder(tmp_path_factory.mktemp("command_line") / "toy"))


@pytest.fixture
def conversation(tmp_path):
    file = tmp_path / "conversation.json"
    utterances = [
        {"speaker": "Ann", "text_features": [0.5] * WIDTHS["text"]},
        {"speaker": "=1+1", "text": "", "audio_features": [0.1] * WIDTHS["audio"]},
    ]
    file.write_text(json.dumps([utterances, utterances[:1]]))
    return str(file)


LIGHT = """
import json, sys, synctva_command_line
for arguments, status in json.loads(sys.argv[1]):
    try: synctva_command_line.main(arguments)
    except SystemExit as stop: assert (stop.code or 0) == status, arguments
    else: raise AssertionError(arguments)
    assert not {"torch", "transformers", "numpy", "synctva"} & sys.modules.keys(), arguments
"""
"""Each of the calls ends with its status before anything slow is imported."""


def light(*calls):
    """Run `LIGHT` in another process and return what it prints."""
    command = [sys.executable, "-c", LIGHT, json.dumps(calls)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run


def test_help_lists_all_commands_without_importing_torch():
    printed = light((["--help"], 0)).stdout
    for name, text in LISTED:
        assert any(line.split() == [name, *text.split()] for line in printed.splitlines())


def test_the_help_of_each_command_is_printed_without_importing_torch():
    printed = light(*(([name, "--help"], 0) for name, _ in LISTED)).stdout
    for name, text in LISTED:
        assert f"usage: synctva {name} " in printed
        assert text in " ".join(printed.split())


COMPLETING = """
import sys, synctva_command_line
sys.argv = ["synctva"]
assert "torch" not in sys.modules
import os, argcomplete
heavy = {"torch", "transformers", "numpy", "synctva"}
os._exit = lambda status: sys.exit(len(heavy & sys.modules.keys()))
synctva_command_line.main()
"""
"""Complete as the shell asks for it; the status is the number of slow imports."""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("synctva pre", {"predict", "prepare"}),
        ("synctva predict --prediction", {"--prediction_set"}),
        ("synctva extract --dataset ", set(parsing.MEDIA_SOURCES)),
        ("synctva train --learning", {"--learning_rate"}),
        ("synctva card cal", {"calls"}),  # a folder
        ("synctva nothing --te", set()),
    ],
)
def test_the_shell_completes_without_importing_torch(line, expected, tmp_path):
    (tmp_path / "calls").mkdir()
    request = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    request |= {"_ARGCOMPLETE_IFS": "|", "_ARGCOMPLETE_STDOUT_FILENAME": "found"}
    run = subprocess.run(
        [sys.executable, "-c", COMPLETING],
        env={**os.environ, **request},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    found = (tmp_path / "found").read_text().split("|")
    assert {name.strip().rstrip("/") for name in found} - {""} == expected


def test_without_argcomplete_nothing_is_completed(monkeypatch, capsys):
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("synctva ")


def test_a_wrong_option_is_refused_without_importing_torch():
    calls = [["predict", "--txt", "Hi!"], ["card"], ["extract", "--dataset", "none"]]
    errors = light(*((call, 2) for call in calls)).stderr
    assert "Did you mean --text?" in errors and "required: folder" in errors


@pytest.mark.parametrize("name", ABRIDGED)
def test_the_abridged_help_is_a_part_of_the_whole(name, capsys):
    module = importlib.import_module(f"synctva.commands.{name}")
    with pytest.raises(SystemExit) as stop:
        module.main(["--help_all"])
    assert not stop.value.code
    whole = " ".join(capsys.readouterr().out.split())
    actions = [action for action in parser_of(name)._actions if action.dest != "help"]
    assert 8 < len(actions) < 22
    for action in actions:
        assert re.search(rf"{action.option_strings[0]}\b", whole), action
        if action.dest != "help_all":
            assert action.help in whole
    assert "--adam_beta1" in whole and "--adam_beta1" not in parser_of(name).format_help()
    for option in ("--dataset",):  # the same values
        choices = parser_of(name)._option_string_actions[option].choices
        assert f"{option} {{{','.join(choices)}}}" in whole


def test_what_the_parsers_repeat_is_what_the_package_has():
    assert parsing.MODALITIES == MODALITIES
    assert tuple(RECIPES) == parsing.DATASETS
    assert parsing.MEDIA_SOURCES == SOURCES
    assert tuple(TEXT_CORPORA) == parsing.TEXT_CORPORA
    assert parser_of("extract").get_default("visual") == FACE_SPEC["name"]
    transcribe = parser_of("transcribe")
    assert transcribe.get_default("speech_model") == BASE
    assert transcribe.get_default("pause") == Limits().pause
    assert transcribe.get_default("longest") == Limits().longest


@pytest.mark.parametrize(("name", "text"), LISTED)
def test_a_command_is_described_as_its_module_is(name, text):
    source = (ROOT / "synctva" / "commands" / f"{name}.py").read_text()
    first = ast.get_docstring(ast.parse(source)).split("\n\n")[0]
    assert " ".join(first.split()) == text


def test_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert not stop.value.code
    assert capsys.readouterr().out == f"synctva {importlib.metadata.version('synctva')}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tarin"], "synctva: error: command = tarin: expected one of check, prepare,"),
        (["tarin"], "Did you mean train?"),
        (["predct", "--text", "Hello"], "Did you mean predict?"),
        (["--verson"], "synctva: error: "),
        (["predict", "--txt", "Hello"], "unrecognized arguments: --txt. Did you mean --text?"),
        (["explain", "--plot=x"], "synctva explain: error: "),
        (["card", "--sizes", "a"], "unrecognized arguments: --sizes\n"),
        (["stream", "--modle", "a"], "unrecognized arguments: --modle. Did you mean --model?"),
        (["push", "a", "b", "--prviate"], "Did you mean --private?"),
        (["train", "--nothing", "1"], "synctva train: error: unrecognized arguments: --nothing"),
        (
            ["train", "--num_epochs", "1"],
            "unrecognized arguments: --num_epochs. Did you mean --num",
        ),
        (["train", "stray"], "synctva train: error: unrecognized arguments: stray"),
        (["finetune", "--dataset", "meld", "--encodr", "x"], "Did you mean --encoder?"),
        (["card"], "synctva card: error: the following arguments are required: folder"),
    ],
)
def test_a_wrong_option_ends_with_2(arguments, message, capsys):
    with pytest.raises((SystemExit, ValueError)) as stop:
        raise SystemExit(main(arguments))
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["predict", "--file", "missing.json"],
            "missing.json does not exist: expected a transcript",
        ),
        (["predict", "--model", "./missing", "--text", "Hello"], "model = ./missing: there is no"),
        (["export", "--model", "synctva-mled"], "Did you mean synctva-meld?"),
        (["train", "--dataset", "meld", "--output_dir", "unused"], "data_dir is missing"),
        (
            ["evaluate", "--model", "missing"],
            "model = missing: there is no such folder here, and the Hub",
        ),
        (
            ["train", "--config", "./missing", "--output_dir", "unused", "--use_cpu"],
            "config = ./missing: there is no such folder: expected the folder of a model",
        ),
        (
            ["train", "--text_backbone", "user/none", "--output_dir", "unused", "--use_cpu"],
            "text_backbone = user/none: there is no such folder here, and the Hub cannot be "
            "reached",
        ),
        (["evaluate", "--model", "synctva-meld"], "data_dir is missing"),
        (["card", "missing"], "missing has no results.json"),
    ],
)
def test_a_mistake_of_the_user_ends_with_1_and_one_message(
    arguments, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    last = printed.err.splitlines()[-1]
    assert last.startswith(f"synctva {arguments[0]}: error: ")
    assert message in last


def test_traceback_on_demand():
    with pytest.raises(FileNotFoundError):
        main(["--traceback", "predict", "--file", "missing.json"])


def test_without_arguments_the_help_is_printed(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert not stop.value.code
    printed = capsys.readouterr()
    assert printed.out.startswith("usage: synctva ") and "  predict" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize("options", [["--te", "Hello"], ["--text=Hello"], ["--text", "--- a"]])
def test_other_words_are_not_mistyped_options(options):
    assert predict.parse_arguments(options).text


@pytest.mark.parametrize("end", ["print('line')", "print('line', flush=True)", "parser.exit()"])
def test_a_reader_that_has_ended_is_no_error(end):
    program = f"""
import sys, types
import synctva_command_line
from synctva_command_line import argparse
module = types.ModuleType("synctva.commands.predict")
def main(arguments):
    print("first")
    parser = argparse.ArgumentParser()
    {end}
module.main = main
sys.modules["synctva"] = sys.modules["synctva.commands"] = types.ModuleType("synctva")
sys.modules[module.__name__] = module
sys.exit(synctva_command_line.main(["predict", "--text", "Hi!"]))
"""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as output:
        run = subprocess.run(
            [sys.executable, "-c", program], stdout=output, stderr=subprocess.PIPE, text=True
        )
    assert (run.returncode, run.stderr) == (141, "")


@pytest.mark.parametrize("kind", ["ConnectError", "ReadTimeout"])
def test_a_missing_network_is_one_message(kind, monkeypatch, capsys):
    client = importlib.import_module(HTTPError.__module__.partition(".")[0])  # httpx or httpx2

    def unreachable(arguments):
        raise getattr(client, kind)("[Errno -2] Name or service not known")

    monkeypatch.setattr("synctva.commands.card.main", unreachable)
    assert main(["card", "folder"]) == 1
    printed = capsys.readouterr().err
    assert printed == (
        "synctva card: error: the Hub cannot be reached: [Errno -2] Name or service not known\n"
    )


def test_a_bug_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("synctva.commands.card.main", lambda arguments: {}["ours"])
    with pytest.raises(KeyError):
        main(["card", "folder"])


def test_an_interrupted_command_ends_with_130(monkeypatch):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("synctva.commands.card.main", interrupted)
    assert main(["card", "folder"]) == 130


def test_predict_prints_only_json(model, conversation, capsys):
    assert main(["predict", "--model", model, "--file", conversation, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [len(conversation) for conversation in answers] == [2, 1]


def test_predict_prints_the_same_numbers_as_a_table(model, conversation, capsys):
    main(["predict", "--model", model, "--file", conversation, "--json"])
    answers = json.loads(capsys.readouterr().out)
    assert main(["predict", "--model", model, "--file", conversation, "--csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(row["conversation"], row["utterance"]) for row in rows] == [
        ("0", "0"),
        ("0", "1"),
        ("1", "0"),
    ]
    assert [row["speaker"] for row in rows] == ["Ann", "'=1+1", "Ann"]  # not a formula
    for row, answer in zip(rows, [*answers[0], *answers[1]], strict=True):
        assert row["label"] == answer["label"]
        assert {name: float(row[f"score_{name}"]) for name in LABELS} == answer["scores"]
        for name, value in answer["strengths"].items():
            assert float(row[f"strength_{name}"]) == value


def test_results_go_to_stdout_and_progress_to_stderr(tmp_path, capsys):
    folder = str(tmp_path / "model")
    assert main(["train", "--max_train_conversations", "20", "--output_dir", folder, *QUICK]) == 0
    printed = capsys.readouterr()
    assert printed.out.lstrip().startswith("simulated, seed 0")
    assert "dev weighted F1" in printed.err and "dev weighted F1" not in printed.out
    assert "'eval_weighted_f1'" not in printed.err
    assert "100%" in printed.err
    assert main(["evaluate", "--model", folder, "--use_cpu", "--json"]) == 0
    again, before = json.loads(capsys.readouterr().out), read_results(folder)
    assert again["test"]["accuracy"] == pytest.approx(before["test"]["accuracy"])


def test_messages_name_the_command_as_this_user_can_start_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", "")
    assert program() == "synctva"  # not installed as a command
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "synctva").touch(0o755)
    assert program() == str(Path("bin", "synctva"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert program() == "synctva"


def test_every_command_is_documented():
    page = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
    for name, _ in LISTED:
        assert re.search(rf"^\| `synctva {name}[ `]", page, re.M), name


def test_module_runs_as_a_program():
    command = [sys.executable, "-m", "synctva_command_line", "tarin"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 2
    assert Path(synctva_command_line.__file__) == ROOT / "synctva_command_line" / "__init__.py"


def test_optional_libraries_report_no_usage_unless_the_user_says_so(monkeypatch):
    for name in synctva_command_line.SILENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    with pytest.raises(SystemExit):
        synctva_command_line.main(["--version"])
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "0"
