"""More from the same sentences: leave words out, or put near words in their place, anew each time a sentence is seen.

Both keep the label. Whether that is right is the question: a neighbour in the embedding table may mean the opposite.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from ftlab.batching import Encoded
from ftlab.errors import InputError

WORD = re.compile(r"[A-Za-z]+")
Change = Callable[[str, random.Random], str]  # (text, source of chance) -> text


def drop_words(text: str, rate: float, chance: random.Random) -> str:
    """Leave out each word with a probability; at least one word stays.

    Args:
        text: words with spaces between.
        rate: probability of losing a word, 0 to 1.
        chance: draws; ``random.Random(seed)``.
    Returns: str.
    Raises: InputError for a rate outside 0 to 1.
    Example: ``drop_words("a quiet marvel", 0.0, random.Random(0))`` changes nothing.
    Source: Wei & Zou 2019, EDA, section 2 (random deletion).
    """
    words = text.split()
    kept = [word for word in words if chance.random() >= _checked(rate)]
    return " ".join(kept or [chance.choice(words)])


def swap_words(text: str, rate: float, chance: random.Random, neighbours: dict[str, Sequence[str]]) -> str:
    """Put a near word in the place of each known word, with a probability.

    Args:
        text: any text; letters in a row are a word, and the rest stays as it is.
        rate: probability of replacing a word that has neighbours, 0 to 1.
        chance: draws; ``random.Random(seed)``.
        neighbours: word in small letters -> words to draw from.
    Returns: str.
    Raises: InputError for a rate outside 0 to 1.
    Example: ``swap_words("A good film", 1.0, random.Random(0), {"good": ["great"]})`` is "A great film".
    Source: Wang & Yang 2015 (neighbours in an embedding table as synonyms).
    """
    _checked(rate)

    def swap(word: re.Match[str]) -> str:
        near = neighbours.get(word.group().lower())
        return chance.choice(near) if near and chance.random() < rate else word.group()

    return WORD.sub(swap, text)


def near_words(texts: Sequence[str], tokenizer: Any, encoder: Any, k: int = 5) -> dict[str, list[str]]:
    """For each word of the texts, the k words whose rows of the embedding table point most nearly the same way.

        similarity(v, w) = e_v · e_w / (|e_v| |e_w|)

    Args:
        texts: whose words are looked up; a word the tokenizer splits has no neighbours.
        tokenizer, encoder: the model's; the table is ``encoder.get_input_embeddings()``.
        k: neighbours a word, 1 or more.
    Returns: dict of word -> k words, nearest first.
    Raises: InputError if k is less than 1.
    Example: ``near_words(["good"], tokenizer, encoder, 2)["good"]`` is ["excellent", "bad"].
    """
    import torch

    if k < 1:
        raise InputError(f"k is {k}", wanted="1 or more")
    vocabulary = {word: i for word, i in tokenizer.get_vocab().items() if len(word) > 1 and word.isascii() and word.isalpha()}
    words, ids = list(vocabulary), torch.tensor(list(vocabulary.values()))
    table = torch.nn.functional.normalize(encoder.get_input_embeddings().weight.detach().float()[ids], dim=1)  # (W, H)
    place = {word: i for i, word in enumerate(words)}
    asked = sorted({word for text in texts for word in WORD.findall(text.lower()) if word in place})
    nearest = (table[[place[word] for word in asked]] @ table.T).topk(k + 1).indices  # (asked, k + 1): itself comes first
    return {word: [words[i] for i in row[1:]] for word, row in zip(asked, nearest.tolist())}


class Versions:
    """Several versions of each example: each time one is asked for, its next version comes. Fits `batches` and `fit`.

    Args:
        encoded: one `Encoded` a version, the same examples in the same order.
    Raises: InputError if they are not the same number of examples.
    Example: with versions "a" and "b" of one sentence, ``v[0], v[0], v[0]`` are a, b, a.
    """

    def __init__(self, encoded: Sequence[Encoded]) -> None:
        if len({len(version) for version in encoded}) != 1:
            raise InputError("versions of different lengths", wanted="one or more versions of the same examples")
        self.versions, self.pad_id, self.asked = list(encoded), encoded[0].pad_id, [0] * len(encoded[0])
        self.rows = [row for version in encoded for row in version.rows]  # `fit` looks here for all token ids there are

    def __len__(self) -> int:
        return len(self.asked)

    def __getitem__(self, index: int) -> dict[str, Any]:
        self.asked[index] += 1
        return self.versions[(self.asked[index] - 1) % len(self.versions)][index]

    def lengths(self) -> list[int]:
        """Tokens of each example's first version."""
        return self.versions[0].lengths()


def _checked(rate: float) -> float:
    if not 0 <= rate <= 1:
        raise InputError(f"rate is {rate}", wanted="0 to 1", hint="0.1 is usual")
    return rate
