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


def start(n_in: int, n_out: int, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    A = torch.randn(rank, n_in) / n_in**0.5
    B = torch.zeros(n_out, rank)
    return A, B


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


def _any_beam(table, start, end, n_beams, max_new, length_penalty, wide=True, by_mean="divide", keep_going=False) -> list[int]:
    """The search with one thing wrong."""
    alive, done = [(0.0, [start])], []
    n_beams = n_beams if wide else 1
    for length in range(1, max_new + 1):
        grown = [(total + math.log(p), ids + [token]) for total, ids in alive for token, p in enumerate(table[ids[-1]]) if p > 0]
        grown = sorted(grown, key=lambda path: -path[0])[: 2 * n_beams]
        alive = []
        for rank, (total, ids) in enumerate(grown):
            if (ids[-1] != end or keep_going) and length < max_new:
                alive.append((total, ids))
            elif rank < n_beams:
                score = {"divide": total / length**length_penalty, "no": total, "times": total * length**length_penalty,
                         "prompt": total / (length + 1) ** length_penalty}[by_mean]
                done.append((score, ids[1:]))
        alive = alive[:n_beams]
        if len(done) >= n_beams or not alive:
            break
    return max(done, key=lambda path: path[0])[1]


def _greedy(table, start, end, n_beams, max_new, length_penalty) -> list[int]:
    return _any_beam(table, start, end, n_beams, max_new, length_penalty, wide=False)


def _no_length(table, start, end, n_beams, max_new, length_penalty) -> list[int]:
    return _any_beam(table, start, end, n_beams, max_new, length_penalty, by_mean="no")


def _length_times(table, start, end, n_beams, max_new, length_penalty) -> list[int]:
    return _any_beam(table, start, end, n_beams, max_new, length_penalty, by_mean="times")


def _past_the_end(table, start, end, n_beams, max_new, length_penalty) -> list[int]:
    return _any_beam(table, start, end, n_beams, max_new, length_penalty, keep_going=True)


def _start_counted(table, start, end, n_beams, max_new, length_penalty) -> list[int]:
    return _any_beam(table, start, end, n_beams, max_new, length_penalty, by_mean="prompt")


def _takes_a_place(table, start, end, n_beams, max_new, length_penalty) -> list[int]:
    alive, done = [(0.0, [start])], []
    for length in range(1, max_new + 1):
        grown = [(total + math.log(p), ids + [token]) for total, ids in alive for token, p in enumerate(table[ids[-1]]) if p > 0]
        grown = sorted(grown, key=lambda path: -path[0])[:n_beams]
        alive = [path for path in grown if path[1][-1] != end and length < max_new]
        done += [(total / length**length_penalty, ids[1:]) for total, ids in grown if ids[-1] == end or length == max_new]
        if len(done) >= n_beams or not alive:
            break
    return max(done, key=lambda path: path[0])[1]


def _with_start(table, start, end, n_beams, max_new, length_penalty) -> list[int]:
    return [start, *beam(table, start, end, n_beams, max_new, length_penalty)]


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
    )


# rows: the token before; columns: the next one; 0 starts, 4 ends
_TABLE = [[0, 0.6, 0.4, 0, 0], [0, 0.3, 0.2, 0.3, 0.2], [0, 0.05, 0, 0.95, 0], [0, 0, 0.05, 0, 0.95], [0, 0, 0, 0, 1.0]]
_SHORT = [[0, 0.55, 0, 0, 0.45], [0, 0, 1.0, 0, 0], [0, 0, 0.02, 0.98, 0], [0, 0.1, 0.1, 0, 0.8], [0, 0, 0, 0, 1.0]]
_FULL = [[0.35, 0.15, 0.2, 0.3], [0.05, 0.3, 0.2, 0.45], [0, 0.7, 0.1, 0.2], [0, 0, 0, 1.0]]  # here 3 ends

