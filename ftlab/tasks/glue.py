"""The nine GLUE tasks by name: which columns they read, what they are scored by, and the scores that mean nothing was learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ftlab.errors import TaskError

from .base import Split, Task
from .hubdata import fetch

HUB_ID = "nyu-mll/glue"


@dataclass(frozen=True)
class Glue:
    """What is known of a GLUE task before its data is there.

    Attributes:
        asks: the question, in a few words.
        text, text_pair: names of its columns; text_pair is "" where there is one text.
        labels: class names in the Hub's order; empty for STS-B, whose label is a value from 0 to 5.
        metrics: scores reported, the headline first.
        sizes: published examples of train, validation, test (for MNLI the matched ones).
        majority: published validation split, every answer the commonest class: score by metric.
        beware: what to know before trusting a score.
        licence: of the sentences.
    Example: ``TASKS["mrpc"].majority["f1"]`` is 0.812.
    """

    asks: str
    text: str
    text_pair: str
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    sizes: tuple[int, int, int]
    majority: dict[str, float]
    beware: str
    licence: str = "see the task's own terms"


_YES_NO = ("entailment", "not_entailment")
TASKS: dict[str, Glue] = {
    "cola": Glue(
        "Is this sentence acceptable English?", "sentence", "", ("unacceptable", "acceptable"), ("matthews", "accuracy"),
        (8551, 1043, 1063), {"matthews": 0.0, "accuracy": 0.691},
        "7 in 10 sentences are acceptable: accuracy 0.691 is nothing, so Matthews correlation is reported; 0 means one class only",
    ),
    "sst2": Glue(
        "Is this film-review phrase positive?", "sentence", "", ("negative", "positive"), ("accuracy",),
        (67349, 872, 1821), {"accuracy": 0.509},
        "train holds phrases cut from sentences, validation whole sentences; 5 in 6 of those are also in ratings/movies",
    ),
    "mrpc": Glue(
        "Do these two sentences say the same?", "sentence1", "sentence2", ("not_equivalent", "equivalent"), ("f1", "accuracy"),
        (3668, 408, 1725), {"f1": 0.812, "accuracy": 0.684},
        "accuracy 0.684 with F1 0.812 is the answer 'equivalent' every time", "Microsoft Research Paraphrase Corpus terms",
    ),
    "stsb": Glue(
        "How alike in meaning are these two sentences, 0 to 5?", "sentence1", "sentence2", (), ("spearman", "pearson"),
        (5749, 1500, 1379), {"spearman": 0.0, "pearson": 0.0},
        "a regression: one output, squared error, no argmax (over one column it is always 0)", "mixed, CC BY-SA",
    ),
    "qqp": Glue(
        "Do these two questions ask the same?", "question1", "question2", ("not_duplicate", "duplicate"), ("f1", "accuracy"),
        (363846, 40430, 390965), {"f1": 0.0, "accuracy": 0.632},
        "accuracy 0.632 with F1 0 is the answer 'not_duplicate' every time", "Quora terms, non-commercial",
    ),
    "mnli": Glue(
        "Does the second sentence follow from the first?", "premise", "hypothesis", ("entailment", "neutral", "contradiction"),
        ("accuracy",), (392702, 9815, 9796), {"accuracy": 0.354},
        "two validation splits: the genres of train (validation) and others (validation_mismatched); report both",
        "OANC, CC BY-SA 3.0 and others",
    ),
    "qnli": Glue(
        "Does this sentence hold the answer to the question?", "question", "sentence", _YES_NO, ("accuracy",),
        (104743, 5463, 5463), {"accuracy": 0.505}, "balanced: 0.505 is nothing", "CC BY-SA 4.0",
    ),
    "rte": Glue(
        "Does the second sentence follow from the first?", "sentence1", "sentence2", _YES_NO, ("accuracy",),
        (2490, 277, 3000), {"accuracy": 0.527},
        "0.527 is one class only; with 277 validation examples an interval is 12 points wide: use five seeds",
    ),
    "wnli": Glue(
        "With the pronoun replaced, does the sentence follow?", "sentence1", "sentence2", ("not_entailment", "entailment"),
        ("accuracy",), (635, 71, 146), {"accuracy": 0.563},
        "71 validation examples that share their sentences with train under the other label: below 0.563 is usual", "CC BY 4.0",
    ),
}


def glue_table() -> list[dict[str, Any]]:
    """The nine tasks as rows of a table (scores 0 to 1); needs no network.

    Returns: list of dict: task, asks, inputs, classes, metrics, train, validation, test (published numbers of examples),
        majority (score by metric of answering without reading, on validation), beware.
    Example: ``glue_table()[0]["task"]`` is ``"glue/cola"``.
    Source: Wang et al. 2019, GLUE, table 1 and section 3. Checked against: the data, task by task (tests/test_tasks_glue.py).
    """
    rows = []
    for name, about in TASKS.items():
        inputs = about.text if not about.text_pair else f"{about.text} + {about.text_pair}"
        train, validation, test = about.sizes
        rows.append({
            "task": f"glue/{name}", "asks": about.asks, "inputs": inputs, "classes": len(about.labels) or "a value, 0-5",
            "metrics": ", ".join(about.metrics), "train": train, "validation": validation, "test": test,
            "majority": dict(about.majority), "beware": about.beware,
        })
    return rows


def load_glue(name: str) -> Task:
    """One GLUE task, from the Hub's cache or the Hub.

    Args:
        name: cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte or wnli.
    Returns: a `Task`; the labels of "test" are withheld (None) but for MRPC; MNLI also has validation_mismatched and test_mismatched.
    Raises: TaskError for an unknown name; AssetError, within about 5 seconds, if the Hub is off, refuses or does not answer.
    Example: ``len(load_glue("rte").validation)`` is 277.
    Source: Wang et al. 2019. Checked against: published sizes and label counts (tests/test_tasks_glue.py).
    """
    if name not in TASKS:
        raise TaskError(f"GLUE task {name!r}", wanted="one of " + ", ".join(TASKS))
    about = TASKS[name]
    data = _fetch(name)
    notes = [about.beware]
    published = dict(zip(("train", "validation", "test"), about.sizes, strict=True))
    splits = {}
    for hub_name, rows in data.items():
        split_name = hub_name.removesuffix("_matched")  # MNLI's matched splits are its plain ones
        if len(rows) != published.get(split_name, len(rows)):
            notes.append(f"{split_name} has {len(rows):,} of the {published[split_name]:,} published examples here")
        splits[split_name] = _split(split_name, rows, about, notes)
    kind = "classification" if about.labels else "regression"
    order = sorted(splits, key=lambda s: (("train", "validation", "test").index(s.split("_")[0]), s))
    return Task(f"glue/{name}", kind, about.labels, about.metrics[0], about.metrics, {s: splits[s] for s in order},
                f"Wang et al. 2019, GLUE; Hub data set {HUB_ID}, {name}", about.licence, about.asks, tuple(notes))


def _split(name: str, rows: Any, about: Glue, notes: list[str]) -> Split:
    """A `Split` from the rows of a `datasets.Dataset`; blank texts are left out, labels of -1 mean withheld."""
    missing = {about.text, about.text_pair or about.text, "label"} - set(rows.column_names)
    if missing:
        raise TaskError(f"no column {', '.join(sorted(missing))} in {name}", wanted=", ".join(rows.column_names))
    names = getattr(rows.features["label"], "names", None)
    if names is not None and tuple(names) != about.labels:
        raise TaskError(f"labels {names} in {name}", wanted=str(list(about.labels)), cause="another data set of this name")
    texts, labels = list(rows[about.text]), list(rows["label"])
    pairs = list(rows[about.text_pair]) if about.text_pair else None
    kept = [i for i, text in enumerate(texts) if text.strip() and (pairs is None or pairs[i].strip())]
    if len(kept) < len(texts):
        notes.append(f"{len(texts) - len(kept)} examples of {name} with a blank text left out")
    withheld = all(label == -1 for label in labels)
    number = int if about.labels else float
    return Split(
        name, [texts[i] for i in kept], None if withheld else [number(labels[i]) for i in kept],
        [pairs[i] for i in kept] if pairs else None, [str(i) for i in kept],
    )


def _fetch(name: str) -> Any:
    return fetch(HUB_ID, name, called=f"glue/{name}", instead="use ratings/movies, which needs no Hub")
