"""Your own data: a CSV, TSV or JSONL file with named columns becomes a task, or one line says what is wrong with it."""

from __future__ import annotations

import csv
import json
import math
import random
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from ftlab.errors import TaskError

from .base import Split, Task

SUFFIXES = {".csv": ",", ".tsv": "\t", ".jsonl": None, ".ndjson": None}
Row = tuple[str, str | None, Any, str]  # text, second text, label as read, place in the file


def load_table(
    path: str | PathLike | Mapping[str, str | PathLike],
    text: str,
    label: str,
    text_pair: str | None = None,
    *,
    kind: str = "classification",
    label_names: Sequence[str] | None = None,
    shares: tuple[float, float] = (0.1, 0.2),
    seed: int = 0,
) -> Task:
    """A task from your own file.

    Args:
        path: a .csv, .tsv or .jsonl file (UTF-8) to be split here, or a dict of split name to file, e.g.
            {"train": "a.csv", "validation": "b.csv", "test": "c.csv"}.
        text, label, text_pair: names of the columns.
        kind: "classification", or "regression" where the label is a value.
        label_names: the classes in order; by default those that occur, sorted. Labels may be names or numbers from 0.
        shares: of the examples that go to validation and test, each above 0; every class keeps these shares.
        seed: of the split.
    Returns: a `Task`; what was mended (copies left out) stands in its `notes` and is warned of.
    Raises: TaskError, one line: no such file or column, an empty file, a text that is not text (with its line), an unknown
        label, a single class, a class too small to split.
    Example: ``load_table("reviews.csv", text="review", label="stars").n_classes``.
    Checked against: hand-made files of each fault, and the split by pandas (tests/test_tasks_table.py).
    """
    if kind not in ("classification", "regression"):
        raise TaskError(f"kind {kind!r}", wanted='"classification" or "regression"')
    files = dict(path) if isinstance(path, Mapping) else {"": path}
    if isinstance(path, Mapping) and "train" not in files:
        raise TaskError(f"files for {', '.join(files) or 'no split'}", wanted="one for 'train' at least")
    rows = {name: _read(Path(file), text, label, text_pair) for name, file in files.items()}
    notes: list[str] = []
    _leave_out_copies(rows, notes)
    names, labelled = _labels(rows, kind, label, label_names)
    if isinstance(path, Mapping):
        parts = {name: list(zip(rows[name], labelled[name], strict=True)) for name in rows}
    else:
        parts = _divide(list(zip(rows[""], labelled[""], strict=True)), kind, names, shares, seed)
    splits = {
        name: Split(
            name, [row[0] for row, _ in part], [value for _, value in part],
            [row[1] for row, _ in part] if text_pair else None, [row[3] for row, _ in part],
        )
        for name, part in parts.items()
    }
    for note in notes:
        warnings.warn(note, stacklevel=2)
    metrics = ("pearson", "spearman", "mean_absolute_error")
    if kind == "classification":
        metrics = ("accuracy", "f1", "matthews") if len(names) == 2 else ("accuracy", "matthews")
    where = ", ".join(Path(file).name for file in files.values())
    return Task(Path(next(iter(files.values()))).stem, kind, names, metrics[0], metrics, splits, where, "yours to state",
                f"Predict {label!r} from {text!r}" + (f" and {text_pair!r}." if text_pair else "."), tuple(notes))


