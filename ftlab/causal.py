"""A real causal language model: loaded, and asked how surprised it is by a text.

SmolLM2-135M comes as one 4-bit GGUF file of 94 MiB. The library reads that slowly (some 15 s), so it is unpacked once, by
another process, whose memory is given back when it ends; from then on a plain model folder (bf16, 257 MiB) loads in seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ftlab.batching import Encoded
from ftlab.errors import InputError, ModelError, ShapeError
from ftlab.losses import IGNORE_INDEX, bits_per_byte, perplexity

DOCUMENT_START = "<|endoftext|>"  # what stood between the documents that such models are pretrained on
_DONE = "unpacked.json"  # written last: the size of the weights


def load_causal_lm(name: str | os.PathLike[str] = "smollm2-135m", dtype: torch.dtype = torch.float32) -> tuple[nn.Module, Any]:
    """A pretrained causal language model and its tokenizer (135 million parameters for the default).

    Args:
        name: "smollm2-135m", a model folder, or (full profile) "owner/name" on the Hub.
        dtype: of the weights in memory: torch.float32 (515 MiB for the default; the same numbers on every machine) or
            torch.bfloat16 (half of that, and faster where the CPU has it in hardware).
    Returns: (model, tokenizer), the model in evaluation mode; ``model(input_ids=..., attention_mask=...).logits`` is (B, T, V).
    Raises: ModelError if it is not a causal model, or cannot be unpacked; AssetError if its file cannot be fetched.
    Example: ``model, tokenizer = load_causal_lm()``; ``len(tokenizer)`` is 49152.
    Source: Ben Allal et al. 2025, SmolLM2. Checked against: the library's own reading of the GGUF file (tests/test_causal.py).
    """
    from transformers import AutoModelForCausalLM

    from ftlab import assets, checkpoints

    folder = unpack(str(name)) if str(name) in assets.manifest() else checkpoints.resolve(name)
    model = checkpoints._load(AutoModelForCausalLM.from_pretrained, folder, "causal language model", dtype=dtype)
    return model.eval(), checkpoints.load_tokenizer(folder)


def unpack(name: str = "smollm2-135m") -> Path:
    """Make the plain model folder of a GGUF asset, if there is none yet: once, whole or not at all.

    `load_causal_lm` does it on first use. Done earlier, for example while a Binder image is built, it costs the
    first reader neither the time (20 s) nor the memory (0.9 GiB, in a process of its own).

    Args:
        name: an asset with a .gguf file.
    Returns: the folder, in ftlab's cache, with config.json, model.safetensors and the tokenizer.
    Raises: ModelError if the asset has no GGUF file, or it cannot be unpacked; AssetError if it cannot be fetched.
    Example: ``unpack() / "config.json"`` exists.
    """
    from ftlab import assets
    from ftlab._cache import say_line
    from ftlab._files import cache_home, locked

    known = assets.manifest().get(name)
    file = next((file for file in known.files if file.endswith(".gguf")), None) if known else None
    if file is None:
        raise ModelError(f"checkpoint {name!r}", wanted="a causal language model", cause="an encoder", hint='use "smollm2-135m"')
    sha256 = known.files[file]["sha256"]
    folder = cache_home() / "unpacked" / f"{name}-{sha256[:12]}"
    if _is_whole(folder):
        return folder
    with locked(folder.with_suffix(".lock"), waiting=lambda: say_line(f"{name}: another process is unpacking it; waiting")):
        if not _is_whole(folder):
            source = assets.path(name) / file
            say_line(f"{name}: unpacking it, once (about 20 s)")
            part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
            try:
                _in_another_process(source, part)
                shutil.rmtree(folder, ignore_errors=True)
                os.replace(part, folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return folder


def encode_causal(texts: list[str], tokenizer: Any, max_length: int = 128) -> Encoded:
    """Texts as examples for `fit` with `clm_loss`: token ids, and the same ids as labels (no unit).

        labels = [-100, ids[1], ids[2], ...]

    The first label is -100 because nothing comes before the first token: the loss would leave it out anyway, but so it is
    not counted either when `fit` weighs batches by their labels.

    Args:
        texts: list of str.
        tokenizer: from `train_tokenizer` or `load_causal_lm`; it adds the special tokens it always adds.
        max_length: longer texts are cut at this many tokens, at least 2.
    Returns: Encoded, for `batches`.
    Raises: InputError if max_length is below 2 or a text has fewer than two tokens; TaskError if there is no text.
    Example: ``encode_causal(["good film"], tokenizer)[0]["labels"][0]`` is -100.
    Source: Radford et al. 2018, GPT, section 3.1. Checked against: `clm_loss` with labels = ids (tests/test_causal.py).
    """
    if max_length < 2:
        raise InputError(f"max_length is {max_length}", wanted="2 or more tokens")
    rows = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"] if len(texts) else []
    short = next((i for i, ids in enumerate(rows) if len(ids) < 2), None)
    if short is not None:
        raise InputError(f"text {short} with {len(rows[short])} token", wanted="two or more: one to see, one to predict")
    examples = [{"input_ids": ids, "labels": [IGNORE_INDEX, *ids[1:]]} for ids in rows]
    return Encoded(examples, tokenizer.pad_token_id)


class TextScore(NamedTuple):
    """How surprised a model is by a text: the nats, tokens and bytes of it.

    Args:
        nats: summed cross-entropy of its tokens.
        n_tokens: tokens predicted, each one of the text.
        n_bytes: length of the text in UTF-8.
    Example:
        >>> score = TextScore(nats=40.0, n_tokens=10, n_bytes=50)
        >>> round(score.perplexity, 1), round(score.bits_per_byte, 3)
        (54.6, 1.154)

    Source: Gao et al. 2020, The Pile, section 3.1. Checked against: `clm_loss`, text by text (tests/test_causal.py).
    """

    nats: float
    n_tokens: int
    n_bytes: int

    @property
    def perplexity(self) -> float:
        """exp(nats per token): compare only models with the same tokenizer."""
        return perplexity(self.nats / self.n_tokens)

    @property
    def bits_per_byte(self) -> float:
        """Bits for each byte of text: compares models with different tokenizers."""
        return bits_per_byte(self.nats, self.n_bytes)


def total(scores: list[TextScore]) -> TextScore:
    """Add up the scores of texts (nats, tokens, bytes): the perplexity of the sum is that of the corpus.

        perplexity = exp(sum of nats / sum of tokens), which is not the mean of the texts' perplexities

    Args:
        scores: from `score_text`.
    Returns: TextScore.
    Raises: InputError if there is none.
    Example:
        >>> total([TextScore(40.0, 10, 50), TextScore(2.0, 1, 5)])
        TextScore(nats=42.0, n_tokens=11, n_bytes=55)

    Source: Jurafsky & Martin, Speech and Language Processing, 3rd ed., section 3.3.
    Checked against: adding by hand (tests/test_causal.py).
    """
    if not scores:
        raise InputError("no scores", wanted="at least one", cause="no texts")
    nats, tokens, n_bytes = zip(*scores)
    return TextScore(sum(nats), sum(tokens), sum(n_bytes))


@torch.inference_mode()
def score_text(model: nn.Module, tokenizer: Any, texts: list[str] | str, batch_size: int = 8) -> list[TextScore]:
    """How many nats each text costs a causal model, with the tokens and bytes they are spent on.

        nats = -sum over t of log P(token t | start of document, tokens before t)

    A start-of-document token goes before each text, so that its first token is predicted too. Nothing is added at the end.
    So two models with different tokenizers are asked for exactly the same bytes.

    Args:
        model: from `load_causal_lm`, or a TinyDecoder.
        tokenizer: the model's own.
        texts: str or list of str.
        batch_size: texts at a time: memory is 2 · batch_size · T · V · 4 bytes, 200 MiB for 8 reviews and V = 49,152.
    Returns: list of TextScore, one a text, in the texts' order.
    Raises: InputError for a text that is not a string or a tokenizer without a start token; ShapeError for one that is too long.
    Example: an untrained model pays log V nats a token: 7.62 for V = 2,048.
    Source: Gao et al. 2020, The Pile, section 3.1; Jurafsky & Martin, section 3.3.
    Checked against: `clm_loss` on each text alone, which equals the library's (tests/test_causal.py).
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not all(isinstance(text, str) for text in texts):
        raise InputError("a text that is not a string", wanted="a list of str", cause="missing values, or one list too many")
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}", wanted="1 or more")
    if not texts:
        return []
    start = _start_id(tokenizer)
    rows = [[start, *ids] for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
    config = getattr(model, "config", None)
    most = getattr(model, "max_length", None) or getattr(config, "max_position_embeddings", None) or max(map(len, rows))
    if max(map(len, rows)) > most:
        raise ShapeError(f"a text of {max(map(len, rows)) - 1} tokens", wanted=f"at most {most - 1}", hint="cut it into passages")
    was_training, _ = model.training, model.eval()
    nats = [0.0] * len(rows)
    by_length = sorted(range(len(rows)), key=lambda i: len(rows[i]))  # similar lengths together: little padding
    for i in range(0, len(rows), batch_size):
        chosen = by_length[i : i + batch_size]
        for index, value in zip(chosen, _nats(model, [rows[j] for j in chosen])):
            nats[index] = value
    model.train(was_training)
    return [TextScore(n, len(row) - 1, len(text.encode())) for n, row, text in zip(nats, rows, texts)]


def _nats(model: nn.Module, rows: list[list[int]]) -> list[float]:
    """Summed cross-entropy of each row's tokens after the first."""
    device = next(model.parameters()).device
    longest = max(map(len, rows))
    labels = torch.tensor([row + [IGNORE_INDEX] * (longest - len(row)) for row in rows], device=device)  # (B, T)
    attention_mask = (labels != IGNORE_INDEX).long()  # (B, T)
    output = model(input_ids=labels.clamp(min=0), attention_mask=attention_mask)
    logits: Tensor = getattr(output, "logits", output)  # (B, T, V)
    next_labels = F.pad(labels[:, 1:], (0, 1), value=IGNORE_INDEX)  # (B, T): token t + 1 at place t, as in clm_loss
    each = F.cross_entropy(logits.float().flatten(0, 1), next_labels.flatten(), ignore_index=IGNORE_INDEX, reduction="none")
    return each.view(labels.shape).double().sum(dim=1).tolist()  # (B·T,) -> (B, T) -> (B,)


def _start_id(tokenizer: Any) -> int:
    start = tokenizer.get_vocab().get(DOCUMENT_START, tokenizer.bos_token_id)
    if start is None:
        raise InputError("a tokenizer without a start token", wanted="<|endoftext|> or a bos_token", cause="not a causal model's")
    return start


def _is_whole(folder: Path) -> bool:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return json.loads((folder / _DONE).read_text())["bytes"] == (folder / "model.safetensors").stat().st_size
    return False


def _in_another_process(source: Path, folder: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-m", "ftlab.causal", str(source), str(folder)],
        env=environment, capture_output=True, text=True, encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL,
    )
    if done.returncode or not _is_whole(folder):
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200]
        raise ModelError(
            f"{source.name} could not be unpacked ({last})", wanted="1 GiB of free memory, 300 MB of disk, the package gguf",
            cause="memory or disk ran out", hint="free some and try again",
        )


def _unpack(source: Path, folder: Path) -> None:
    """Read a GGUF file with the library; write config.json, model.safetensors (bf16) and the tokenizer."""
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.bfloat16)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token  # some releases of the library read none from this file
    tokenizer.save_pretrained(folder)
    tied = {"lm_head.weight"} if model.config.tie_word_embeddings else set()
    weights = {name: value.contiguous() for name, value in model.state_dict().items() if name not in tied}
    config = model.config.to_diff_dict() | {"architectures": [type(model).__name__], "dtype": "bfloat16"}
    for key in ("quantization_config", "_name_or_path"):  # it is no GGUF any more
        config.pop(key, None)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / _DONE).write_text(json.dumps({"bytes": (folder / "model.safetensors").stat().st_size}))


if __name__ == "__main__":
    _unpack(Path(sys.argv[1]), Path(sys.argv[2]))
