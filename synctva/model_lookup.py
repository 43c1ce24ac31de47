"""What a model's name stands for: a local folder, the shipped checkpoint, or a model on the Hub."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import validate_repo_id
from transformers.utils import CONFIG_NAME, logging

from synctva.registration import SHIPPED, SHIPPED_CAUSAL, SYNCTVA_MELD, checkpoint_folder

logger = logging.get_logger(__name__)

TIMEOUT = 3.0
"""Seconds in which the Hub has to answer. Without a network, the request fails at once."""


def find_model(name: str | os.PathLike | None, option: str = "model", *, ours: bool = True) -> str:
    """Return the folder or Hub name to load a model from, after checking that it is there.

    A local folder of that name comes first, then the checkpoint that ships with the package, then
    the Hub, and at last the Hub's cache. The Hub is asked once: transformers' own loading would
    repeat the request for 50 seconds before it says that there is no network.

    Args:
        name: folder, `synctva-meld`, `synctva-meld-causal`, or Hub name; None for the former.
        option: what the user calls it, for error messages.
        ours: whether the shipped checkpoints are meant by their names; not for encoders of others.

    Raises:
        OSError: there is no such model, or the Hub cannot be reached and its cache lacks it.
    """
    if name is None:
        return SYNCTVA_MELD
    name = os.fspath(name)
    folder = Path(name).expanduser()
    if folder.exists():
        if not (folder / CONFIG_NAME).is_file():
            found = f"there is no {CONFIG_NAME} in it"
            raise FileNotFoundError(_message(option, name, found, ours))
        return str(folder)
    if ours and name in (SHIPPED, SHIPPED_CAUSAL):
        return str(checkpoint_folder(name))
    if _is_path(name, folder):
        raise FileNotFoundError(_message(option, name, "there is no such folder", ours))
    return _find_on_hub(name, option, ours)


def _is_path(name: str, folder: Path) -> bool:
    """Return whether a name can only be meant as a path: the Hub has no such names."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return True
    return folder.parent != Path() and folder.parent.is_dir()


def _find_on_hub(name: str, option: str, ours: bool) -> str:
    try:
        get_hf_file_metadata(hf_hub_url(name, CONFIG_NAME), timeout=TIMEOUT)
    except GatedRepoError:
        pass  # transformers' message says how to get access
    except RepositoryNotFoundError:
        found = "there is no such folder here, and no model on the Hub that this account may read"
        raise FileNotFoundError(_message(option, name, found, ours)) from None
    except EntryNotFoundError:
        found = f"there is no {CONFIG_NAME} in this repository of the Hub"
        raise FileNotFoundError(_message(option, name, found, ours)) from None
    except Exception as error:  # each version of the client has other types for "no network"
        cached = try_to_load_from_cache(name, CONFIG_NAME)
        if not isinstance(cached, str):
            found = f"there is no such folder here, and the Hub cannot be reached ({error})"
            raise OSError(_message(option, name, found, ours)) from None
        logger.warning(f"{name} is read from the Hub's cache, because of the Hub: {error}")
        return str(Path(cached).parent)
    return name


def _message(option: str, name: str, found: str, ours: bool) -> str:
    """Return an error message, with the nearest name that would have been right."""
    folder = Path(name).expanduser()
    beside = [path.parent.name for path in folder.parent.glob(f"*/{CONFIG_NAME}")]
    meant = [str(folder.with_name(near)) for near in get_close_matches(folder.name, beside, n=1)]
    shipped = [SHIPPED, SHIPPED_CAUSAL] if ours else []
    if name not in shipped:
        meant += get_close_matches(name, shipped)
    suggestion = f". Did you mean {meant[0]}?" if meant else ""
    forms = ["the folder of a model", *shipped, f"or a Hub name such as user/name{suggestion}"]
    return f"{option} = {name}: {found}: expected {', '.join(forms)}"


__all__ = ["find_model"]