def _read(path: Path, text: str, label: str, text_pair: str | None) -> list[Row]:
    """The rows of one file, each with its place ("data.csv:7")."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise TaskError(f"file {path.name!r}", wanted="a name ending in " + ", ".join(SUFFIXES))
    if not path.is_file():
        raise TaskError(f"no file {str(path)!r}", wanted="a file", cause=f"the current folder is {Path.cwd()}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = _jsonl(file, path) if SUFFIXES[suffix] is None else _csv(file, path, SUFFIXES[suffix])
    except UnicodeDecodeError as error:
        raise TaskError(f"{path.name} is not UTF-8 text (byte {error.start})", wanted="a UTF-8 file",
                        cause="saved by a spreadsheet in another encoding", hint='save it as "CSV UTF-8"') from None
    except csv.Error as error:
        raise TaskError(f"{path.name}: {error}", wanted=f"a readable {suffix} file") from None
    if not records:
        raise TaskError(f"{path.name} has no rows", wanted="a header and at least one row")
    columns = list(dict.fromkeys(name for _, record in records[:100] for name in record))
    for name in filter(None, (text, label, text_pair)):
        if name not in columns:
            raise TaskError(f"no column {name!r} in {path.name}", wanted="one of " + ", ".join(map(repr, columns)))
    found = []
    for line, record in records:
        place = f"{path.name}:{line}"
        pair = _text(record.get(text_pair), text_pair, place) if text_pair else None
        found.append((_text(record.get(text), text, place), pair, record.get(label), place))
    if all(_is_number(row[0]) for row in found):
        raise TaskError(f"only numbers in column {text!r} of {path.name}", wanted="a column of texts",
                        cause="the columns of text and label are swapped")
    return found


def _csv(file: Any, path: Path, delimiter: str) -> list[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(10_000_000)
    reader = csv.DictReader(file, delimiter=delimiter, strict=True)
    records = []
    for record in reader:
        if None in record:
            raise TaskError(f"{len(record[None])} cells too many at {path.name}:{reader.line_num}",
                            wanted=f"{len(reader.fieldnames)} columns", cause="a comma in a text without quotes")
        records.append((reader.line_num, record))
    return records


def _jsonl(file: Any, path: Path) -> list[tuple[int, dict[str, Any]]]:
    records = []
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise TaskError(f"{path.name}:{number} is not JSON ({error.msg})", wanted="one object a line") from None
        if not isinstance(record, dict):
            raise TaskError(f"a {type(record).__name__} at {path.name}:{number}", wanted='an object like {"text": ...}')
        records.append((number, record))
    return records


def _text(value: Any, column: str, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        what = "an empty cell" if value is None or value == "" or isinstance(value, str) else f"{value!r}"
        raise TaskError(f"{what} in column {column!r} at {place}", wanted="a text", hint="leave the row out or fill it in")
    return value.strip()


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _leave_out_copies(rows: dict[str, list[Row]], notes: list[str]) -> None:
    """Keep one copy of each input; between files a test copy is kept before one of validation, and that before one of train."""
    seen: dict[tuple[str, str | None], tuple[str, Any]] = {}
    for name in sorted(rows, key=lambda name: (name.startswith("train"), name.startswith("validation"))):
        kept, within, across, disputed = [], 0, 0, 0
        for row in rows[name]:
            if row[:2] not in seen:
                seen[row[:2]] = (name, row[2])
                kept.append(row)
                continue
            first_split, first_label = seen[row[:2]]
            within += first_split == name
            across += first_split != name
            disputed += first_label != row[2]
        rows[name] = kept
        said = " of them with another label than the copy that is kept" if disputed else ""
        for n, what in ((within, "copies of an earlier row"), (across, "copies of a row in a later split")):
            if n:
                notes.append(f"{n} {what} left out{f' of {name}' if name else ''}" + (f", {disputed}{said}" if disputed else ""))


def _labels(rows: dict[str, list[Row]], kind: str, column: str,
            names: Sequence[str] | None) -> tuple[tuple[str, ...], dict[str, list]]:
    """Label names, and for each split the labels as class numbers (or floats)."""
    for row in (row for part in rows.values() for row in part):
        if row[2] is None or not str(row[2]).strip():
            raise TaskError(f"no label in column {column!r} at {row[3]}", wanted="a label for each text")
        if kind == "regression" and not _is_number(row[2]):
            raise TaskError(f"label {row[2]!r} at {row[3]}", wanted="a number", hint='kind="classification" for names')
    if kind == "regression":
        return (), {name: [float(row[2]) for row in part] for name, part in rows.items()}
    found = {_name(row[2]) for part in rows.values() for row in part}
    if names is None:
        if len(found) > 50 and all(map(_is_number, found)):
            raise TaskError(f"{len(found)} different numbers as labels in column {column!r}", wanted="at most 50 classes",
                            hint='kind="regression" for values')
        names = sorted(found, key=(lambda name: (float(name), name)) if all(map(_is_number, found)) else None)
    names = tuple(map(str, names))
    number = {name: i for i, name in enumerate(names)}
    if not found <= set(names):  # numbers for names that were given
        number = {str(i): i for i in range(len(names))} if all(map(_is_number, found)) else number
    labelled: dict[str, list] = {}
    for split, part in rows.items():
        for row in part:
            if _name(row[2]) not in number:
                raise TaskError(f"label {row[2]!r} at {row[3]}", wanted="one of " + ", ".join(map(repr, number)),
                                cause="a label out of range or misspelt")
        labelled[split] = [number[_name(row[2])] for row in part]
    used = set().union(*map(set, labelled.values()))
    if len(used) < 2:
        raise TaskError(f"a single class in column {column!r}: {names[next(iter(used))]!r}", wanted="two or more",
                        cause="a file sorted by label and cut, or the wrong column")
    return names, labelled


def _name(label: Any) -> str:
    """A label as a class name; 1 and 1.0 are the same class, and so are true and True."""
    if isinstance(label, bool):
        return str(label).lower()
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label).strip()


def _divide(examples: list[tuple[Row, Any]], kind: str, names: tuple[str, ...], shares: tuple[float, float],
            seed: int) -> dict[str, list[tuple[Row, Any]]]:
    """Train, validation and test by seed, each class in the same shares and present in all three."""
    if len(shares) != 2 or not all(0 < share < 1 for share in shares) or sum(shares) >= 1:
        raise TaskError(f"shares {shares!r}", wanted="two shares above 0 with a sum below 1, e.g. (0.1, 0.2)",
                        cause="a share of 0 makes an empty split")
    groups: dict[Any, list[int]] = defaultdict(list)
    for i, (_, value) in enumerate(examples):
        groups[value if kind == "classification" else None].append(i)
    where = {}
    for value, members in sorted(groups.items(), key=lambda item: str(item[0])):
        if len(members) < 3:
            what = f"class {names[value]!r}" if kind == "classification" else "the file"
            raise TaskError(f"{len(members)} examples of {what}", wanted="3 or more, one for each split",
                            hint="leave the class out, or join it with another")
        random.Random(f"{seed}/{value}").shuffle(members)
        n_validation, n_test = (max(1, round(share * len(members))) for share in shares)
        for position, i in enumerate(members):
            where[i] = "validation" if position < n_validation else "test" if position < n_validation + n_test else "train"
    parts = {name: [e for i, e in enumerate(examples) if where[i] == name] for name in ("train", "validation", "test")}
    if not parts["train"] or (kind == "classification" and len({value for _, value in parts["train"]}) < len(groups)):
        raise TaskError(f"shares {shares!r} of {len(examples)} examples", wanted="some of every class left for train")
    return parts
