"""Models of the Hub for the full profile: fetched once into the Hub's own cache, with short time-outs and plain refusals."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path

from ftlab._download import hub_endpoint, hub_is_off
from ftlab.errors import AssetError

PATIENCE = 5.0  # seconds to wait for a first answer
WANTED = ("*.json", "*.safetensors", "*.txt", "*.model")  # never a pickle, never code


def probe(address: str, timeout: float = PATIENCE) -> str:
    """Ask for an address and say what is wrong, in words.

    Args:
        address: of the Hub (HF_ENDPOINT is honoured by the callers).
        timeout: seconds.
    Returns: "" if it answered well, else the reason.
    Example: ``probe("http://127.0.0.1:9")`` returns "it cannot be reached (…)".
    """
    headers = {"User-Agent": "ftlab"}
    if token := os.environ.get("HF_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=timeout):
            return ""
    except urllib.error.HTTPError as error:
        reasons = {401: "it wants a token (401)", 403: "it refuses (403)", 404: "it does not have this (404)", 429: "too many requests (429)"}
        return reasons.get(error.code, f"it answered {error.code}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        return "it did not answer in time" if "timed out" in str(reason) else f"it cannot be reached ({reason})"


def model_folder(name: str, revision: str | None = None) -> Path:
    """The folder of a model of the Hub, fetched if the Hub's cache lacks it.

    Args:
        name: "owner/name".
        revision: an exact commit, branch or tag; None is the newest.
    Returns: folder with config.json, model.safetensors and tokenizer files.
    Raises: AssetError if the Hub is off, refuses, hangs or sends a broken file, or if the model has no safetensors.
    Example: ``model_folder("google-bert/bert-base-uncased")``.
    """
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", "10")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    def snapshot(offline: bool) -> Path:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(WANTED), local_files_only=offline, max_workers=2))

    try:
        folder = snapshot(offline=True)
        if list(folder.glob("*.safetensors")) and (folder / "config.json").exists():
            return folder
    except (LocalEntryNotFoundError, OSError):
        pass
    what = f"{name} from the Hub at {hub_endpoint()}"
    if hub_is_off():
        raise AssetError(f"{what}: it is switched off (HF_HUB_OFFLINE)", wanted="a cached copy", hint="unset HF_HUB_OFFLINE, or give a folder")
    if wrong := probe(f"{hub_endpoint()}/api/models/{name}"):
        raise AssetError(f"{what}: {wrong}", wanted="the model's files", hint="try again later, set HF_ENDPOINT to a mirror, or use minilm-l6")
    try:
        folder = snapshot(offline=False)
    except Exception as error:  # a dozen kinds of network failure
        raise AssetError(f"{what}: {type(error).__name__}", wanted="whole files", hint="run it again: finished files are kept") from error
    if not list(folder.glob("*.safetensors")):
        raise AssetError(f"{name} has no safetensors", wanted="weights as safetensors", cause="an old model that holds pickles only")
    return folder
