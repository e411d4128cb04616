"""The commands themselves (Typer). Each is a few lines that call the package; mistakes come out as one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ftlab.cli import texts
from ftlab.errors import FtlabError, InputError

ROOT = Path(__file__).resolve().parents[2]
app = typer.Typer(help=texts.INTRO, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
notebooks_app = typer.Typer(help=texts.HELP["notebooks"][1], no_args_is_help=True, add_completion=False)
app.add_typer(notebooks_app, name="notebooks")


def main(arguments: list[str]) -> int:
    """Run one command.

    Args:
        arguments: without the program's name.
    Returns:
        The exit code: 0 well, 1 tests failed, 2 a mistake (one line on stderr), 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):  # a Windows console may not know every sign
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = app(arguments, prog_name="ftlab", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except FtlabError as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone
        sys.stderr.close()
        return 1
    except Exception as error:
        if type(error).__name__ == "Abort":
            print("\nStopped.", file=sys.stderr)
            return 130
        if not hasattr(error, "format_message"):  # not a mistake in the call but a bug: show all of it
            raise
        context = getattr(error, "ctx", None)
        if message := error.format_message():
            where = context.command_path if context else "ftlab"
            print(f"got: {message.rstrip('.')} · do: {where} --help", file=sys.stderr)
        elif context:  # called with nothing: the help is the answer
            print(context.get_help())
    return 2


def _help(name: str) -> dict[str, Any]:
    usage, first, rest = texts.HELP[name]
    return {"name": name, "help": f"{first}\n\n{rest}", "short_help": first}


@app.command(**_help("lab"))
def lab(
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only serve; print the address.")] = False,
    port: Annotated[int, typer.Option(help="Port to serve on; the next free one if it is taken.", min=1, max=65535)] = 8888,
) -> int:
    """Fetch the assets and serve the notebooks."""
    from ftlab import assets

    _clone()
    assets.fetch()
    start = ROOT / "notebooks" / "00_start_here.ipynb"
    page = f"/lab/tree/notebooks/{start.name}" if start.is_file() else "/lab"
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url={page}", f"--port={port}"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url=None", "--LabApp.extension_manager=readonly"]
    command += ["--no-browser"] * no_browser
    command += ["--allow-root"] * (hasattr(os, "geteuid") and os.geteuid() == 0)
    print("Opening JupyterLab; stop it here with Ctrl-C.", file=sys.stderr, flush=True)
    return max(_run(command), 0)  # stopped with Ctrl-C: all is well