EXERCISES = (
    Exercise(
        id="08.1", title="Count what is asked", level=1, signature="a number", asks="value", solution=counted_labels,
        cases=(Case(wanted=9, tolerance=0),),
        hints=("Which tokens must the model learn to write? Which were given to it?", "The prompt and the padding have the label -100.",
               "8 tokens of the answer, and the one that says that it is over."),
        reasoning="Only what the model must write is asked: the answer and its end. Without the end it would never learn to stop.",
        mistakes=(
            Mistake("all real tokens", 49, "those are all real tokens: the 40 of the prompt are given, so their labels are -100"),
            Mistake("prompt too", 48, "you counted the prompt, which is given (labels -100), and left out the end, which is asked for"),
            Mistake("without the end", 8, "the token that ends the answer is asked for too, or the model never learns to stop"),
            Mistake("padding too", 60, "you counted prompt and padding: both have the label -100"),
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
               "`x @ W.T + alpha / A.shape[0] * (x @ A.T @ B.T)`"),
        reasoning="Never make B A, which is as large as W: two thin products are cheaper. alpha / rank keeps the correction's size when the rank changes.",
        mistakes=(
            Mistake("no scale", _no_scale, "the scale alpha / rank is missing: the correction counts as if alpha were the rank"),
            Mistake("alpha alone", _alpha_alone, "you scaled by alpha: divide it by the rank (A.shape[0]), or a larger rank takes larger steps"),
            Mistake("upside down", _upside_down, "the scale is upside down: it is alpha / rank"),
            Mistake("all scaled", _scaled_all, "the pretrained part is scaled too: only the correction is"),
            Mistake("by the width", _by_width, "you divided by the width of the layer: the rank is the number of *rows* of A"),
            Mistake("root", _root, "that is alpha / sqrt(rank), a later variant (rsLoRA): here it is alpha / rank"),
            Mistake("instead", _instead, "x W is missing: LoRA adds to the pretrained layer, it does not replace it"),
        )),
    Exercise(
        id="08.4", title="LoRA, start", level=2, signature="my_start(n_in, n_out, rank)", solution=start,
        cases=tuple(Case(args, judge=_judge_start(*args), name=name) for args, name in (((6, 4, 2), "a small layer"), ((5, 9, 3), "wider out than in"), ((8, 8, 4), "square"))),
        hints=("What should the tuned model say before the first step?", "Exactly what the pretrained one says: B A = 0. But if both were 0?",
               "A random (rank, n_in), B zero (n_out, rank)."),
        reasoning="The gradient of B is multiplied by A, that of A by B. With B = 0 and A random the product is 0, and B can move in the first step.",
        mistakes=(
            Mistake("B random", _b_random, NOT_ZERO),
            Mistake("both zero", _both_zero, BOTH_ZERO),
            Mistake("swapped", _swapped, SWAPPED),
            Mistake("constant", _ones, CONSTANT),
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
        )),
    Exercise(
        id="08.6", title="ROUGE-1", level=2, signature="my_rouge1(prediction, reference)", solution=rouge_1,
        cases=(
            Case(("the dog sleeps", "the dog barks"), 2 / 3, "two of three shared"),
            Case(("the the the cat", "the cat sat on the mat"), 0.6, "a word said three times, wanted twice: 2 · 3 / 10"),
            Case(("a", "a b c d"), 0.4, "short: precision 1, recall a quarter"),
            Case(("a b c a d", "d a"), name="long: recall 1"),
            Case(("rain", "snow fell"), 0.0, "nothing shared"),
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
        )),
    Exercise(
        id="08.7", title="Beam search", level=3, signature="my_beam(table, start, end, n_beams, max_new, length_penalty)", solution=beam,
        cases=(
            Case((_TABLE, 0, 4, 2, 4, 1.0), [2, 3, 4], "the better path begins with the less likely token"),
            Case((_TABLE, 0, 4, 1, 4, 1.0), name="one beam: greedy"),
            Case((_SHORT, 0, 4, 2, 5, 0.0), [4], "no length penalty: short wins"),
            Case((_SHORT, 0, 4, 2, 5, 1.0), [1, 2, 3, 4], "by the mean: long wins"),
            Case((_SHORT, 0, 4, 3, 3, 2.0), name="three beams, three tokens at most"),
            Case((_FULL, 0, 3, 2, 4, 1.0), [2, 1, 3], "a finished path takes no place"),
        ),
        hints=("Keep pairs (log-probability, ids), grow each by every token, sort, keep the best.",
               "Of the best 2 · n_beams, those that end (or are max_new long) go to a list of finished ones if among the first n_beams, scored; the rest grow on, n_beams of them.",
               "score = log-probability / length ** length_penalty, length counted in new tokens; stop when n_beams are finished; the best score wins."),
        reasoning="Log-probabilities add up, and each costs something, so the sums of long texts are lower. Division by the length makes them comparable.",
        mistakes=(
            Mistake("greedy", _greedy, "only one path is kept: a token that is less likely now may lead to a likelier text; keep n_beams of them"),
            Mistake("no length", _no_length, "finished paths of different length are compared by their sums, so the shortest wins: divide by length ** length_penalty"),
            Mistake("times", _length_times, "you multiplied by the length: log-probabilities are negative, so long texts get worse still; divide"),
            Mistake("past the end", _past_the_end, "a path that has drawn the end grows on: it is finished, take it out"),
            Mistake("start counted", _start_counted, "the length counts the start token too: divide by the number of new tokens"),
            Mistake("takes a place", _takes_a_place, "a finished path took the place of one that could grow: keep n_beams paths that have not ended, "
                    "beside the finished ones"),
            Mistake("start", _with_start, "the start token is given, not written: return the new ids only"),
        )),
)

