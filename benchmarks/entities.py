#!/usr/bin/env python3
"""Fine-tune the lite encoder to find names in editorials, and keep every run in data/results/entities_minilm-l6.json.

    python benchmarks/entities.py                        # all of PLAN: about 15 minutes on 2 cores with bf16
    python benchmarks/entities.py --variants tagger      # the five seeds of the course's headline only

Settings were fixed before these runs (one earlier trial, 3 epochs at 2e-4, had reached 0.62 on validation and was still rising). Each run
chooses its epoch by validation F1 and scores the test split once. A finished run is never repeated unless the data changed: each keeps
the SHA-256 of the three files.
Variants differ from "tagger" in one thing:
  every piece labelled   the later pieces of a word are trained on too, with its I- tag (scored as ever, at first pieces)
  capitals marked        the second segment (token_type_ids 1) for the pieces of words with a capital letter, which the uncased vocabulary drops
  from scratch           the same network with random weights instead of pretrained ones
  175, 350 sentences     fewer training sentences, drawn with the run's seed
"""

from __future__ import annotations

import argparse
import collections
import datetime
import hashlib
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results" / "entities_minilm-l6.json"
SETTINGS = dict(epochs=8, learning_rate=3e-4, batch_size=16)
PLAN = {  # variant -> seeds
    "tagger": range(5), "capitals marked": range(3), "every piece labelled": range(3), "from scratch": range(3),
    "175 sentences": range(3), "350 sentences": range(3),
}


def label_every_piece(encoded, split) -> None:
    """Give the later pieces of each word its I- tag: what the course advises against, to see what it costs."""
    number = {name: i for i, name in enumerate(encoded.label_names)}
    for row, first, tags in zip(encoded.rows, encoded.first, split.tags):
        word_at = {position: tag for position, tag in zip(first, tags) if position is not None}
        tag = None
        for i in range(1, len(row["labels"]) - 1):  # not [CLS] and [SEP]
            tag = word_at.get(i, tag)
            if row["labels"][i] == -100 and tag is not None:
                row["labels"][i] = number["O" if tag == "O" else "I" + tag[1:]]


def mark_capitals(encoded, split) -> None:
    """Tell the model which words have a capital letter, through the segment numbers: they are 0 for every single sentence otherwise."""
    for row, first, words in zip(encoded.rows, encoded.first, split.words):
        word_at = {position: word for position, word in zip(first, words) if position is not None}
        word = ""
        for i in range(1, len(row["input_ids"]) - 1):
            word = word_at.get(i, word)
            row["token_type_ids"][i] = int(word != word.lower())


def one(variant: str, seed: int, settings: dict) -> dict:
    import torch

    import ftlab as ft
    from ftlab.entity_scores import entity_errors, entity_scores, scores_by_type
    from ftlab.finetuning import autocast, versions
    from ftlab.tagging import encode_tagged, entity_metrics, predict_tags

    def encoded(split):
        found = encode_tagged(split, tokenizer, task.label_names)
        if variant == "capitals marked":
            mark_capitals(found, split)
        return found

    config = ft.TrainConfig(seed=seed, **settings)
    task = ft.load_task("entities")
    if variant.endswith("sentences"):
        task = task.take(int(variant.split()[0]), seed=seed)
    ft.seed_everything(seed)
    tokenizer, model = ft.load_tokenizer(), ft.build_model(task, seed=seed)
    if variant == "from scratch":
        from transformers import BertModel

        model.bert = BertModel._from_config(model.bert.config, add_pooling_layer=False, attn_implementation="eager")
    train, validation, test = map(encoded, (task.train, task.validation, task.test))
    if variant == "every piece labelled":
        label_every_piece(train, task.train)
    started, cpu = time.perf_counter(), time.process_time()
    history = ft.fit(model, ft.batches(train, config.batch_size, seed=seed), ft.batches(validation, 64, shuffle=False), config,
                     metrics=entity_metrics(validation, task.validation))
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    model.to(ft.lab.device())
    with autocast(config.precision), torch.no_grad():
        tags = predict_tags(model, test)
    kinds = collections.Counter(error["kind"] for error in entity_errors(tags, task.test.tags))
    return {
        "task": "entities", "variant": variant, "seed": seed, "metric": "f1", "data_sha256": fingerprint(),
        "n_train": len(task.train), "n_validation": len(task.validation), "n_test": len(task.test),
        "scores": {"validation": rounded(history.best), "test": rounded(entity_scores(tags, task.test.tags))},
        "by_type": {kind: rounded(scores) for kind, scores in scores_by_type(tags, task.test.tags).items()}, "errors": dict(kinds.most_common()),
        "seconds": round(wall, 1), "cpu_seconds": round(cpu, 1), "tokens": history.tokens,
        "config": config.to_dict(), "notes": history.notes, "device": history.device, "device_name": ft.lab.device_name(),
        "precision": history.precision, "threads": ft.lab.setup(seed).cores, "date": datetime.date.today().isoformat(), "versions": versions(),
        "command": f'python benchmarks/entities.py --variants "{variant}" --seeds {seed}',
    }


def rounded(scores: dict) -> dict:
    return {k: round(v, 4) for k, v in scores.items() if k not in ("step", "n")}


def fingerprint() -> str:
    """Which data a run was made with."""
    folder = ROOT / "data" / "entities"
    return hashlib.sha256(b"".join((folder / f"{name}.jsonl").read_bytes() for name in ("train", "validation", "test"))).hexdigest()


def stored() -> list[dict]:
    """The finished runs on the data as it is now."""
    runs = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"] if RESULTS.exists() else []
    return [r for r in runs if r["data_sha256"] == fingerprint()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", choices=PLAN, default=list(PLAN))
    parser.add_argument("--seeds", nargs="+", type=int, help="of each variant; those of PLAN by default")
    parser.add_argument("--trial", nargs=2, metavar=("EPOCHS", "RATE"), help="one seed with other settings: prints its validation F1s, keeps nothing")
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from ftlab._files import write_whole

    os.environ.setdefault("FTLAB_QUIET", "1")
    if args.trial:
        seed = (args.seeds or [0])[0]
        run = one(args.variants[0], seed, SETTINGS | dict(epochs=int(args.trial[0]), learning_rate=float(args.trial[1])))
        print(f"{args.variants[0]}, seed {seed}, {args.trial}: validation {run['scores']['validation']}, {run['seconds']} s")
        return
    for variant in args.variants:
        for seed in args.seeds or PLAN[variant]:
            if any(r["variant"] == variant and r["seed"] == seed for r in stored()):
                continue
            r = one(variant, seed, SETTINGS)
            runs = [*stored(), r]  # read again: two of these may share the work, on a core each
            print(f"{variant}, seed {seed}: test {r['scores']['test']}  {r['seconds']:.0f} s on {r['device_name']}", flush=True)
            order = list(PLAN)
            record = {"what": "names in editorials, test F1 of whole names, minilm-l6", "checkpoint": "minilm-l6",
                      "runs": sorted(runs, key=lambda r: (order.index(r["variant"]), r["seed"]))}
            write_whole(RESULTS, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