@app.command(**_help("test"), context_settings={"allow_extra_args": True})
def test(
    context: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Leave the notebooks out.")] = False,
) -> int:
    """Run pytest over the tests and, unless fast, the notebooks."""
    from ftlab import assets

    _clone()
    assets.fetch()
    command = [sys.executable, "-m", "pytest", str(ROOT / "tests"), f"--rootdir={ROOT}", "-c", str(ROOT / "pyproject.toml")]
    if not fast:
        command += ["--nbval", "--nbval-sanitize-with", str(ROOT / "tests" / "sanitize.cfg"), "--nbval-cell-timeout=900"]
        command += [str(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    else:
        command += ["-m", "not slow"]
    return _run([*command, *context.args], FTLAB_QUIET="1", HF_HUB_OFFLINE=os.environ.get("HF_HUB_OFFLINE", "1"))


@app.command(**_help("doctor"))
def doctor(no_network: Annotated[bool, typer.Option("--no-network", help="Do not ask whether the Hub answers.")] = False) -> None:
    """Print the report on this machine."""
    from ftlab.cli.doctor import report

    print(report(network=not no_network))


@app.command(**_help("fetch"))
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Assets; all by default.")] = None,
    list_them: Annotated[bool, typer.Option("--list", help="List them, with size, licence and whether the cache has them.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Hash every file again; fetch what is wrong.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Look in this folder first.")] = None,
) -> None:
    """List, check or fetch assets."""
    from ftlab import assets

    if list_them:
        known = assets.manifest()
        for s in assets.status():
            print(f"{s.name:<14} {s.size / 1e6:6.1f} MB  {'in the cache' if s.ready else 'not fetched '}  {s.title}")
            print(f"{'':<14} {known[s.name].licence} · {s.folder}")
        return
    if check:
        for name, wrong in assets.check(names).items():
            print(f"{name:<14} {'wrong or missing: ' + ', '.join(wrong) if wrong else 'every SHA-256 right'}")
    for name, place in assets.fetch(names, folder=folder).items():
        if not check:
            print(f"{name:<14} {place}")
        if any(file.endswith(".gguf") for file in assets.manifest()[name].files):
            from ftlab import causal

            causal.unpack(name)  # now, so that the first chapter to use it need not wait


@app.command(**_help("run"))
def run(
    chapters: Annotated[list[str] | None, typer.Argument(help="Numbers or names; all by default.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Store the outputs in the notebooks.")] = False,
) -> int:
    """Execute notebooks."""
    from ftlab.cli.notebooks import run_chapters

    return run_chapters(_clone() / "notebooks", chapters or [], write)


@app.command(**_help("train"))
def train(
    task: Annotated[str, typer.Option(help="Task name, or a CSV or JSONL file.")],
    out: Annotated[Path, typer.Option(help="Folder for the model and metrics.json.")],
    checkpoint: Annotated[str, typer.Option(help="minilm-l6, a model folder, or (FTLAB_PROFILE=full) owner/name on the Hub.")] = "minilm-l6",
    seed: Annotated[int, typer.Option(help="Order of the examples and the head's first weights.")] = 0,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training examples.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples per step.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens kept of each example; for questions, of a window.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32, bf16 or fp16.")] = None,
    n_train: Annotated[int | None, typer.Option(help="Train on this many examples only.")] = None,
    text: Annotated[str, typer.Option(help="For a file: its text column.")] = "text",
    label: Annotated[str, typer.Option(help="For a file: its label column.")] = "label",
    text_pair: Annotated[str | None, typer.Option(help="For a file: a second text column.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last epoch saved in the folder.")] = False,
) -> None:
    """Fine-tune and save; refuses bad settings before anything heavy is loaded."""
    from dataclasses import replace

    from ftlab.config import TrainConfig

    given = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size, "max_length": max_length, "precision": precision}
    config = TrainConfig(seed=seed, **{name: value for name, value in given.items() if value is not None})
    if n_train is not None and n_train < 2:
        raise InputError(f"n_train is {n_train}", wanted="at least 2")
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "config.json").exists() and not (out / "snapshot").exists())):
        raise InputError(f"{out} is not an empty folder", wanted="a new folder, or one that an earlier training wrote", hint="choose another --out")
    from ftlab import fine_tune, load_table, load_task

    is_file = Path(task).suffix.lower() in (".csv", ".tsv", ".jsonl", ".json")
    data = load_table(task, text=text, label=label, text_pair=text_pair) if is_file else load_task(task)
    if n_train is not None:
        data = replace(data, splits={**data.splits, "train": data.train.take(min(n_train, len(data.train)), seed)})
    tuned = fine_tune(data, checkpoint, config, out=out, resume=resume)
    for name, scores in tuned.scores.items():
        shown = "  ".join(f"{key} {value:.3f}" for key, value in scores.items() if isinstance(value, float))
        print(f"{name:<11} {shown}")
    for note in tuned.history.notes:
        print(f"note: {note}")
    print(f"{tuned.history.seconds:.0f} s of training; model and metrics.json in {out}")
    if data.kind == "span":
        print(f'Try it: ftlab predict {out} "Who ...?" --document FILE')
        return
    print(f'Try it: ftlab predict {out} "a sentence of your own"')


