"""A training run on disk, so that an interrupted one goes on to the same weights, bit for bit."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ftlab.config import TrainConfig
from ftlab.errors import InputError, TrainingError
from ftlab.history import History

FILE = "snapshot.pt"


def save_snapshot(
    out: Path, step: int, model: nn.Module, optimizer: Any, history: History, config: TrainConfig, best_state: dict[str, torch.Tensor] | None
) -> None:
    """Write weights, optimiser moments, random state and history to ``out/snapshot.pt``, all or nothing.

    Args:
        out: folder, made if need be.
        step: optimiser updates done.
        model, optimizer, history, config: the run.
        best_state: weights of the best evaluation so far, or None.
    Example: after each epoch `fit` calls this when it was given ``out=``.
    """
    out.mkdir(parents=True, exist_ok=True)
    record = {
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": history.to_dict(),
        "config": config.to_dict(),
        "best_state": best_state,
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    half_done = out / f".{FILE}.{os.getpid()}"
    torch.save(record, half_done)
    os.replace(half_done, out / FILE)


def restore_snapshot(
    out: Path, model: nn.Module, optimizer: Any, history: History, config: TrainConfig
) -> tuple[int, dict[str, torch.Tensor] | None]:
    """Put a run back to where its snapshot was taken.

    Args:
        out: folder given to `save_snapshot`.
        model, optimizer, history: filled in place.
        config: must equal the one the run began with.
    Returns: (steps done, best weights so far or None); (0, None) if there is no snapshot yet.
    Raises: InputError if the settings differ; TrainingError if the file is damaged.
    Example: ``fit(..., out="runs/a", resume=True)``.
    """
    path = out / FILE
    if not path.exists():
        return 0, None
    try:
        record = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:
        raise TrainingError(f"{path} cannot be read", wanted="a whole snapshot", hint="delete it and train again") from error
    now, then = config.to_dict(), record["config"]
    different = [name for name in now if now[name] != then.get(name) and tuple([now[name]]) != tuple([then.get(name)])]
    if different:
        name = different[0]
        raise InputError(f"{name}={now[name]!r}, but the run in {out} began with {then.get(name)!r}", wanted="the same settings", hint="use another out=")
    model.load_state_dict(record["model"])
    optimizer.load_state_dict(record["optimizer"])
    for field in fields(History):
        setattr(history, field.name, record["history"][field.name])
    history.note(f"went on from step {record['step']}")
    torch.set_rng_state(record["random"])
    if record["random_cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(record["random_cuda"])
    return record["step"], record["best_state"]
