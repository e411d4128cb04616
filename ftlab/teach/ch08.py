"""Chapter 08, generating text: exercises, quiz and recall questions."""

from __future__ import annotations

import collections
import math

import torch

from .content import Case, Choice, Exercise, Mistake, Question, Recall


def counted_labels() -> int:
    answer = 8
    return answer + 1  # the token that ends the answer is asked for, too


def chat_labels(prompt: list[int], answer: list[int], end: int) -> list[int]:
    return [-100] * len(prompt) + answer + [end]


def _prompt_too(prompt: list[int], answer: list[int], end: int) -> list[int]:
    return prompt + answer + [end]


def _no_end(prompt: list[int], answer: list[int], end: int) -> list[int]:
    return [-100] * len(prompt) + answer + [-100]


def _end_missing(prompt: list[int], answer: list[int], end: int) -> list[int]:
    return [-100] * len(prompt) + answer


def _shifted_here(prompt: list[int], answer: list[int], end: int) -> list[int]:
    labels = [-100] * len(prompt) + answer + [end]
    return labels[1:] + [-100]


def _answer_only(prompt: list[int], answer: list[int], end: int) -> list[int]:
    return answer + [end]


def _zeros(prompt: list[int], answer: list[int], end: int) -> list[int]:
    return [0] * len(prompt) + answer + [end]


def _one_too_many(prompt: list[int], answer: list[int], end: int) -> list[int]:
    return [-100] * (len(prompt) + 1) + answer[1:] + [end]