@app.command(**_help("predict"))
def predict(
    folder: Annotated[Path, typer.Argument(help="A folder that train saved.")],
    sentences: Annotated[list[str], typer.Argument(metavar="TEXTS...", help="Texts; - reads one a line.")],
    pair: Annotated[list[str] | None, typer.Option(help="The second text of each, for tasks on pairs; for questions, the text to read.")] = None,
    document: Annotated[Path | None, typer.Option(help="For questions: a text file to find the answers in.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Score texts with a saved model."""
    if not (folder / "config.json").is_file():
        from ftlab.errors import ModelError

        raise ModelError(f"{folder} is not a model folder", wanted="a folder with config.json and model.safetensors",
                         hint="make one with: ftlab train --task ratings/movies --out runs/movies")
    if sentences == ["-"]:
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        sentences = [line.strip() for line in sys.stdin if line.strip()]
    if not sentences or not all(text.strip() for text in sentences):
        raise InputError("an empty text", wanted="at least one word to score")
    from ftlab.checkpoints import load_model
    from ftlab.finetuning import predict as score
    from ftlab.spans import is_extractor

    model, tokenizer, label_names = load_model(folder)
    if is_extractor(model):
        return _predict_answers(folder, model, tokenizer, sentences, pair, document, as_json)
    if document is not None:
        raise InputError(f"--document with a {type(model).__name__}", wanted="a model that answers questions", hint="leave --document out")
    for text, answer in zip(sentences, score(model, tokenizer, sentences, pair, label_names=label_names)):
        if as_json:
            print(json.dumps({"text": text, **answer}, ensure_ascii=False))
        elif "label" in answer:
            print(f"{answer['label']:<12} {answer['probability']:.3f}  {text}")
        elif "entities" in answer:
            print(text)
            for name in answer["entities"]:
                print(f"  {name['label']:<6} {name['score']:.3f}  {name['text']}  ({name['start']}-{name['end']})")
        else:
            print(f"{answer['value']:+.3f}  {text}")


@app.command(**_help("study"))
def study(
    name: Annotated[str | None, typer.Argument(help="One of --list.")] = None,
    list_them: Annotated[bool, typer.Option("--list", help="List the studies, or the cells of the one named.")] = False,
    jobs: Annotated[int, typer.Option(help="Worker processes, for many cores or a GPU (on NVIDIA, a dozen share one well under its MPS).")] = 1,
    seeds: Annotated[int | None, typer.Option(help="Only the first N seeds.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only cells with this setting; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="Results file; data/results/study_NAME.json by default.")] = None,
) -> int:
    """Run what is missing of a study, or list it."""
    from ftlab import study as studies
    from ftlab.cli.listing import list_cells, list_studies, settings_of

    if name is None:
        if not list_them:
            raise InputError("no study named", wanted="NAME or --list", hint="ftlab study --list")
        print(list_studies())
    elif list_them:
        print(list_cells(name, seeds, settings_of(only), out))
    else:
        place = out or studies.results_path(name)
        try:
            n = studies.run_study(name, jobs=jobs, n_seeds=seeds, only=settings_of(only), out=out, say=lambda line: print(line, flush=True))
        except KeyboardInterrupt:
            print(f"\nStopped. What is finished is in {place}; the same command goes on.", file=sys.stderr)
            return 130
        print(f"{n} cells trained; results in {place}")
    return 0


def _predict_answers(
    folder: Path, model: Any, tokenizer: Any, questions: list[str], contexts: list[str] | None, document: Path | None, as_json: bool
) -> None:
    """Answers to questions, one a line; "-" where the model gives none."""
    from ftlab.answering import answers_of, saved_threshold

    if document is not None:
        if contexts:
            raise InputError("--pair and --document", wanted="one of the two")
        if not document.is_file():
            raise InputError(f"no file {document}", wanted="a text file to find the answers in")
        contexts = [document.read_text(encoding="utf-8", errors="replace")]
    if not contexts:
        raise InputError("questions without a text to read", wanted="the text that holds the answers",
                         hint='add --pair "the text", or --document FILE')
    for question, found in zip(questions, answers_of(model, tokenizer, questions, contexts, *saved_threshold(folder))):
        if as_json:
            print(json.dumps({"question": question, **found}, ensure_ascii=False))
        else:
            print(f"{found['text'] or '- (no answer found)'}  <  {question}")


@notebooks_app.command("stamp", help="\n\n".join(texts.HELP["notebooks"][1:]))
def stamp(check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if a notebook is out of step.")] = False) -> int:
    """Write the address into the notebooks."""
    from ftlab.cli.stamp import stamp_all

    changed = stamp_all(_clone(), write=not check)
    print("out of step: " * (check and bool(changed)) + (", ".join(changed) or "every notebook is in step"))
    return 1 if check and changed else 0


@notebooks_app.callback()
def _notebooks() -> None:
    """Keeps `stamp` a subcommand of its own."""


def _clone() -> Path:
    if not (ROOT / "notebooks").is_dir():
        raise InputError("no notebooks beside the package", wanted="a clone of the project", cause="ftlab alone is installed",
                         hint="get the whole project and run this in its folder")
    return ROOT


def _run(command: list[str], **environment: str) -> int:
    """Run a program to its end, letting it handle Ctrl-C itself."""
    environment = {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", **environment}
    child = subprocess.Popen(command, cwd=ROOT, env=environment)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue
