"""Files on disk: where the cache is, hashing, and one lock for several processes. Standard library only."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

BLOCK = 1 << 20  # bytes read at a time


def cache_home() -> Path:
    """The folder that holds what ftlab downloads: FTLAB_HOME, or the user's cache folder of this system."""
    named = os.environ.get("FTLAB_HOME")
    if named:
        return Path(named).expanduser().absolute()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base.absolute() / "ftlab"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a text file in one move: whoever reads it finds the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".part")
    scratch.write_text(text, encoding="utf-8")
    os.replace(scratch, path)


@contextlib.contextmanager
def whole_files(folder: Path) -> Iterator[Path]:
    """A scratch folder to write several files in; when the block ends well, each moves into `folder` in one move, else none does.

    They come with the mode of any new file: safetensors makes its own readable by their owner alone.

    Args:
        folder: where the files go; made if need be. Files of the same names are replaced, others stay.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    inside = folder.is_dir()  # then on its disk, wherever a link may lead
    with tempfile.TemporaryDirectory(dir=folder if inside else folder.parent, prefix=f".{folder.name}-") as name:
        scratch = Path(name)
        yield scratch
        written = list(scratch.iterdir())
        (scratch / ".mode").touch()
        mode = stat.S_IMODE((scratch / ".mode").stat().st_mode)
        folder.mkdir(exist_ok=True)
        for path in written:
            if path.is_file():
                path.chmod(mode)
            os.replace(path, folder / path.name)


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock file; another process that wants it waits. The system frees it if the holder dies.

    Args:
        path: the lock file (made if missing; left behind, empty).
        waiting: called once if another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        take, free = _lock_calls(file.fileno())
        said = False
        while not take():
            if not said:
                waiting()
                said = True
            time.sleep(0.2)
        try:
            yield
        finally:
            free()


def _lock_calls(descriptor: int) -> tuple[Callable[[], bool], Callable[[], None]]:
    """(take without waiting, free) for this system."""
    if sys.platform == "win32":
        import msvcrt

        def act(mode: int) -> bool:
            try:
                os.lseek(descriptor, 0, os.SEEK_SET)
                msvcrt.locking(descriptor, mode, 1)
            except OSError:
                return False
            return True

        return lambda: act(msvcrt.LK_NBLCK), lambda: (act(msvcrt.LK_UNLCK), None)[1]
    import fcntl

    def take() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks (some network folders): go on without one
            return True
        return True

    return take, lambda: fcntl.flock(descriptor, fcntl.LOCK_UN)
