#!/usr/bin/env python3
"""Train a masked-language-model head on review sentences in three ways, three seeds each: data/results/mlm_minilm-l6.json.

    python benchmarks/mlm_head.py                                   # all of it; half an hour on 2 cores is an estimate
    python benchmarks/mlm_head.py --variants in-use --seeds 0

Each way differs in one thing from the first: how tokens are hidden (replace), or which are asked (every).
Each run is a process of its own; a finished run is never repeated (delete its entry to run it again). Settings were fixed
before the runs, none was tuned. Scores are of the test split, whose masks are drawn once and are the same for every run.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results" / "mlm_minilm-l6.json"
BERT = (0.8, 0.1, 0.1)  # shares of [MASK], random, unchanged
VARIANTS = {  # "every": the loss counts every ordinary position, not the chosen ones alone
    "in-use": dict(replace=BERT, every=False, epochs=1),
    "all-mask": dict(replace=(1.0, 0.0, 0.0), every=False, epochs=1),
    "every-position": dict(replace=BERT, every=True, epochs=1),
}
CONFIG = dict(learning_rate=5e-4, batch_size=64, micro_batch_size=16)  # an epoch is 122 steps
RATE = 0.15


def masked_batches(encoded, tokenizer, batch_size, *, shuffle, seed, replace=BERT, every=False):
    """The package's batches with masks drawn anew each time one is made; `at` says which positions the model is asked for."""
    import torch

    import ftlab as ft

    loader = ft.batches(encoded, batch_size, shuffle=shuffle, seed=seed)
    generator = torch.Generator().manual_seed(seed)

    def collate(rows):
        batch = ft.pad(rows, encoded.pad_id)
        original = batch["input_ids"]  # (B, T)
        batch["input_ids"], batch["labels"] = ft.mask_tokens(original, tokenizer, RATE, generator, replace=replace)
        if every:  # ask for each ordinary token: rate=1 chooses them all
            batch["labels"] = ft.mask_tokens(original, tokenizer, rate=1.0)[1]
        batch["at"] = batch["labels"] != -100
        return batch

    loader.collate_fn = collate
    return loader


def asked_loss(logits, labels):
    """mlm_loss, for logits (N, V) of the asked positions alone."""
    import ftlab as ft

    return ft.mlm_loss(logits[None], labels[labels != -100][None])


def score(model, tokenizer, split) -> dict:
    """Loss and number right on the chosen tokens of a split, all together and by what was done to them."""
    import torch

    import ftlab as ft

    loader = masked_batches(ft.encode(split, tokenizer), tokenizer, 64, shuffle=False, seed=0)
    found = {kind: dict(n=0, right=0, nats=0.0) for kind in ("all", "mask", "random", "unchanged")}
    model.cpu().eval()  # after a training on a GPU too
    with torch.no_grad():
        for batch in loader:
            labels, seen = batch["labels"][batch["at"]], batch["input_ids"][batch["at"]]  # (N,)
            logits = model(**ft.inputs(batch))  # (N, V)
            nats = torch.nn.functional.cross_entropy(logits, labels, reduction="none")  # (N,)
            right = logits.argmax(-1) == labels  # (N,)
            masked, same = seen == tokenizer.mask_token_id, seen == labels
            kinds = {"all": labels >= 0, "mask": masked, "random": ~masked & ~same, "unchanged": same}
            for kind, where in kinds.items():
                found[kind]["n"] += int(where.sum())
                found[kind]["right"] += int(right[where].sum())
                found[kind]["nats"] += float(nats[where].sum())
    return {kind: {**f, "nats": round(f["nats"], 2)} for kind, f in found.items()}


def one(variant: str, seed: int) -> dict:
    import torch

    import ftlab as ft
    from ftlab.finetuning import versions

    way = VARIANTS[variant]
    lab, config = ft.setup(seed), ft.TrainConfig(seed=seed, epochs=way["epochs"], **CONFIG)
    tokenizer, task = ft.load_tokenizer(), ft.load_task("ratings/movies")
    torch.manual_seed(seed)
    model = ft.MaskedLanguageModel(ft.load_encoder(dropout=0.0))
    loader = masked_batches(ft.encode(task.train, tokenizer), tokenizer, config.batch_size, shuffle=True, seed=seed,
                            replace=way["replace"], every=way["every"])
    started, cpu = time.perf_counter(), time.process_time()
    history = ft.fit(model, loader, config=config, loss_fn=asked_loss)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    losses = [s["loss"] for s in history.steps]
    return {
        "variant": variant, "seed": seed, **way, "n_train": len(task.train), "n_test": len(task.test),
        "after": score(model, tokenizer, task.test), "steps": len(losses),
        "losses_every_10_steps": [round(sum(losses[i:i + 10]) / len(losses[i:i + 10]), 4) for i in range(0, len(losses), 10)],
        "seconds": round(wall, 1), "cpu_seconds": round(cpu, 1), "tokens": history.tokens, "peak_mib": round(ft.peak_mib()), "config": CONFIG,
        "device": history.device, "precision": history.precision, "threads": lab.cores, "date": datetime.date.today().isoformat(),
        "versions": versions(), "command": f"python benchmarks/mlm_head.py --variants {variant} --seeds {seed}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from ftlab._files import write_whole

    if args.only:
        print(json.dumps(one(args.variants[0], args.seeds[0])))
        return
    runs = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"] if RESULTS.exists() else []
    for seed in args.seeds:
        for variant in args.variants:
            if any(r["variant"] == variant and r["seed"] == seed for r in runs):
                continue
            command = [sys.executable, __file__, "--only", "--variants", variant, "--seeds", str(seed)]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "FTLAB_QUIET": "1"})
            if done.returncode:
                print(f"{variant} seed {seed} failed: {done.stderr.strip().splitlines()[-1][:300]}", flush=True)
                continue
            runs.append(json.loads(done.stdout.strip().splitlines()[-1]))
            r, a = runs[-1], runs[-1]["after"]["all"]
            print(f"{variant:15} seed {seed}: {a['right'] / a['n']:.3f} right, {a['nats'] / a['n']:.3f} nats  "
                  f"{r['seconds']:.0f} s, {r['cpu_seconds']:.0f} CPU s, {r['peak_mib']} MiB", flush=True)
            runs.sort(key=lambda r: (list(VARIANTS).index(r["variant"]), r["seed"]))
            record = {"what": "masked-language-model head on ratings/movies, test split, minilm-l6", "checkpoint": "minilm-l6", "rate": RATE, "runs": runs}
            write_whole(RESULTS, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
