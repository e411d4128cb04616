"""The places an asset's files come from: a folder, the Hub, a package index. Standard library only.

Every function here puts files into a folder and raises `SourceError` with one plain sentence when it cannot.
Nothing is trusted: `ftlab.assets` checks each file's SHA-256 before it is used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from ftlab._files import BLOCK

HUB_PATIENCE = 4.0  # seconds without enough news from the Hub before the next source is tried
HUB_TRICKLE = 20_000  # bytes within those seconds that count as news

# A stand-in for setuptools. `pip download` asks a source archive for its name and version, which normally runs the
# archive's own setup.py. Here pip asks this instead, so no code of a downloaded archive is ever run.
BUILD_BACKEND = '''
class _Backend:
    @staticmethod
    def prepare_metadata_for_build_wheel(folder, config_settings=None):
        import os
        info = os.path.join(folder, "{name}-{version}.dist-info")
        os.makedirs(info)
        with open(os.path.join(info, "METADATA"), "w") as file:
            file.write("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        return os.path.basename(info)
    @staticmethod
    def get_requires_for_build_wheel(config_settings=None):
        return []
__legacy__ = _Backend
'''


class SourceError(Exception):
    """A source that did not give the files; the message says why, in one sentence."""


class WrongFile(SourceError):
    """A source that gave a file which is broken, truncated or another one: worth one more try."""


def hub_endpoint() -> str:
    """The Hub's address: HF_ENDPOINT, or the public one."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def hub_is_off() -> bool:
    """Whether the user asked that the Hub not be reached (HF_HUB_OFFLINE)."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in {"1", "TRUE", "YES", "ON"}


def hub_cache(repo: str, revision: str) -> Path:
    """Where huggingface_hub keeps this revision of a model (HF_HUB_CACHE, HF_HOME or its default)."""
    home = Path(os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    root = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    return root / f"models--{repo.replace('/', '--')}" / "snapshots" / revision


def copy_files(source: Path, names: Iterable[str], target: Path) -> None:
    """Copy the named files of a folder."""
    for name in names:
        if not (source / name).is_file():
            raise SourceError(f"{source} has no {name}")
        shutil.copyfile(source / name, target / name)


def from_hub(repo: str, revision: str, sizes: dict[str, int], target: Path, progress: Callable[[int], None]) -> None:
    """Download files of one exact revision of a model repository.

    The work runs in a thread that is watched: a server (or a name look-up) that gives no news for `HUB_PATIENCE`
    seconds is left behind, whatever it hangs on.

    Args:
        repo: ``owner/name``.
        revision: a 40-digit commit.
        sizes: file name -> size in bytes.
        target: folder the files are written to.
        progress: called with the number of bytes so far.
    Raises:
        SourceError: refused, not reachable or hanging. WrongFile: shorter or longer than it should be.
    """
    if hub_is_off():
        raise SourceError("the Hub is switched off (HF_HUB_OFFLINE)")
    state: dict = {"bytes": 0, "error": None, "stop": False}

    def work() -> None:
        try:
            for name, size in sorted(sizes.items(), key=lambda item: item[1]):  # the smallest first: a refusal costs little
                _get(f"{hub_endpoint()}/{repo}/resolve/{revision}/{name}", target / name, size, state)
        except SourceError as error:
            state["error"] = error
        except urllib.error.HTTPError as error:
            state["error"] = SourceError(f"the Hub answered {error.code}")
        except Exception as error:  # noqa: BLE001 - a refused connection, TLS, a broken answer: all mean the next source
            reason = getattr(error, "reason", None) or error
            state["error"] = SourceError(f"the Hub cannot be reached ({reason})")

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    seen, since = 0, time.monotonic()
    while worker.is_alive():
        worker.join(0.1)
        progress(state["bytes"])
        if state["bytes"] - seen >= HUB_TRICKLE:
            seen, since = state["bytes"], time.monotonic()
        elif time.monotonic() - since > HUB_PATIENCE and worker.is_alive():
            state["stop"] = True
            raise SourceError(f"the Hub gave no answer for {HUB_PATIENCE:.0f} s")
    if state["error"]:
        raise state["error"]


def _get(url: str, path: Path, size: int, state: dict) -> None:
    """Stream one address to a file, counting bytes in `state`."""
    request = urllib.request.Request(url, headers={"User-Agent": "ftlab", "Accept-Encoding": "identity"})
    with urllib.request.urlopen(request, timeout=HUB_PATIENCE) as answer, path.open("wb") as file:
        got = 0
        while not state["stop"] and (block := answer.read(BLOCK >> 2)):
            got += len(block)
            if got > size:
                break
            file.write(block)
            state["bytes"] += len(block)
    if got != size and not state["stop"]:
        raise WrongFile(f"the Hub sent {'more' if got > size else 'only ' + format(got, ',')} of {size:,} bytes of {path.name}")


def from_index(requirement: str, sha256: str, archive: str, target: Path, tick: Callable[[], None], fresh: bool = False) -> Path:
    """Download one archive with ``pip download --no-deps``, so that the user's pip mirror, proxy and certificates hold.

    Args:
        requirement: ``name==version``.
        sha256: of the archive; pip refuses another one.
        archive: its file name.
        target: folder it is written to.
        tick: called about ten times a second while pip works.
        fresh: go round pip's own cache (after a broken download).
    Returns:
        The archive's path.
    Raises:
        SourceError: pip could not get it.
    """
    name, version = requirement.split("==")
    with tempfile.TemporaryDirectory(prefix="ftlab-", ignore_cleanup_errors=True) as scratch:
        stand_in = Path(scratch) / "setuptools"
        stand_in.mkdir()
        (stand_in / "__init__.py").write_text("")
        (stand_in / "build_meta.py").write_text(BUILD_BACKEND.format(name=name, version=version))
        wanted = Path(scratch) / "requirements.txt"
        wanted.write_text(f"{requirement} --hash=sha256:{sha256}\n")
        kind = ["--only-binary=:all:"] if archive.endswith(".whl") else ["--no-binary=:all:", "--no-build-isolation", "--use-pep517"]
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--progress-bar=off",
                   "--disable-pip-version-check", "--retries=2", "--dest", str(target), *kind, "-r", str(wanted)]
        environment = {**os.environ, "PYTHONPATH": scratch, "PIP_NO_INPUT": "1", "PYTHONIOENCODING": "utf-8"}
        if fresh:
            command.append("--no-cache-dir")
        with (Path(scratch) / "log").open("w+", encoding="utf-8", errors="replace") as log:
            try:
                pip = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment, stdin=subprocess.DEVNULL)
            except OSError as error:
                raise SourceError(f"pip did not start ({error})") from error
            try:
                while pip.poll() is None:
                    time.sleep(0.1)
                    tick()
            except BaseException:  # Ctrl-C: leave no pip behind
                pip.kill()
                pip.wait()
                raise
            log.seek(0)
            output = log.read()
    if pip.returncode or not (target / archive).is_file():
        raise _pip_said(output, archive)
    return target / archive


def _pip_said(output: str, archive: str) -> SourceError:
    """pip's own reason, in one line."""
    if "No module named pip" in output:
        return SourceError("this Python has no pip (python -m ensurepip adds it)")
    if "DO NOT MATCH THE HASHES" in output:
        return WrongFile(f"the package index sent a broken or different {archive}")
    errors = [line.removeprefix("ERROR:").strip() for line in output.splitlines() if line.startswith("ERROR:")]
    return SourceError("the package index: " + (errors[-1] if errors else f"pip gave no {archive}")[:200])


