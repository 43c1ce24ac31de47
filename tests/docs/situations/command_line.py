"""The command line."""

from __future__ import annotations

import os
import re
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import synctva_command_line
from synctva.commands.predict import main as predict
from tests.support.media_files import clip

from . import said, situation


def printed(folder: Path, *arguments: str) -> str:
    """Return what a command says on stderr when it runs in this folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with redirect_stderr(StringIO()) as errors, redirect_stdout(StringIO()):
            synctva_command_line.main(arguments)
    except SystemExit:
        pass
    finally:
        os.chdir(before)
    words = errors.getvalue()
    return words[re.search(r"^synctva.*: error: |^Not answered", words, re.M).start() :]


@situation("a command is mistyped")
def mistyped_command(folder: Path) -> str:
    return printed(folder, "predct", "--text", "Hi!")


@situation("an option is mistyped")
def mistyped_option(folder: Path) -> str:
    return printed(folder, "predict", "--txt", "Hi!")


@situation("the folder of a model does not exist")
def missing_folder(folder: Path) -> str:
    (folder / "runs/meld-seed0").mkdir(parents=True)
    (folder / "runs/meld-seed0/config.json").write_text("{}")
    return printed(folder, "predict", "--model", "runs/meld-sed0", "--text", "Hi!")


@situation("the name of the shipped checkpoint is mistyped, and there is no network")
def mistyped_name(folder: Path) -> str:
    unreachable = OSError("[Errno -2] Name or service not known")
    with patch("synctva.model_lookup.get_hf_file_metadata", side_effect=unreachable):
        return printed(folder, "predict", "--model", "synctva-mled", "--text", "Hi!")


@situation("one of several clips cannot be read")
def broken_clip(folder: Path) -> str:
    (folder / "turn1.wav").write_bytes(clip("wav", None, "pcm_s16le"))
    (folder / "turn2.wav").write_bytes(b"RIFF")
    return printed(folder, "predict", "--clips", "turn1.wav", "turn2.wav")


@situation("a video is given to a model that does not read pictures")
def unread_frames(folder: Path) -> str:
    (folder / "turn.mp4").write_bytes(clip("mp4", "libx264", "aac"))
    with redirect_stdout(StringIO()):
        return said(lambda: predict(["--clips", str(folder / "turn.mp4")]))


@situation("a pattern of `--clips` matches nothing")
def empty_pattern(folder: Path) -> str:
    return printed(folder, "predict", "--clips", "calls/*.wav")
