"""Makes tests/squad_cases.json: 1,000 random answers judged by two implementations that are not ours.

    pip download --no-deps transformers==4.57.1 torchmetrics==1.9.0 -d wheels
    python tests/squad_cases.py wheels/transformers-*.whl wheels/torchmetrics-*.whl

transformers 5 has no SQuAD metrics any more; its last version 4 had the official ones, and neither package needs installing: their
two files of formulas are read from the wheels. Each case is [prediction, answers, [em, f1] of transformers, [em, f1] of torchmetrics].
"""

from __future__ import annotations

import json
import random
import re
import sys
import types
import zipfile
from pathlib import Path

WORDS = ["the", "The", "a", "An", "senate", "Senate", "U.S.", "$3", "1990", "mid-1990s", "New", "York", "o'clock", "''quoted''", "café", "cafe\u0301",
         "Straße", "İstanbul", "naïve", "日本", "“curly”", "it’s", "—", "-", "...", "!", "the,", "(a)", "theatre", "another", "3,000", "and", "x", "X."]
GAPS = [" ", "  ", "\t", "\n", "\u00a0", ""]


def text(random: random.Random, words: list[str]) -> str:
    return "".join(random.choice(words) + random.choice(GAPS[:1] * 8 + GAPS) for _ in range(random.choice([0, 1, 1, 2, 3, 5])))


def cases(n: int = 1000) -> list[tuple[str, list[str]]]:
    source, made = random.Random(7), []
    for _ in range(n):
        words = source.sample(WORDS, source.choice([3, 6, len(WORDS)]))  # few words: more in common
        answers = [text(source, words) for _ in range(source.choice([0, 1, 1, 1, 2, 3, 4]))]
        prediction = text(source, words)
        if answers and source.random() < 0.3:  # the very answer, or nearly
            prediction = source.choice([str.upper, str.lower, lambda t: f"the {t}.", lambda t: t.strip("'“”")])(source.choice(answers))
        made.append((prediction, answers))
    return made


def functions(wheel: str, name: str) -> dict:
    """The functions of one file of a wheel, its imports of other modules left out."""
    source = zipfile.ZipFile(wheel).read(name).decode("utf-8")
    source = re.sub(r"^from (\.|torchmetrics).*$", "", source, flags=re.M).replace("logger = logging", "logger = None and logging")
    scope: dict = {"__name__": "read", "logging": None, "BasicTokenizer": None, "rank_zero_warn": None}
    exec(compile(source, name, "exec"), scope)
    return scope


def main(transformers: str, torchmetrics: str) -> None:
    old = functions(transformers, "transformers/data/metrics/squad_metrics.py")
    other = functions(torchmetrics, "torchmetrics/functional/text/squad.py")
    rows = []
    for i, (prediction, answers) in enumerate(cases()):
        example = types.SimpleNamespace(qas_id=i, answers=[{"text": a} for a in answers])
        em, f1 = (scores[i] for scores in old["get_raw_scores"]([example], {i: prediction}))
        golds = answers or [""]
        best = [float(other["_metric_max_over_ground_truths"](other[name], prediction, golds)) for name in ("_compute_exact_match_score", "_compute_f1_score")]
        rows.append([prediction, answers, [em, round(f1, 6)], [best[0], round(best[1], 6)]])
    lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
    Path(__file__).with_suffix(".json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
