#!/usr/bin/env python3
"""Fine-tune the lite encoder on cloze-made questions, five seeds at each size, and keep every run in data/results/questions_minilm-l6.json.

    python benchmarks/questions.py                       # the pilot, then all of SIZES x SEEDS: over two hours on 2 cores
    python benchmarks/questions.py --jobs 8              # the same in 8 processes: some three minutes on an H200 with 16 cores
    python benchmarks/questions.py --sizes 64 --seeds 0 --pilot 1 --pilot-size 64 --results trial.json     # does it run?

Training questions are made by rules from the train editorials (`ftlab.tasks.cloze`); validation and test are written by hand. The
pilot trains one seed on all of them in each form of PILOT, and the form with the best F1 on validation (every question answered, those
with an answer) is taken for all runs. The no-answer threshold is chosen on validation, too, run by run; the test is scored once, after
the last step, and chooses nothing. The baselines without a model are judged in the same way. What is finished is never repeated: delete
its entry to run it again.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import itertools
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results" / "questions_minilm-l6.json"
SIZES = (500, 1_500, 0)  # 0: all there are
SEEDS = (0, 1, 2, 3, 4)
FIXED = dict(max_length=384, keep_best=False)
PILOT = [dict(zip(("sentences", "per_sentence", "epochs"), values)) for values in itertools.product((4, None), (2, 4), (1, 3))]


@functools.lru_cache(maxsize=None)
def loaded():
    """The task and the windows of its hand-written splits, once a process."""
    sys.path.insert(0, str(ROOT))
    os.environ["FTLAB_QUIET"] = "1"
    import ftlab as ft

    task = ft.load_task("questions")
    return task, {name: ft.spans.windows(task.split(name), ft.load_tokenizer(), FIXED["max_length"]) for name in ("validation", "test")}


@functools.lru_cache(maxsize=None)
def made(sentences: int | None, per_sentence: int):
    """The cloze-made questions in one form."""
    from ftlab.tasks import QuestionSplit, passages
    from ftlab.tasks.cloze import cloze

    return QuestionSplit("train", cloze(passages("train"), per_sentence, sentences))


def judged(found: dict, task) -> dict:
    """Scores with validation's threshold; and those of the answerable questions when every question is answered ("forced")."""
    from ftlab import answer_scores, spans

    threshold = spans.choose_threshold(found["validation"], task.validation)
    scores = {"threshold": round(threshold, 3)}
    for name, spans_found in found.items():
        split = task.split(name)
        given = answer_scores.score_answers([f.given(threshold) for f in spans_found], split.answers)
        forced = answer_scores.score_answers([f.text for f in spans_found], split.answers)
        forced = {f"forced_{key}": forced[key] for key in ("f1_answerable", "em_answerable")}
        scores[name] = {key: round(value, 4) for key, value in {**given, **forced}.items()}
    return scores


def each(found: list, split) -> list:
    """[start, end, F1, margin] of every question."""
    from ftlab.answer_scores import word_f1

    return [[f.start, f.end, round(word_f1(f.text, q.texts), 3), round(f.margin, 2)] for f, q in zip(found, split)]


def one(form: dict, n_train: int, seed: int, pilot: bool = False) -> dict:
    """One run; a pilot is scored on validation only."""
    task, cuts = loaded()
    import torch

    import ftlab as ft
    from ftlab.answering import build_extractor, window_logits
    from ftlab.finetuning import autocast, versions

    config = ft.TrainConfig(seed=seed, epochs=form["epochs"], **FIXED)
    started, cpu = time.perf_counter(), time.process_time()
    questions = made(form["sentences"], form["per_sentence"])
    questions = questions.take(n_train or len(questions), seed=0)
    train = ft.spans.windows(questions, ft.load_tokenizer(), config.max_length)
    model = build_extractor(seed=seed)
    history = ft.fit(model, ft.batches(train, config.batch_size, seed=seed), config=config, loss_fn=ft.spans.loss_fn)
    with autocast():
        names = ("validation",) if pilot else ("validation", "test")
        found = {name: ft.spans.decode(cuts[name], window_logits(model, cuts[name]), task.split(name)) for name in names}
    record = {"task": "questions", **form, "n_train": len(questions), "size": n_train, "seed": seed, "scores": judged(found, task)}
    if not pilot:
        record |= {"each": {name: each(found[name], task.split(name)) for name in names}, "losses": [round(s["loss"], 3) for s in history.steps]}
    return record | {
        "steps": len(history.steps), "tokens": history.tokens, "seconds": round(time.perf_counter() - started, 1),
        "training_seconds": round(history.seconds, 1), "cpu_seconds": round(time.process_time() - cpu, 1), "peak_mib": round(ft.peak_mib()),
        "learning_rate": config.learning_rate, "batch_size": config.batch_size, "device": ft.lab.device_name(), "precision": history.precision,
        "threads": torch.get_num_threads(), "date": datetime.date.today().isoformat(), "versions": versions(), "notes": history.notes,
    }


def save(pilots: list[dict], runs: list[dict], results: Path) -> None:
    from ftlab._files import write_whole

    task, _ = loaded()
    from ftlab.span_baselines import span_baseline

    names = ("validation", "test")
    rules = {how: judged({name: span_baseline(task.split(name), how) for name in names}, task) for how in ("random", "sentence", "phrase")}
    record = {
        "what": "The course's questions, minilm-l6 trained on cloze-made ones", "checkpoint": "minilm-l6", "command": "python benchmarks/questions.py",
        "note": "scores: threshold best on validation; forced: every question answered. each: [start, end, F1, margin] in the order of ids",
        "ids": {name: task.split(name).ids for name in names}, "baselines": rules,
        "pilot": sorted(pilots, key=lambda r: PILOT.index({key: r[key] for key in PILOT[0]})),
        "runs": sorted(runs, key=lambda r: (r["n_train"], r["seed"])),
    }
    write_whole(results, json.dumps(record, separators=(",", ":")).replace('{"task"', '\n{"task"') + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--pilot", type=int, default=len(PILOT), help="how many of the forms to try")
    parser.add_argument("--pilot-size", type=int, default=0, help="questions in a pilot; 0: all")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    kept = json.loads(args.results.read_text(encoding="utf-8")) if args.results.exists() else {"pilot": [], "runs": []}
    pilots, runs = kept["pilot"], kept["runs"]

    def work(pool, jobs: list[tuple], into: list[dict]) -> None:
        for record in pool.map(one, *zip(*jobs)) if jobs else ():
            into.append(record)
            save(pilots, runs, args.results)
            shown = {name: scores["forced_f1_answerable"] for name, scores in record["scores"].items() if name != "threshold"}
            print(f"{record['n_train']:>6} questions, {[record[key] for key in PILOT[0]]}, seed {record['seed']}: F1 {shown}; {record['steps']} steps, "
                  f"{record['training_seconds']:.0f} s of {record['seconds']:.0f} s, {record['precision']}", flush=True)

    with ProcessPoolExecutor(args.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        wanted = [form for form in PILOT[: args.pilot] if not any(all(r[key] == form[key] for key in form) for r in pilots)]
        work(pool, [(form, args.pilot_size, 0, True) for form in wanted], pilots)
        best = max(pilots, key=lambda r: r["scores"]["validation"]["forced_f1_answerable"])
        form = {key: best[key] for key in PILOT[0]}
        wanted = [(size, seed) for size in args.sizes for seed in args.seeds if not any((r["size"], r["seed"]) == (size, seed) for r in runs)]
        work(pool, [(form, size, seed, False) for size, seed in wanted], runs)


if __name__ == "__main__":
    main()
