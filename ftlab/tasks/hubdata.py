"""Data sets of the Hub: the cache first, then the Hub, with short waits and one plain line when it cannot be had."""

from __future__ import annotations

import os
from typing import Any

from ftlab.errors import AssetError

PATIENCE = 3.0  # seconds for the Hub's first answer; then the cached copy is used, or the error says what to do


def fetch(hub_id: str, config: str | None = None, revision: str | None = None, called: str = "", instead: str = "") -> Any:
    """`datasets.load_dataset`, the cache first: with a cached copy nothing is asked of the network.

    Args:
        hub_id: "owner/name".
        config: the configuration, where there are several.
        revision: a branch, tag, commit, or "refs/convert/parquet" for a data set whose main branch is a loading script.
        called: its name in the course, for the error.
        instead: what else to use, for the error, as in "use ratings/movies, which needs no Hub".
    Returns: a `datasets.DatasetDict`.
    Raises: AssetError, within about 5 seconds, if it is not cached and the Hub is off, refuses or does not answer.
    Example: ``len(fetch("nyu-mll/glue", "rte")["validation"])`` is 277.
    """
    from ftlab._download import hub_endpoint, hub_is_off
    from ftlab.hub import probe

    called = called or hub_id
    what = f"{called} from the Hub at {hub_endpoint()}"
    advice = (f"{instead}; or " if instead else "") + f"copy a filled HF_HOME here and load {called} from it"
    try:
        return _load(hub_id, config, revision, offline=True)
    except Exception as error:  # not cached, or only in part: the library has many words for it
        not_cached = error
    if hub_is_off():
        raise AssetError(f"{what}: switched off (HF_HUB_OFFLINE), and not in the cache", wanted="the data once",
                         hint=f"unset HF_HUB_OFFLINE for one run, or {advice}") from not_cached
    if wrong := probe(f"{hub_endpoint()}/api/datasets/{hub_id}", timeout=PATIENCE):
        raise AssetError(f"{what}: {wrong}", wanted="an answer, or a cached copy",
                         hint=f"try again later, set HF_ENDPOINT to a mirror, or {advice}")
    try:
        return _load(hub_id, config, revision, offline=False)
    except Exception as error:  # a dozen kinds of network failure
        said = str(error).strip().split("\n")[0][:120]
        raise AssetError(f"{what}: {type(error).__name__}: {said}", wanted="whole files",
                         hint=f"run it again: finished files are kept; or {advice}") from error


def _load(hub_id: str, config: str | None, revision: str | None, offline: bool) -> Any:
    """The data set; offline says never to open a connection.

    The library asks the Hub first even for what it holds, and with the Hub down retries for over 20 s: so its own
    offline switch is set for the time of the call.
    """
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", "5")  # seconds; read when the library is first imported
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", "5")
    import datasets
    from huggingface_hub import constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    bars, verbosity = datasets.is_progress_bar_enabled(), datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()  # it would warn that it reads from its cache
    if offline:
        datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        return datasets.load_dataset(hub_id, config, revision=revision)
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before
        datasets.logging.set_verbosity(verbosity)
        if bars:
            datasets.enable_progress_bars()