QUIZ = (
    Question("Your prompt has 40 tokens, the answer 10. You forget to mask the prompt. What happens?", (
        Choice("nothing runs: labels and logits no longer fit", "They fit: each token has a label, as in chapter 02. No error tells you."),
        Choice("four fifths of the predictions teach it to write your questions", "Yes: it trains, the loss falls, and 39 of its 50 predictions are of text that it will be given.", right=True),
        Choice("the answer is learnt twice", "The answer has as many labels as before, and a smaller share of the mean."))),
    Question("After tuning, the model writes good reviews and then does not stop. What is the likeliest cause?", (
        Choice("temperature too high", "Then the words would be odd; the end would come some time."),
        Choice("the learning rate is too low", "Then it would still write as before."),
        Choice("LoRA cannot learn when to stop", "It can: the end is a token like any other."),
        Choice("the end token had the label -100, as padding has", "Yes: often because padding and end share an id.", right=True))),
    Question("LoRA with rank 8 on a matrix of 576 by 576: how many numbers train?", (
        Choice("9,216", "Yes: 8 · 576 for A and 576 · 8 for B, 2.8% of the matrix.", right=True),
        Choice("4,608", "That is A alone; B has as many."),
        Choice("331,776", "That is the whole matrix, which is frozen."),
        Choice("64", "A and B reach from 8 to 576, not from 8 to 8."))),
    Question("A summary says that the court was *for* the law; the reference says *against*. All else is equal. What does ROUGE-1 say?", (
        Choice("0: the meaning is reversed", "It does not read: it counts shared words."),
        Choice("nearly 1: all words but one are shared", "Yes: the worst errors can be the cheapest.", right=True),
        Choice("it depends on the length penalty", "ROUGE has none; that belongs to beam search."))),
    Question("A classifier judges 85% of your generated reviews to have the wanted sentiment. On real reviews it is right in 87 of 100 cases. What may you say?", (
        Choice("15% of the reviews have the wrong sentiment", "Some of these are the judge's own mistakes."),
        Choice("the generator is nearly as good as a human writer", "Sentiment is one property; sense, variety and truth were not judged."),
        Choice("the sentiment agrees with the judge about as often as a real review's does", "Yes: and read some yourself, for what no judge was asked.", right=True),
        Choice("nothing, classifiers cannot judge text", "It can say what it was trained to say, with a known error."))),
)

RECALL = (
    Recall("02", "Whose job is the shift by one, and what happens if it is done twice?",
           "The loss does it. Twice means each position is asked for the token after next: the loss still falls, the text gets worse."),
    Recall("05", "Of how much use is a score without a baseline and an interval?",
           "Of little: the baseline says what comes without reading, the interval what luck of the seed or of the examples may do."),
    Recall("07", "What is the risk when the data you judge with is the data you learnt from?",
           "The score measures memory. So articles, not sentences, were split, and here writer and judge share no review."),
)