def lora(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    rank = A.shape[0]
    return x @ W.T + alpha / rank * (x @ A.T @ B.T)  # (N, in) -> (N, rank) -> (N, out)


def _no_scale(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return x @ W.T + x @ A.T @ B.T


def _alpha_alone(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return x @ W.T + alpha * (x @ A.T @ B.T)


def _upside_down(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return x @ W.T + A.shape[0] / alpha * (x @ A.T @ B.T)


def _scaled_all(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return alpha / A.shape[0] * (x @ W.T + x @ A.T @ B.T)


def _by_width(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return x @ W.T + alpha / A.shape[1] * (x @ A.T @ B.T)


def _root(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return x @ W.T + alpha / A.shape[0] ** 0.5 * (x @ A.T @ B.T)


def _instead(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return alpha / A.shape[0] * (x @ A.T @ B.T)


def _minus(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return x @ W.T - alpha / A.shape[0] * (x @ A.T @ B.T)


def _by_output_width(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return x @ W.T + alpha / B.shape[0] * (x @ A.T @ B.T)


def _not_transposed(x: torch.Tensor, W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return x @ W + alpha / A.shape[0] * (x @ A.T @ B.T)


def start(n_in: int, n_out: int, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    A = torch.randn(rank, n_in) / n_in**0.5
    B = torch.zeros(n_out, rank)
    return A, B


INTEGERS = "a matrix of integers takes no gradient: make both of floats"
NOT_ZERO = "B A is not zero, so the model is disturbed before it has learnt anything: start B at zero"
BOTH_ZERO = "both are zero: each gradient is multiplied by the other matrix, so neither ever moves; let A be random"
SWAPPED = "the shapes are swapped: x (in) meets A first, so A is (rank, n_in), and B (n_out, rank) leads out"
CONSTANT = "the rows of A are all alike, get the same gradient and stay alike, so the rank is 1 for ever: draw A at random"


def _judge_start(n_in: int, n_out: int, rank: int):
    def judge(answer: object) -> str:
        if not isinstance(answer, (tuple, list)) or len(answer) != 2 or not all(isinstance(m, torch.Tensor) for m in answer):
            return "wanted two tensors, A and B"
        A, B = answer
        if (tuple(A.shape), tuple(B.shape)) != ((rank, n_in), (n_out, rank)):
            same = sorted([tuple(A.shape), tuple(B.shape)]) == sorted([(rank, n_in), (n_out, rank)])
            turned = (tuple(A.shape), tuple(B.shape)) == ((n_in, rank), (rank, n_out))
            return SWAPPED if same or turned else f"shapes {tuple(A.shape)} and {tuple(B.shape)}, wanted {(rank, n_in)} and {(n_out, rank)}"
        if not (A.is_floating_point() and B.is_floating_point()):
            return INTEGERS
        if not (A.isfinite().all() and B.isfinite().all()):
            return "a value is not finite: torch.empty holds whatever was in memory"
        if (B @ A).abs().max() > 0:
            return NOT_ZERO
        if not A.any() and not B.any():
            return BOTH_ZERO
        one = A if A.any() else B.T  # (rank, ...)
        return CONSTANT if rank > 1 and torch.allclose(one, one[:1].expand_as(one)) else ""

    return judge


def _b_random(n_in: int, n_out: int, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(rank, n_in) / n_in**0.5, torch.randn(n_out, rank) / rank**0.5


def _both_zero(n_in: int, n_out: int, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(rank, n_in), torch.zeros(n_out, rank)


def _swapped(n_in: int, n_out: int, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(n_in, rank), torch.zeros(rank, n_out)


def _ones(n_in: int, n_out: int, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.ones(rank, n_in), torch.zeros(n_out, rank)


def _integers(n_in: int, n_out: int, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randint(1, 9, (rank, n_in)), torch.zeros(n_out, rank, dtype=torch.long)


def nucleus(p: list[float], top_p: float) -> list[int]:
    kept, total = [], 0.0
    for token in sorted(range(len(p)), key=lambda i: -p[i]):
        if total >= top_p:
            break
        kept.append(token)
        total += p[token]
    return sorted(kept)


def _stops_below(p: list[float], top_p: float) -> list[int]:
    kept, total = [], 0.0
    for token in sorted(range(len(p)), key=lambda i: -p[i]):
        total += p[token]
        if total > top_p:
            break
        kept.append(token)
    return sorted(kept)


def _threshold(p: list[float], top_p: float) -> list[int]:
    return [i for i, value in enumerate(p) if value >= 1 - top_p]


def _in_vocabulary_order(p: list[float], top_p: float) -> list[int]:
    kept, total = [], 0.0
    for token, value in enumerate(p):
        if total >= top_p:
            break
        kept.append(token)
        total += value
    return kept


def _rarest(p: list[float], top_p: float) -> list[int]:
    kept, total = [], 0.0
    for token in sorted(range(len(p)), key=lambda i: p[i]):
        if total >= top_p:
            break
        kept.append(token)
        total += p[token]
    return sorted(kept)


def _share_of_tokens(p: list[float], top_p: float) -> list[int]:
    order = sorted(range(len(p)), key=lambda i: -p[i])
    return sorted(order[: max(1, round(top_p * len(p)))])


def _strictly_above(p: list[float], top_p: float) -> list[int]:
    kept, total = [], 0.0
    for token in sorted(range(len(p)), key=lambda i: -p[i]):
        if total > top_p:
            break
        kept.append(token)
        total += p[token]
    return sorted(kept)


def _one_more(p: list[float], top_p: float) -> list[int]:
    order = sorted(range(len(p)), key=lambda i: -p[i])
    total = 0.0
    for n, token in enumerate(order):
        if total >= top_p:
            return sorted(order[: n + 1])
        total += p[token]
    return sorted(order)


def _each_alone(p: list[float], top_p: float) -> list[int]:
    return [i for i, value in enumerate(p) if value >= top_p]


def _likeliest_first(p: list[float], top_p: float) -> list[int]:
    return sorted(nucleus(p, top_p), key=lambda i: -p[i])


def _ranks(p: list[float], top_p: float) -> list[int]:
    return list(range(len(nucleus(p, top_p))))


def _probabilities(p: list[float], top_p: float) -> list[float]:
    return [p[i] for i in nucleus(p, top_p)]


def _sorted_probabilities(p: list[float], top_p: float) -> list[float]:
    return sorted(_probabilities(p, top_p), reverse=True)


def rouge_1(prediction: str, reference: str) -> float:
    said, wanted = collections.Counter(prediction.split()), collections.Counter(reference.split())
    shared = sum((said & wanted).values())  # each word as often as both have it
    return 2 * shared / (sum(said.values()) + sum(wanted.values())) if said or wanted else 0.0


def _recall(prediction: str, reference: str) -> float:
    said, wanted = collections.Counter(prediction.split()), collections.Counter(reference.split())
    return sum((said & wanted).values()) / max(1, sum(wanted.values()))


def _precision(prediction: str, reference: str) -> float:
    said, wanted = collections.Counter(prediction.split()), collections.Counter(reference.split())
    return sum((said & wanted).values()) / max(1, sum(said.values()))


def _sets(prediction: str, reference: str) -> float:
    said, wanted = set(prediction.split()), set(reference.split())
    return 2 * len(said & wanted) / max(1, len(said) + len(wanted))


def _unclipped(prediction: str, reference: str) -> float:
    said, wanted = prediction.split(), reference.split()
    return 2 * sum(word in wanted for word in said) / max(1, len(said) + len(wanted))


def _arithmetic(prediction: str, reference: str) -> float:
    return (_recall(prediction, reference) + _precision(prediction, reference)) / 2


def _letters(prediction: str, reference: str) -> float:
    said, wanted = collections.Counter(prediction.replace(" ", "")), collections.Counter(reference.replace(" ", ""))
    return 2 * sum((said & wanted).values()) / max(1, sum(said.values()) + sum(wanted.values()))


def _unclipped_reference(prediction: str, reference: str) -> float:
    said, wanted = prediction.split(), reference.split()
    return 2 * sum(word in said for word in wanted) / max(1, len(said) + len(wanted))


def _unclipped_both(prediction: str, reference: str) -> float:
    said, wanted = prediction.split(), reference.split()
    p, r = sum(word in wanted for word in said) / len(said), sum(word in said for word in wanted) / len(wanted)
    return 2 * p * r / (p + r)


def _shared_set(prediction: str, reference: str) -> float:
    said, wanted = prediction.split(), reference.split()
    return 2 * len(set(said) & set(wanted)) / max(1, len(said) + len(wanted))


def _subsequence(prediction: str, reference: str) -> float:
    said, wanted = prediction.split(), reference.split()
    longest = [[0] * (len(wanted) + 1) for _ in range(len(said) + 1)]
    for i, a in enumerate(said):
        for j, b in enumerate(wanted):
            longest[i + 1][j + 1] = longest[i][j] + 1 if a == b else max(longest[i][j + 1], longest[i + 1][j])
    return 2 * longest[-1][-1] / max(1, len(said) + len(wanted))


def _no_brackets(prediction: str, reference: str) -> float:
    p, r = _precision(prediction, reference), _recall(prediction, reference)
    return 2 * p * r / p + r


def _zero_by_zero(prediction: str, reference: str) -> float:
    p, r = _precision(prediction, reference), _recall(prediction, reference)
    return 2 * p * r / (p + r)


def cheat(reference: str) -> str:
    return " ".join(reversed(reference.split()))


NO_TEXT = "wanted one text: join the words with spaces"
LEFT_OUT = "a word of the reference is missing, so recall is below 1: use all of them"
DOUBLED = "a word stands more often than in the reference, so precision is below 1: use each once"
OTHER_WORDS = "a word is not one of the reference's: leave the words whole, and change only their order"


def _judge_cheat(reference: str):
    def judge(answer: object) -> str:
        if not isinstance(answer, str):
            return NO_TEXT
        said, wanted = answer.split(), reference.split()
        if set(said) - set(wanted):
            return OTHER_WORDS
        if set(wanted) - set(said):
            return LEFT_OUT
        if len(said) > len(wanted):  # the words of a reference differ
            return DOUBLED
        stayed = [pair for pair in zip(wanted, wanted[1:]) if pair in set(zip(said, said[1:]))]
        return f"the pair {' '.join(stayed[0])!r} is still there: part every pair of neighbours" if stayed else ""

    return judge


def _the_reference(reference: str) -> str:
    return reference


def _alphabetical(reference: str) -> str:
    return " ".join(sorted(reference.split()))


def _first_to_the_end(reference: str) -> str:
    words = reference.split()
    return " ".join(words[1:] + words[:1])


def _all_but_one(reference: str) -> str:
    return " ".join(reference.split()[:0:-1])


def _twice(reference: str) -> str:
    return " ".join(word for word in reversed(reference.split()) for _ in range(2))


def _letters_reversed(reference: str) -> str:
    return reference[::-1]


def _a_list(reference: str) -> list[str]:
    return reference.split()[::-1]


def beam(table: list[list[float]], start: int, end: int, n_beams: int, max_new: int, length_penalty: float) -> list[int]:
    alive, done = [(0.0, [start])], []
    for length in range(1, max_new + 1):
        grown = [(total + math.log(p), ids + [token]) for total, ids in alive for token, p in enumerate(table[ids[-1]]) if p > 0]
        grown = sorted(grown, key=lambda path: -path[0])[: 2 * n_beams]
        alive = []
        for rank, (total, ids) in enumerate(grown):
            if ids[-1] != end and length < max_new:
                alive.append((total, ids))
            elif rank < n_beams:
                done.append((total / length**length_penalty, ids[1:]))
        alive = alive[:n_beams]
        if len(done) >= n_beams or not alive:
            break
    return max(done, key=lambda path: path[0])[1]


def _by_length(total: float, n: int, penalty: float, ended: bool) -> float:
    return total / n**penalty


def _beam_with(width=None, kept=2, score=_by_length, past_the_end=False, from_anywhere=False, enough=None, limit=None, at_the_limit=True,
               give=lambda score, ids: ids):
    """The search with one thing wrong (or two)."""

    def search(table, start, end, n_beams, max_new, length_penalty):
        n, last = width or n_beams, limit or max_new
        alive, done = [(0.0, [start])], []
        for length in range(1, last + 1):
            grown = [(total + math.log(p), ids + [token]) for total, ids in alive for token, p in enumerate(table[ids[-1]]) if p > 0]
            grown = sorted(grown, key=lambda path: -path[0])[: kept * n]
            alive = []
            for rank, (total, ids) in enumerate(grown):
                ended = ids[-1] == end
                if (not ended or past_the_end) and length < last:
                    alive.append((total, ids))
                elif (rank < n or from_anywhere) and (ended or at_the_limit):
                    done.append((score(total, length, length_penalty, ended), ids[1:]))
            alive = alive[:n]
            if len(done) >= (enough or n) or not alive:
                break
        return give(*max(done, key=lambda path: path[0]))

    return search


def _finished_stay(table, start, end, n_beams, max_new, length_penalty) -> list[int]:
    paths = [(0.0, [start])]
    for _ in range(max_new):
        ended = [path for path in paths if path[1][-1] == end]
        grown = [(total + math.log(p), ids + [token]) for total, ids in paths if ids[-1] != end for token, p in enumerate(table[ids[-1]]) if p > 0]
        paths = sorted(ended + grown, key=lambda path: -path[0])[:n_beams]
    return max(paths, key=lambda path: path[0] / (len(path[1]) - 1) ** length_penalty)[1][1:]


def _with_start(table, start, end, n_beams, max_new, length_penalty) -> list[int]:
    return [start, *beam(table, start, end, n_beams, max_new, length_penalty)]


def _end_dropped(table, start, end, n_beams, max_new, length_penalty) -> list[int]:
    return [token for token in beam(table, start, end, n_beams, max_new, length_penalty) if token != end]


def _lora_cases() -> tuple[Case, ...]:
    torch.manual_seed(8)
    one = (torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5]]), 3.0)
    def drawn(n: int, i: int, o: int, r: int, alpha: float) -> tuple:
        return torch.randn(n, i), torch.randn(o, i), torch.randn(r, i), torch.randn(o, r), alpha
    zero = drawn(2, 5, 3, 2, 4.0)
    return (
        Case(one, torch.tensor([[6.5]]), "rank 1: 2 + 3 · 0.5 · 3"),
        Case((*zero[:3], torch.zeros(3, 2), 4.0), zero[0] @ zero[1].T, "B = 0: nothing is changed yet"),
        Case(drawn(3, 6, 4, 2, 8.0), name="rank 2"),
        Case(drawn(2, 4, 5, 8, 8.0), name="rank 8, alpha 8"),
        Case(drawn(2, 7, 3, 4, 1.0), name="rank 4, alpha 1"),
        Case(drawn(3, 4, 4, 2, 6.0), name="as wide out as in"),
    )


# rows: the token before; columns: the next one; 0 starts, 4 ends
_TABLE = [[0, 0.6, 0.4, 0, 0], [0, 0.32, 0.2, 0.28, 0.2], [0, 0.05, 0, 0.95, 0], [0, 0, 0.05, 0, 0.95], [0, 0, 0, 0, 1.0]]
_SHORT = [[0, 0.55, 0, 0, 0.45], [0, 0, 1.0, 0, 0], [0, 0, 0.02, 0.98, 0], [0, 0.1, 0.1, 0, 0.8], [0, 0, 0, 0, 1.0]]
_FULL = [[0.35, 0.15, 0.2, 0.3], [0.05, 0.3, 0.2, 0.45], [0, 0.7, 0.1, 0.2], [0, 0, 0, 1.0]]  # here 3 ends
_PLACE = [[0, 0.35, 0.2, 0.15, 0.3], [0, 0, 0.2, 0.45, 0.35], [0, 0.1, 0, 0, 0.9], [0, 0.26, 0.25, 0.25, 0.24], [0, 0, 0, 0, 1.0]]
_LATER = [[0, 0.6, 0.4, 0, 0], [0, 0, 0, 0.45, 0.55], [0, 0, 0, 0.1, 0.9], [0, 0, 0, 0.02, 0.98], [0, 0, 0, 0, 1.0]]
_NEAR = [[0, 0.6, 0.4, 0, 0], [0, 0.2, 0.2, 0, 0.6], [0, 0.4, 0, 0.6, 0], [0, 0.15, 0, 0, 0.85], [0, 0, 0, 0, 1.0]]
_FIRST = [[0, 0.65, 0, 0, 0.35], [0, 0.08, 0, 0, 0.92], [0, 0, 0, 0, 1.0], [0, 0, 0, 0, 1.0], [0, 0, 0, 0, 1.0]]

EXERCISES = (
    Exercise(
        id="08.1", title="Count what is asked", level=1, signature="a number", asks="value", solution=counted_labels,
        cases=(Case(wanted=9, tolerance=0),),
        hints=("Which tokens must the model learn to write? Which were given to it?", "The prompt and the padding have the label -100.",
               "Count the tokens of the answer. Is there one more that the model must write itself?"),
        reasoning="Only what the model must write is asked: the answer and its end. Without the end it would never learn to stop.",
        mistakes=(
            Mistake("all real tokens", 49, "those are all real tokens: the 40 of the prompt are given, so their labels are -100"),
            Mistake("prompt too", 48, "you counted the prompt, which is given (labels -100), and left out the end, which is asked for"),
            Mistake("without the end", 8, "the token that ends the answer is asked for too, or the model never learns to stop"),
            Mistake("padding too", 60, "you counted prompt and padding: both have the label -100"),
            Mistake("padding", 20, "you counted the padding: its labels are -100, as the prompt's are"),
            Mistake("all but one", 59, "those are all positions but one: prompt and padding are -100"),
            Mistake("one off", 7, "no first token is lost here: the first token of the answer is asked of the last position of the prompt"),
            Mistake("from the whole", 47, "the prompt is given, not asked; and the shift costs nothing here, since the prompt stands before the answer"),
        )),
    Exercise(
        id="08.2", title="Labels of a dialogue", level=1, signature="my_labels(prompt, answer, end)", solution=chat_labels,
        cases=(
            Case(([1, 7, 8], [5, 6], 2), [-100, -100, -100, 5, 6, 2], "three tokens of prompt, two of answer"),
            Case(([1, 2, 9, 1], [4, 3, 3, 4], 2), name="the prompt has end tokens, too"),
            Case(([3], [9], 0), name="the end token has the id 0"),
        ),
        hints=("One label for each token: who wrote that token?", "-100 for the prompt; the answer and the end keep their ids. The loss does the shift.",
               "`[-100] * len(prompt) + ...`"),
        reasoning="The labels stand where their tokens stand. clm_loss moves them by one, once, so the last position of the prompt is asked for the first "
                  "token of the answer.",
        mistakes=(
            Mistake("prompt not masked", _prompt_too, "the prompt is not masked: the model would learn to write your question too; give its tokens -100"),
            Mistake("end masked", _no_end, "the end has no label, so the model never learns to stop (it happens when all ids equal to the padding's are masked)"),
            Mistake("end left out", _end_missing, "a label is missing: the end token needs one too, its own id"),
            Mistake("shifted here", _shifted_here, "you shifted the labels, and clm_loss shifts again: each position would be asked for the token after next"),
            Mistake("answer only", _answer_only, "one label a token is wanted, the prompt's included: they are -100"),
            Mistake("zeros", _zeros, "0 is the id of a token, which would be learnt: what is left out has the label -100"),
            Mistake("first token lost", _one_too_many, "the first token of the answer lost its label: it is asked of the prompt's last position, and counts"),
        )),
    Exercise(
        id="08.3", title="LoRA, forward", level=2, signature="my_lora(x, W, A, B, alpha)", solution=lora, differentiable=True, cases=_lora_cases,
        hints=("Two paths from x, added up.", "First path: x @ W.T. Second: through A, then B; the rank is A.shape[0].",
               "`alpha / A.shape[0]` is the scale; it multiplies the second path only."),
        reasoning="Never make B A, which is as large as W: two thin products are cheaper. alpha / rank keeps the correction's size when the rank changes.",
        mistakes=(
            Mistake("no scale", _no_scale, "the scale alpha / rank is missing: the correction counts as if alpha were the rank"),
            Mistake("alpha alone", _alpha_alone, "you scaled by alpha: divide it by the rank (A.shape[0]), or a larger rank takes larger steps"),
            Mistake("upside down", _upside_down, "the scale is upside down: it is alpha / rank"),
            Mistake("all scaled", _scaled_all, "the pretrained part is scaled too: only the correction is"),
            Mistake("by the width", _by_width, "you divided by the width of the layer: the rank is the number of *rows* of A"),
            Mistake("root", _root, "that is alpha / sqrt(rank), a later variant (rsLoRA): here it is alpha / rank"),
            Mistake("instead", _instead, "x W is missing: LoRA adds to the pretrained layer, it does not replace it"),
            Mistake("minus", _minus, "the correction has the wrong sign: it is added"),
            Mistake("by the output width", _by_output_width, "you divided by the output width; the rank is A's first dimension"),
            Mistake("W not transposed", _not_transposed, "W is (out, in): the first path is x @ W.T"),
        )),
    Exercise(
        id="08.4", title="LoRA, start", level=2, signature="my_start(n_in, n_out, rank)", solution=start,
        cases=tuple(Case(args, judge=_judge_start(*args), name=name) for args, name in (((6, 4, 2), "a small layer"), ((5, 9, 3), "wider out than in"), ((8, 8, 4), "square"))),
        hints=("What should the tuned model say before the first step?", "Exactly what the pretrained one says: B A = 0. But if both were 0?",
               "One random, one zero: which of them meets x first?"),
        reasoning="The gradient of B is multiplied by A, that of A by B. With B = 0 and A random the product is 0, and B can move in the first step.",
        mistakes=(
            Mistake("B random", _b_random, NOT_ZERO),
            Mistake("both zero", _both_zero, BOTH_ZERO),
            Mistake("swapped", _swapped, SWAPPED),
            Mistake("constant", _ones, CONSTANT),
            Mistake("integers", _integers, INTEGERS),
        )),
    Exercise(
        id="08.5", title="The nucleus", level=2, signature="my_nucleus(p, top_p)", solution=nucleus,
        cases=(
            Case(([0.5, 0.3, 0.2], 0.7), [0, 1], "0.5 is not enough, 0.8 is"),
            Case(([0.1, 0.2, 0.7], 0.5), [2], "the first holds more than top_p"),
            Case(([0.25, 0.125, 0.5, 0.125], 0.75), [0, 2], "exactly enough"),
            Case(([0.05, 0.35, 0.1, 0.3, 0.2], 0.9), name="five tokens"),
            Case(([0.4, 0.1, 0.5], 1.0), [0, 1, 2], "all of it"),
        ),
        hints=("Take the likeliest first. When have you enough?", "Keep taking until what you have holds top_p or more; the token that gets you there stays.",
               "In the loop, ask `if total >= top_p: break` *before* you take the next token."),
        reasoning="The token that crosses top_p belongs to the set: otherwise it holds less than top_p, and nothing at all where one token holds more.",
        mistakes=(
            Mistake("crossing token left out", _stops_below, "you left out the token that crosses top_p: the set must hold at least top_p, and it is empty where one token holds more"),
            Mistake("threshold", _threshold, "you compared each probability with a threshold: top-p adds them up, from the likeliest on"),
            Mistake("not sorted", _in_vocabulary_order, "you took tokens in the order of the vocabulary: the likeliest come first"),
            Mistake("rarest first", _rarest, "you took the rarest first: sort from the likeliest down"),
            Mistake("share of tokens", _share_of_tokens, "you kept that share of the *tokens*: top_p is a share of the probability"),
            Mistake("strictly above", _strictly_above, "exactly top_p is enough: stop when the set holds top_p or more, not only above it"),
            Mistake("one more", _one_more, "one token too many: stop as soon as the set holds top_p"),
            Mistake("each alone", _each_alone, "you asked each token alone for top_p: add them up, from the likeliest on, until the sum has it"),
            Mistake("likeliest first", _likeliest_first, "the tokens are right, their order is by probability: wanted ascending ids"),
            Mistake("ranks", _ranks, "you returned places in the sorted order: map them back to ids"),
            Mistake("probabilities", _probabilities, "you returned the probabilities of the kept tokens: wanted their ids"),
            Mistake("sorted probabilities", _sorted_probabilities, "you returned sorted probabilities: keep each token's id beside its probability, and return the ids"),
        )),
    Exercise(
        id="08.6", title="ROUGE-1", level=2, signature="my_rouge1(prediction, reference)", solution=rouge_1,
        cases=(
            Case(("the dog sleeps", "the dog barks"), 2 / 3, "two of three shared"),
            Case(("the the the cat", "the cat sat on the mat"), 0.6, "a word said three times, wanted twice: 2 · 3 / 10"),
            Case(("a", "a b c d"), 0.4, "short: precision 1, recall a quarter"),
            Case(("a b c a d", "d a"), name="long: recall 1"),
            Case(("rain", "snow fell"), 0.0, "nothing shared"),
            Case(("the cat", "the the the cat"), 4 / 6, "a word said once, wanted three times: 2 · 2 / 6"),
            Case(("the man saw the dog", "the dog saw the man"), 1.0, "the same words in another order"),
        ),
        hints=("Two counts of words and what they share, each word as often as *both* have it.", "Counter(a.split()) & Counter(b.split()) takes the smaller count.",
               "F1 = 2 · shared / (words of one + words of the other)"),
        reasoning="Precision alone rewards saying little, recall alone saying much. The harmonic mean of the two is 2 · shared / (both lengths).",
        mistakes=(
            Mistake("recall", _recall, "that is recall (shared / words of the reference): a text that says everything would win; take F1"),
            Mistake("precision", _precision, "that is precision (shared / words of the prediction): one safe word would win; take F1"),
            Mistake("sets", _sets, "sets forget how often a word is said: count them (Counter)"),
            Mistake("unclipped", _unclipped, "a word repeated in the prediction counts each time: it may count only as often as the reference has it"),
            Mistake("arithmetic mean", _arithmetic, "F1 is the *harmonic* mean of precision and recall, 2PR/(P+R)"),
            Mistake("letters", _letters, "you compared letters: split the texts into words"),
            Mistake("unclipped reference", _unclipped_reference, "a word repeated in the reference counts each time: it may count only as often as the prediction has it"),
            Mistake("unclipped both", _unclipped_both, "precision and recall count different words: the shared ones are the same for both, each as often as *both* texts have it"),
            Mistake("shared as a set", _shared_set, "the shared words are a set, which has each once: count each as often as both texts have it"),
            Mistake("subsequence", _subsequence, "that is ROUGE-L: order does not matter here"),
            Mistake("no brackets", _no_brackets, "brackets around P + R: 2 * P * R / P + R divides by P alone"),
            Mistake("zero by zero", _zero_by_zero, "with no word shared P + R is 0, and you divide by it: give 0 there"),
        )),
    Exercise(
        id="08.7", title="Cheat the score", level=2, signature="my_cheat(reference)", solution=cheat,
        cases=tuple(Case((text,), judge=_judge_cheat(text), name=name) for text, name in (
            ("sweet dreams", "two words"), ("the judges struck it down", "five words"), ("a court can not strike down such good laws", "nine words"))),
        hints=("What does ROUGE-1 not look at?", "Use every word once, and change the order: which order parts *every* pair of neighbours?",
               "Where the reference says a, then b, let a come after b, for every pair at once."),
        reasoning="Every word stands in it as often as in the reference, so precision and recall are 1. Each pair stands the other way round, and no word "
                  "comes twice, so no pair is shared: ROUGE-2 is 0.",
        mistakes=(
            Mistake("the reference", _the_reference, "that is the reference, with all its pairs: change the order of its words"),
            Mistake("sorted", _alphabetical, "sorting leaves some neighbours together: find an order that parts every pair"),
            Mistake("first to the end", _first_to_the_end, "moving one word parts one pair: all the others must be parted, too"),
            Mistake("left out", _all_but_one, LEFT_OUT),
            Mistake("doubled", _twice, DOUBLED),
            Mistake("letters reversed", _letters_reversed, OTHER_WORDS),
            Mistake("a list", _a_list, NO_TEXT),
        )),
    Exercise(
        id="08.8", title="Beam search", level=3, signature="my_beam(table, start, end, n_beams, max_new, length_penalty)", solution=beam,
        cases=(
            Case((_TABLE, 0, 4, 2, 4, 1.0), [2, 3, 4], "the better path begins with the less likely token"),
            Case((_SHORT, 0, 4, 1, 5, 1.0), [1, 2, 3, 4], "one beam: greedy"),
            Case((_SHORT, 0, 4, 2, 5, 0.0), [4], "no length penalty: short wins"),
            Case((_SHORT, 0, 4, 2, 5, 1.0), [1, 2, 3, 4], "by the mean: long wins"),
            Case((_SHORT, 0, 4, 3, 3, 2.0), [1, 2, 3], "three beams, three tokens at most"),
            Case((_FULL, 0, 3, 2, 4, 1.0), [2, 1, 3], "here 3 ends: log 0.3 / 1 against log 0.063 / 3"),
            Case((_FULL, 0, 3, 2, 4, 0.0), [3], "the same without a length penalty"),
            Case((_PLACE, 0, 4, 2, 3, 1.0), [2, 4], "a finished path takes no place: 0.2 · 0.9, in two tokens"),
            Case((_LATER, 0, 4, 2, 5, 1.0), [2, 4], "two have finished: a better one that ends later is not waited for"),
            Case((_NEAR, 0, 4, 2, 4, 1.0), [1, 4], "log 0.36 / 2 against log 0.204 / 3"),
            Case((_FIRST, 0, 4, 2, 3, 1.0), [1, 4], "the first to finish is not the best"),
            Case((_TABLE, 0, 4, 5, 4, 1.0), [2, 3, 4], "five beams"),
        ),
        hints=("Keep pairs (log-probability, ids), grow each by every token, sort, keep the best.",
               "Of the best 2 · n_beams, those that end (or are max_new long) go to a list of finished ones if among the first n_beams, scored; the rest grow on, n_beams of them.",
               "score = log-probability / length ** length_penalty, length counted in new tokens; stop when n_beams are finished; the best score wins."),
        reasoning="Log-probabilities add up, and each costs something, so the sums of long texts are lower. Division by the length makes them comparable.",
        mistakes=(
            Mistake("greedy", _beam_with(width=1), "only one path is kept: a token that is less likely now may lead to a likelier text; keep n_beams of them"),
            Mistake("no length", _beam_with(score=lambda total, n, penalty, ended: total),
                    "finished paths of different length are compared by their sums, so the shortest wins: divide by length ** length_penalty"),
            Mistake("always by length", _beam_with(score=lambda total, n, penalty, ended: total / n),
                    "you divide by the length whatever length_penalty says: by length ** length_penalty"),
            Mistake("times", _beam_with(score=lambda total, n, penalty, ended: total * n**penalty),
                    "you multiplied by the length: log-probabilities are negative, so long texts get worse still; divide"),
            Mistake("probabilities", _beam_with(score=lambda total, n, penalty, ended: math.exp(total) / n**penalty),
                    "you divided the probability by the length: divide its logarithm"),
            Mistake("past the end", _beam_with(past_the_end=True), "a path that has drawn the end grows on: it is finished, take it out"),
            Mistake("start counted", _beam_with(score=lambda total, n, penalty, ended: total / (n + 1) ** penalty),
                    "the length counts the start token too: divide by the number of new tokens"),
            Mistake("end not counted", _beam_with(score=lambda total, n, penalty, ended: total / max(1, n - ended) ** penalty),
                    "the end token is one of the new tokens: count it"),
            Mistake("length 0", _beam_with(score=lambda total, n, penalty, ended: total / (n - ended) ** penalty),
                    "a path of the end alone has length 0 in your count, and you divide by it: the end token counts, too"),
            Mistake("takes a place", _beam_with(kept=1), "a finished path took the place of one that could grow: keep n_beams paths that have not ended, "
                    "beside the finished ones"),
            Mistake("finished stay", _finished_stay, "finished paths stay among the n_beams: move them to a list of their own, and let n_beams others grow"),
            Mistake("never stops", _beam_with(enough=10**6), "you went on after n_beams paths had finished: stop there"),
            Mistake("takes a place, never stops", _beam_with(kept=1, enough=10**6),
                    "finished paths take the places of others, and the search goes on to the end: first mend the stop, at n_beams finished paths"),
            Mistake("stops at one", _beam_with(enough=1), "you stopped at the first finished path: go on until n_beams have finished"),
            Mistake("from anywhere", _beam_with(from_anywhere=True), "a path that ends counts as finished only among the best n_beams of its step"),
            Mistake("only ended", _beam_with(at_the_limit=False), "a path that has max_new new tokens is finished, too, without an end"),
            Mistake("no limit", _beam_with(limit=30), "a path has more than max_new new tokens: it is finished when it has max_new"),
            Mistake("start", _with_start, "the start token is given, not written: return the new ids only"),
            Mistake("end dropped", _end_dropped, "the end token belongs to the new ids: leave it in"),
            Mistake("ids and score", _beam_with(give=lambda score, ids: (ids, score)), "return the ids alone, without the score"),
            Mistake("score and ids", _beam_with(give=lambda score, ids: (score, ids)), "return the ids alone: the score before them is not wanted"),
        )),
)

QUIZ = (
    Question("Your prompt has 40 tokens, the answer 10, then the end token. You forget to mask the prompt. What happens?", (
        Choice("nothing runs: labels and logits no longer fit", "They fit: each token has a label, as in chapter 02. No error tells you."),
        Choice("four fifths of the predictions teach it to write your questions", "It trains, the loss falls, and 39 of its 50 predictions are of text that it will be given.", right=True),
        Choice("the answer is learnt twice", "The answer has as many labels as before, and a smaller share of the mean."))),
    Question("After tuning, the model writes good reviews and then does not stop. What is the likeliest cause?", (
        Choice("temperature too high", "Then the words would be odd; the end would come some time."),
        Choice("the learning rate is too low", "Then it would still write as before."),
        Choice("LoRA cannot learn when to stop", "It can: the end is a token like any other."),
        Choice("the end token had the label -100, as padding has", "Often because padding and end share an id.", right=True))),
    Question("LoRA with rank 8 on a matrix of 576 by 576: how many numbers train?", (
        Choice("9,216", "8 · 576 for A and 576 · 8 for B, 2.8% of the matrix.", right=True),
        Choice("4,608", "That is A alone; B has as many."),
        Choice("331,776", "That is the whole matrix, which is frozen."),
        Choice("64", "A and B reach from 8 to 576, not from 8 to 8."))),
    Question("A summary says that the court was *for* the law; the reference says *against*. All else is equal. What does ROUGE-1 say?", (
        Choice("0: the meaning is reversed", "It does not read: it counts shared words."),
        Choice("about 0.5", "One word of many differs: all the others are shared, and each counts the same."),
        Choice("nearly 1: all words but one are shared", "The worst errors can be the cheapest.", right=True),
        Choice("it depends on the order of the words", "ROUGE-1 counts single words; pairs (ROUGE-2) and the order (ROUGE-L) are other scores."))),
    Question("A classifier judges 85% of your generated reviews to have the wanted sentiment. On real reviews it is right in 87 of 100 cases. What may you say?", (
        Choice("15% of the reviews have the wrong sentiment", "Some of these are the judge's own mistakes."),
        Choice("the generator is nearly as good as a human writer", "Sentiment is one property; sense, variety and truth were not judged."),
        Choice("the sentiment agrees with the judge about as often as a real review's does", "And read some yourself, for what no judge was asked.", right=True),
        Choice("nothing, classifiers cannot judge text", "It can say what it was trained to say, with a known error."))),
)

RECALL = (
    Recall("02", "Whose job is the shift by one, and what happens if it is done twice?",
           "The loss does it. Twice means each position is asked for the token after next: the loss still falls, the text gets worse."),
    Recall("05", "Of how much use is a score without a baseline and an interval?",
           "Of little: the baseline says what comes without reading, the interval what luck of the seed or of the examples may do."),
    Recall("07", "What is the risk when the data you judge with is the data you learnt from?",
           "The score measures memory. So articles, not sentences, were split, and here writer and judge share no sentence."),
)
