"""Execute notebooks without a browser, the way nbval does: a fresh kernel each, in the notebooks' folder, quiet."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from ftlab.errors import InputError

CELL_TIMEOUT = 1200  # seconds
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}


def run_chapters(folder: Path, wanted: list[str], write: bool) -> int:
    """Execute chapters and print one line for each: minutes, peak MiB, headline.

    Args:
        folder: where the notebooks are.
        wanted: numbers ("5", "05") or names; all if empty.
        write: store the outputs in the files.
    Returns:
        0, or 1 if a notebook failed.
    Raises:
        InputError: no such chapter.
    """
    os.environ.update(FTLAB_QUIET="1", JUPYTER_PREFER_ENV_PATH="1", PYTHONHASHSEED="0")
    failed = 0
    print(f"{'chapter':<28} {'minutes':>7} {'MiB':>6}  headline", flush=True)
    for path in find(folder, wanted):
        result = execute(path, write)
        failed += bool(result["error"])
        print(f"{path.stem:<28} {result['minutes']:7.2f} {result['mib']:6.0f}  {result['error'] or result['headline']}", flush=True)
    return 1 if failed else 0


def find(folder: Path, wanted: list[str]) -> list[Path]:
    """The notebooks that are meant by numbers or names, in the order of the course."""
    every = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    chosen = []
    for name in wanted:
        stem = Path(name).stem
        number = f"{int(stem):02d}_" if stem.isdigit() else None
        hits = [p for p in every if p.stem == stem or (number and p.stem.startswith(number))]
        if not hits:
            raise InputError(f"no chapter {name!r}", wanted="one of " + ", ".join(p.stem for p in every))
        chosen += hits
    return sorted(set(chosen)) if wanted else every


def execute(path: Path, write: bool = False) -> dict[str, Any]:
    """Execute one notebook.

    Args:
        path: the .ipynb file.
        write: store the outputs, if every cell ran.
    Returns:
        minutes (float), mib (peak memory of the kernel and its children, MiB), headline (str), error ("" if none).
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=CELL_TIMEOUT, kernel_name="python3", record_timing=False, coalesce_streams=True,
                            resources={"metadata": {"path": str(path.parent)}})
    started, error, peak, done, number = time.monotonic(), "", [0.0], threading.Event(), 0
    watcher = None
    try:
        client.reset_execution_trackers()
        with client.setup_kernel(stderr=subprocess.DEVNULL):  # a kernel's own log; what cells write is kept
            watcher = threading.Thread(target=_watch, args=(client.km.provisioner.pid, peak, done), daemon=True)
            watcher.start()
            for number, cell in enumerate(notebook.cells):
                client.execute_cell(cell, number, execution_count=client.code_cells_executed + 1)
            done.set()
            watcher.join()
    except CellExecutionError as failure:
        error = f"cell {number}: {failure.ename}: {str(failure.evalue).strip().splitlines()[0] if failure.evalue else ''}"[:300]
    except (CellTimeoutError, DeadKernelError) as failure:
        error = f"cell {number}: {type(failure).__name__}: {str(failure).strip().splitlines()[0]}"[:300]
    finally:
        done.set()
        if watcher:
            watcher.join()
    if write and not error:
        tidy(notebook)
        part = path.with_suffix(".part")
        nbformat.write(notebook, part)
        os.replace(part, path)
    return {"minutes": (time.monotonic() - started) / 60, "mib": peak[0], "headline": headline(notebook), "error": error}


def _watch(pid: int, peak: list[float], done: threading.Event) -> None:
    """Keep the largest resident memory of a process and its children, in MiB, until told to stop."""
    import psutil

    try:
        kernel = psutil.Process(pid)
        finished = False
        while not finished:
            finished = done.wait(0.1)  # once more at the end: a short peak is in the kernel's own high-water mark
            total = max(kernel.memory_info().rss, _high_water(pid))
            for child in kernel.children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], total / 2**20)
    except psutil.Error:
        return


def _high_water(pid: int) -> int:
    """The most memory a process has held so far, in bytes, where Linux tells it; 0 elsewhere."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def headline(notebook: Any) -> str:
    """The first line of the output of the cell tagged `headline`, or an empty string."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and "headline" in cell.metadata.get("tags", []):
            for output in cell.outputs:
                text = output.get("text") or output.get("data", {}).get("text/plain") or ""
                lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if line.strip()]
                if lines:
                    return lines[0].strip().strip("'\"")
    return ""


def tidy(notebook: Any) -> None:
    """Remove what differs from run to run and says nothing: times, widget state, the exact Python."""
    tags_only = {"tags", "jupyter", "slideshow"}
    notebook.metadata = type(notebook.metadata)({"kernelspec": KERNELSPEC, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        cell.metadata = type(cell.metadata)({key: value for key, value in cell.metadata.items() if key in tags_only})
        for output in cell.get("outputs", []):
            output.pop("transient", None)
            data = output.get("data", {})
            if "application/vnd.jupyter.widget-view+json" in data and len(data) > 1:
                del data["application/vnd.jupyter.widget-view+json"]  # its state is not stored: the text form stays
