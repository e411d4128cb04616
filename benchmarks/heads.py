#!/usr/bin/env python3
"""The classic snippet, its mended version, and each fault put back alone: every run is kept in data/results/heads_minilm-l6.json.

    python benchmarks/heads.py                                    # all of PLAN: about half an hour on 2 cores
    python benchmarks/heads.py --variants mended snippet --seeds 0 1 2

All variants see the same 1,000 film reviews twice (2 epochs, batches of 32) and are scored on the test split after the last
step; nothing is chosen by its score. All run in float32, which every machine has, so that only the variant differs. A seed draws the head and the order of the examples. A finished run is never repeated;
delete its entry to run it again. Settings were fixed before the runs.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results" / "heads_minilm-l6.json"
N_TRAIN = 1000
BARE = dict(learning_rate=2e-5, warmup_ratio=0.0, schedule="constant", clip_norm=None, weight_decay=0.0)
HOT = dict(learning_rate=1e-3)
PLAN = {  # variant: (settings that differ from TrainConfig's, how the model is built, number of seeds)
    "mended": ({}, {}, 5),
    "snippet": (BARE, {"positional": True}, 3),
    "snippet, arguments by name": (BARE, {}, 5),
    "cls": ({}, {"pooling": "cls"}, 3),
    "mean": ({}, {"pooling": "mean"}, 3),
    "rate 2e-5": (dict(learning_rate=2e-5), {}, 3),
    "rate 2e-5, head 2e-3": (dict(learning_rate=2e-5, head_learning_rate=2e-3), {}, 3),
    "no warm-up, no clipping": (dict(warmup_ratio=0.0, clip_norm=None), {}, 3),
    "rate 1e-3": (HOT, {}, 3),
    "rate 1e-3, no warm-up, no clipping": (dict(warmup_ratio=0.0, clip_norm=None, **HOT), {}, 3),
    "head from randn": ({}, {"head": "randn"}, 3),
    "dropout 0.1": (dict(dropout=0.1), {}, 3),
}
KEEP_PROBABILITIES = ("mended", "snippet, arguments by name")


def build(config, seed: int, pooling: str = "pooler", positional: bool = False, head: str = "bert"):
    """The model of a variant: ours, but for the head's first weights or the order of the encoder's arguments."""
    import torch

    import ftlab as ft

    class Positional(ft.SequenceClassifier):
        """Hands the tokenizer's three tensors over by place: the mask where the segments belong, and the other way round."""

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.classifier(self.dropout(self.bert(input_ids, token_type_ids, attention_mask).pooler_output))  # (B, C)

    torch.manual_seed(seed)
    kind = Positional if positional else ft.SequenceClassifier
    attention = "sdpa" if positional else "eager"  # sdpa is the library's default, which the snippet gets
    model = kind(ft.load_encoder(dropout=config.dropout, attention=attention), 2, pooling=pooling, dropout=config.dropout)
    if head == "randn":
        torch.nn.init.normal_(model.classifier.weight)
    return model


def one(variant: str, seed: int) -> dict:
    import torch

    import ftlab as ft
    from ftlab.finetuning import versions

    settings, how, _ = PLAN[variant]
    config = ft.TrainConfig(**{"epochs": 2, "keep_best": False, "precision": "fp32", "seed": seed, **settings})
    task, tokenizer = ft.load_task("ratings/movies"), ft.load_tokenizer()
    model = build(config, seed, **how)
    started, cpu = time.perf_counter(), time.process_time()
    train = ft.encode(task.train.take(N_TRAIN, seed=0), tokenizer)
    history = ft.fit(model, ft.batches(train, config.batch_size, seed=seed), config=config)
    logits = ft.predict_logits(model, tokenizer, task.test)  # (N, C)
    labels = torch.tensor(task.test.labels)  # (N,)
    right = torch.softmax(logits, -1).gather(1, labels[:, None])[:, 0]  # (N,): probability of the right class
    head = model.classifier
    record = {
        "variant": variant, "seed": seed, "accuracy": round((logits.argmax(1) == labels).float().mean().item(), 4),
        "loss": round(-right.log().mean().item(), 4), "predicted_positive": round(logits.argmax(1).float().mean().item(), 4),
        "n_train": N_TRAIN, "n_test": len(labels), "steps": len(history.steps), "settings": settings, "model": how,
        "first_loss": round(history.steps[0]["loss"], 4), "last_losses": round(sum(s["loss"] for s in history.steps[-8:]) / 8, 4),
        "grad_norms": [round(s["grad_norm"], 3) for s in history.steps], "head_norm": round(head.weight.norm().item(), 4),
        "seconds": round(time.perf_counter() - started, 1), "cpu_seconds": round(time.process_time() - cpu, 1),
        "tokens": history.tokens, "peak_mib": round(ft.peak_mib()), "device": history.device, "precision": history.precision,
        "threads": torch.get_num_threads(), "notes": history.notes, "date": datetime.date.today().isoformat(), "versions": versions(),
        "command": f"python benchmarks/heads.py --variants '{variant}' --seeds {seed}",
    }
    if variant in KEEP_PROBABILITIES:
        record["probability_of_right"] = [round(p, 3) for p in right.tolist()]
    return record


def save(runs: list[dict]) -> None:
    from ftlab._files import write_whole

    order = list(PLAN)
    record = {
        "what": "The classic BERT classifier snippet, mended, and each fault put back alone", "checkpoint": "minilm-l6",
        "task": "ratings/movies, 1,000 training examples, 2 epochs; scored on the test split after the last step",
        "runs": sorted(runs, key=lambda r: (order.index(r["variant"]), r["seed"])),
    }
    write_whole(RESULTS, json.dumps(record, separators=(",", ":")).replace('{"variant"', '\n{"variant"') + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", choices=PLAN, default=list(PLAN))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ["FTLAB_QUIET"] = "1"
    for seed in args.seeds:
        for variant in args.variants:
            runs = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"] if RESULTS.exists() else []
            if seed >= PLAN[variant][2] or any(r["variant"] == variant and r["seed"] == seed for r in runs):
                continue
            r = one(variant, seed)
            save([*runs, r])
            print(f"{variant:36} seed {seed}: accuracy {r['accuracy']:.3f}  loss {r['loss']:.3f}  {r['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