def unpack(archive: Path, prefix: str, inner: str | None, sizes: dict[str, int], target: Path) -> None:
    """Take the named files, and nothing else, out of a wheel, zip or tar archive.

    Only names of the manifest are ever written, each straight into `target`, so no member of an archive can reach another
    folder; links are refused, and a member larger than its stated size is not read to the end.

    Args:
        archive: the file.
        prefix: folder inside the archive.
        inner: an archive inside the archive that holds the files, if any.
        sizes: file name -> size in bytes.
        target: folder the files are written to.
    Raises:
        WrongFile: not a readable archive, or one without the files.
    """
    try:
        if inner:
            with tempfile.TemporaryDirectory(prefix="ftlab-", ignore_cleanup_errors=True) as scratch:
                inside = Path(scratch) / Path(inner).name
                _take(archive, {inner: inside}, None)
                return _take(inside, {prefix + name: target / name for name in sizes}, sizes)
        _take(archive, {prefix + name: target / name for name in sizes}, sizes)
    except (zipfile.BadZipFile, tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise WrongFile(f"{archive.name} is broken or not the archive it should be ({error})") from error
    return None


def _take(archive: Path, wanted: dict[str, Path], sizes: dict[str, int] | None) -> None:
    """Copy members of one archive to files."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as box:
            for member, path in wanted.items():
                with box.open(member) as source:
                    _copy(source, path, sizes)
        return
    with tarfile.open(archive) as box:
        for member, path in wanted.items():
            info = box.getmember(member)
            if not info.isreg():
                raise KeyError(f"{member} is not a plain file")
            source = box.extractfile(info)
            assert source is not None
            _copy(source, path, sizes)


def _copy(source: IO[bytes], path: Path, sizes: dict[str, int] | None) -> None:
    """Copy a stream to a file, at most one block past its stated size."""
    most = sizes[path.name] if sizes else 1 << 30
    with path.open("wb") as file:
        got = 0
        while got <= most and (block := source.read(BLOCK)):
            got += len(block)
            file.write(block)
