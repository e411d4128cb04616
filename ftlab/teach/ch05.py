"""Exercises, quiz and recall questions of chapter 05: training on GLUE."""

from __future__ import annotations

import torch

from .content import Case, Choice, Exercise, Mistake, Question, Recall


def padding_share(batches: list[list[int]]) -> float:
    real = sum(sum(lengths) for lengths in batches)
    positions = sum(len(lengths) * max(lengths) for lengths in batches)  # a batch is a rectangle: B x T
    return 1 - real / positions


def _mean_of_shares(batches: list[list[int]]) -> float:
    return sum(1 - sum(lengths) / (len(lengths) * max(lengths)) for lengths in batches) / len(batches)


def _to_longest_of_all(batches: list[list[int]]) -> float:
    everything = [n for lengths in batches for n in lengths]
    return 1 - sum(everything) / (len(everything) * max(everything))


def _over_real(batches: list[list[int]]) -> float:
    real = sum(sum(lengths) for lengths in batches)
    return sum(len(lengths) * max(lengths) for lengths in batches) / real - 1


def half_way() -> int:
    total, warmup = 240, 24
    return total - (total - warmup) // 2  # (240 - step) / (240 - 24) = 1/2


def clip(gradients: list[torch.Tensor], limit: float) -> list[torch.Tensor]:
    norm = torch.sqrt(sum((g**2).sum() for g in gradients))  # one length for all of them together
    factor = min(1.0, limit / max(float(norm), 1e-12))
    return [g * factor for g in gradients]


def _clip_each(gradients: list[torch.Tensor], limit: float) -> list[torch.Tensor]:
    return [g * min(1.0, limit / max(float(g.norm()), 1e-12)) for g in gradients]


def _clamp(gradients: list[torch.Tensor], limit: float) -> list[torch.Tensor]:
    return [g.clamp(-limit, limit) for g in gradients]


def _always(gradients: list[torch.Tensor], limit: float) -> list[torch.Tensor]:
    norm = torch.sqrt(sum((g**2).sum() for g in gradients))
    return [g * (limit / max(float(norm), 1e-12)) for g in gradients]


def _norm_of_sum(gradients: list[torch.Tensor], limit: float) -> list[torch.Tensor]:
    norm = sum(float(g.norm()) for g in gradients)
    return [g * min(1.0, limit / max(norm, 1e-12)) for g in gradients]


def f1_over_batches(batches: list[tuple[list[int], list[int]]]) -> float:
    hits = said = wanted = 0
    for predictions, labels in batches:
        hits += sum(p == 1 and y == 1 for p, y in zip(predictions, labels))
        said += sum(p == 1 for p in predictions)  # TP + FP
        wanted += sum(y == 1 for y in labels)  # TP + FN
    return 2 * hits / (said + wanted) if said + wanted else 0.0


def _mean_of_f1(batches: list[tuple[list[int], list[int]]]) -> float:
    scores = []
    for predictions, labels in batches:
        hits = sum(p == 1 and y == 1 for p, y in zip(predictions, labels))
        below = sum(p == 1 for p in predictions) + sum(y == 1 for y in labels)
        scores.append(2 * hits / below if below else 0.0)
    return sum(scores) / len(scores)


def _of_class_0(batches: list[tuple[list[int], list[int]]]) -> float:
    return f1_over_batches([([1 - p for p in ps], [1 - y for y in ys]) for ps, ys in batches])


def _accuracy(batches: list[tuple[list[int], list[int]]]) -> float:
    pairs = [pair for ps, ys in batches for pair in zip(ps, ys)]
    return sum(p == y for p, y in pairs) / len(pairs)


def _precision(batches: list[tuple[list[int], list[int]]]) -> float:
    pairs = [pair for ps, ys in batches for pair in zip(ps, ys)]
    return sum(p == 1 and y == 1 for p, y in pairs) / max(1, sum(p == 1 for p, _ in pairs))


def _recall(batches: list[tuple[list[int], list[int]]]) -> float:
    pairs = [pair for ps, ys in batches for pair in zip(ps, ys)]
    return sum(p == 1 and y == 1 for p, y in pairs) / max(1, sum(y == 1 for _, y in pairs))


def stop_and_keep(scores: list[float], patience: int) -> list[int]:
    best = 0
    for now, score in enumerate(scores):
        if score > scores[best]:  # strictly better: of equals, the earlier stays
            best = now
        if now - best >= patience:
            return [now, best]
    return [len(scores) - 1, best]


def _later_of_equals(scores: list[float], patience: int) -> list[int]:
    best = 0
    for now, score in enumerate(scores):
        if score >= scores[best]:
            best = now
        if now - best >= patience:
            return [now, best]
    return [len(scores) - 1, best]


def _keeps_the_last(scores: list[float], patience: int) -> list[int]:
    now = stop_and_keep(scores, patience)[0]
    return [now, now]


def _against_the_one_before(scores: list[float], patience: int) -> list[int]:
    best = bad = 0
    for now in range(1, len(scores)):
        best = now if scores[now] > scores[best] else best
        bad = bad + 1 if scores[now] <= scores[now - 1] else 0
        if bad >= patience:
            return [now, best]
    return [len(scores) - 1, best]


def _looks_ahead(scores: list[float], patience: int) -> list[int]:
    return [stop_and_keep(scores, patience)[0], scores.index(max(scores))]


def _never_starts_again(scores: list[float], patience: int) -> list[int]:
    best = bad = 0
    for now in range(1, len(scores)):
        if scores[now] > scores[best]:
            best = now
        else:
            bad += 1
        if bad >= patience:
            return [now, best]
    return [len(scores) - 1, best]


def _one_too_late(scores: list[float], patience: int) -> list[int]:
    return stop_and_keep(scores, patience + 1)


def ceiling(ratings: list[list[int]]) -> float:
    shares = []
    for row in ratings:
        right = 0.0
        for own in row:
            others = sum(row) - own  # the sign of their sum is the sign of their mean
            right += 0.5 if own == 0 or others == 0 else float((own > 0) == (others > 0))
        shares.append(right / len(row))
    return sum(shares) / len(shares)


def _own_included(ratings: list[list[int]]) -> float:
    shares = []
    for row in ratings:
        total = sum(row)
        shares.append(sum(0.5 if own * total == 0 else float(own * total > 0) for own in row) / len(row))
    return sum(shares) / len(shares)


def _zero_is_wrong(ratings: list[list[int]]) -> float:
    shares = [sum(float(own * (sum(row) - own) > 0) for own in row) / len(row) for row in ratings]
    return sum(shares) / len(shares)


def _zeros_left_out(ratings: list[list[int]]) -> float:
    shares = []
    for row in ratings:
        said = [own for own in row if own != 0]
        if said:
            right = sum(0.5 if sum(row) == own else float(own * (sum(row) - own) > 0) for own in said)
            shares.append(right / len(said))
    return sum(shares) / len(shares)


def _equals_left_out(ratings: list[list[int]]) -> float:
    shares = []
    for row in ratings:
        right = 0.0
        for own in row:
            others = sum(r for r in row if r != own)
            right += 0.5 if own * others == 0 else float(own * others > 0)
        shares.append(right / len(row))
    return sum(shares) / len(shares)


def _every_rating_alike(ratings: list[list[int]]) -> float:
    right = [0.5 if own * (sum(row) - own) == 0 else float(own * (sum(row) - own) > 0) for row in ratings for own in row]
    return sum(right) / len(right)


EXERCISES = (
    Exercise(
        id="05.1", title="How much is padding?", level=1, signature="my_padding_share(batches)", solution=padding_share,
        cases=(
            Case(([[3, 5], [9, 10]],), 0.1, "two batches of similar lengths"),  # 10 + 20 positions, 27 tokens
            Case(([[3, 10], [5, 9]],), 11 / 38, "the same four sentences, paired badly"),
            Case(([[4, 4, 4]],), 0.0, "no padding at all"),
            Case(([[2, 8, 5], [7]],), name="a short last batch"),
        ),
        hints=(
            "A batch is a rectangle: how wide must it be to hold its longest sentence?",
            "Positions of a batch: number of sentences times the longest length. Add up over all batches before you divide.",
            "`1 - sum(map(sum, batches)) / sum(len(b) * max(b) for b in batches)`",
        ),
        reasoning="Padding fills each batch up to a rectangle of B rows and T columns, T its own longest sentence. The share is counted "
                  "over all positions at once, so that a short last batch counts for the little that it is.",
        mistakes=(
            Mistake("mean of shares", _mean_of_shares,
                    "you averaged the shares of the batches: a small batch then counts as much as a large one; add up tokens and positions first"),
            Mistake("longest of all", _to_longest_of_all,
                    "you padded every batch to the longest sentence of all: dynamic padding goes to the longest of its own batch"),
            Mistake("over real tokens", _over_real, "you divided by the real tokens: the share is taken of all positions, padding included"),
        )),
    Exercise(
        id="05.2", title="Half the learning rate", level=1, signature="a number", asks="value", solution=half_way,
        cases=(Case(wanted=132, tolerance=0),),
        hints=(
            "The rate passes one half twice: once on the way up, once on the way down.",
            "On the way down the line runs from step 24 (rate 1) to step 240 (rate 0).",
            "Solve (240 - step) / (240 - 24) = 1/2.",
        ),
        reasoning="After the warm-up of 24 steps the rate falls in a straight line over the remaining 216, so it is halved after 108 of them: 24 + 108.",
        mistakes=(
            Mistake("no warm-up", 120, "that is half of all steps: the way down begins only where the warm-up ends"),
            Mistake("on the way up", 12, "there the rate is one half for the first time, on the way up; the way down is asked for"),
            Mistake("forgot to start at 24", 108, "that many steps after the peak, but the peak itself is not at step 0"),
        )),
    Exercise(
        id="05.3", title="Clip a gradient", level=2, signature="my_clip(gradients, limit)", solution=clip,
        cases=lambda: (
            Case(([torch.tensor([3.0]), torch.tensor([4.0])], 1.0), [torch.tensor([0.6]), torch.tensor([0.8])], "length 5, limit 1"),
            Case(([torch.tensor([0.3, 0.0]), torch.tensor([0.4])], 1.0), [torch.tensor([0.3, 0.0]), torch.tensor([0.4])], "shorter than the limit"),
            Case(([torch.tensor([[2.0, -1.0], [0.5, 4.0]]), torch.tensor([-6.0, 3.0])], 2.0), name="a matrix and a vector"),
            Case(([torch.zeros(3)], 1.0), [torch.zeros(3)], "no gradient at all"),
        ),
        hints=(
            "Think of all gradients laid end to end as one long arrow. How long is it?",
            "Its length is the root of the sum of all squares. Shorten all by one factor, and only if it is too long.",
            "`norm = sum((g ** 2).sum() for g in gradients) ** 0.5`, then multiply each by `min(1, limit / norm)`; mind a norm of 0.",
        ),
        reasoning="One factor for all tensors shortens the step and keeps its direction. A factor for each tensor, or a clamp of each number, "
                  "would turn it. Short gradients pass unchanged.",
        mistakes=(
            Mistake("each tensor by itself", _clip_each,
                    "you clipped each tensor by itself, which turns the step: take one length over all tensors together"),
            Mistake("clamped", _clamp, "you cut off single numbers, which turns the step: multiply everything by one factor instead"),
            Mistake("scaled up", _always, "you also stretched gradients shorter than the limit: clipping only ever shortens"),
            Mistake("sum of lengths", _norm_of_sum, "you added up the lengths of the tensors: add up the squares, then take one root"),
        )),
    Exercise(
        id="05.4", title="F1 of a whole split", level=2, signature="my_f1(batches)", solution=f1_over_batches,
        cases=(
            Case(([([1, 0, 1, 1], [1, 1, 1, 0])],), 2 / 3, "one batch: 2 right, 1 false alarm, 1 missed"),
            Case(([([1, 1], [1, 1]), ([0, 0, 1], [0, 1, 0])],), 2 / 3, "an easy batch and a hard one"),
            Case(([([0, 0, 0], [0, 1, 0]), ([1, 0], [1, 0]), ([1, 1, 1], [1, 0, 0])],), name="batches of uneven size"),
            Case(([([0, 0], [0, 0])],), 0.0, "nothing to find, nothing said"),
        ),
        hints=(
            "Which counts does F1 = 2 TP / (2 TP + FP + FN) need, and can they be added up over batches?",
            "Counts can be added; F1 scores cannot. Keep TP, how often 1 was said, and how often 1 was right.",
            "`2 * hits / (said + wanted)`, where said = TP + FP and wanted = TP + FN over all batches, and 0 if both are 0.",
        ),
        reasoning="F1 is a ratio of counts over the whole split. The mean of each batch's F1 is another number, which changes with the batch size.",
        mistakes=(
            Mistake("mean of F1s", _mean_of_f1, "you averaged the F1 of the batches: add up the counts over all batches, then divide once"),
            Mistake("class 0", _of_class_0, "that is the F1 of class 0: F1 in GLUE counts class 1 as the one to find"),
            Mistake("accuracy", _accuracy, "that is accuracy: F1 leaves out the cases where 0 was rightly said"),
            Mistake("precision", _precision, "that is precision, TP / (TP + FP): what was missed must count too"),
            Mistake("recall", _recall, "that is recall, TP / (TP + FN): false alarms must count too"),
        )),
    Exercise(
        id="05.5", title="When to stop, what to keep", level=3, signature="my_stop(scores, patience)", solution=stop_and_keep,
        cases=(
            Case(([0.5, 0.7, 0.6, 0.6, 0.9], 2), [3, 1], "the best score comes after the stop"),
            Case(([0.5, 0.6, 0.7], 2), [2, 2], "better every time"),
            Case(([0.6, 0.8, 0.8, 0.7, 0.75], 3), [4, 1], "two equal scores"),
            Case(([0.6, 0.8, 0.5, 0.7, 0.75, 0.7, 0.7], 3), name="up and down below the best"),
            Case(([0.9, 0.1, 0.2], 1), [1, 0], "no patience"),
            Case(([0.5, 0.4, 0.6, 0.5, 0.7, 0.6], 2), [5, 4], "a dip after each new best"),
        ),
        hints=(
            "Walk through the scores in order, and remember only where the best one so far was.",
            "Stop when the current place is `patience` or more after the best place. Equal is not better.",
            "`if score > scores[best]: best = now`, then `if now - best >= patience: return [now, best]`; after the loop return the last place.",
        ),
        reasoning="Patience counts evaluations since the best so far, not since the last one. A tie keeps the earlier weights: as good, with less training. "
                  "What comes after the stop is never seen.",
        mistakes=(
            Mistake("later of equals", _later_of_equals, "of two equal scores you kept the later: only a strictly better score is a new best"),
            Mistake("keeps the last", _keeps_the_last, "you kept the weights at the stop: they are the ones that stopped getting better; keep the best"),
            Mistake("against the one before", _against_the_one_before,
                    "you compared each score with the one before it: patience counts from the best score so far"),
            Mistake("looks ahead", _looks_ahead, "the best you kept comes after the stop: training had ended by then"),
            Mistake("never starts again", _never_starts_again,
                    "you counted every evaluation that was no better, also those before the last best: a new best starts the count again at 0"),
            Mistake("one too late", _one_too_late, "you stopped one evaluation too late: stop as soon as `patience` evaluations brought nothing better"),
        )),
    Exercise(
        id="05.6", title="The human ceiling", level=3, signature="my_ceiling(ratings)", solution=ceiling,
        cases=(
            Case(([[2, 1, -1]],), 0.5, "one sentence"),  # 2 against 0: half; 1 against 1: right; -1 against 3: wrong
            Case(([[3, 2, 4], [-1, -2, -1]],), 1.0, "all agree"),
            Case(([[2, 0, 1], [-3, 4, -1, -2, -2]],), name="a zero, and sentences with 3 and 5 raters"),
            Case(([[1, 0, 0, 0], [4, 3], [-2, -1, 3]],), name="hardly anybody decides"),
        ),
        hints=(
            "For each single rating, what do the *other* people say?",
            "Right if the signs agree, one half if either is 0. First the mean over the raters of a sentence, then over sentences.",
            "`others = sum(row) - own`; count 0.5 if `own * others == 0`, 1 if `own * others > 0`; divide by `len(row)`, then average.",
        ),
        reasoning="With the own rating left in, a person is partly compared with themselves. A rating of 0 is no answer; a forced guess would be right half the time. "
                  "Sentences weigh the same, however many rated them.",
        mistakes=(
            Mistake("own rating included", _own_included, "you compared each person with a mean that holds their own rating: leave it out"),
            Mistake("zero is wrong", _zero_is_wrong, "you counted a rating (or a mean) of 0 as wrong: it is no answer, and a guess is right half the time"),
            Mistake("zeros left out", _zeros_left_out, "you left ratings of 0 out: they are people who could not say; count one half"),
            Mistake("equal ratings left out", _equals_left_out,
                    "you left out every rating that equals the own one: other people may say the same; leave out one rating, not one value"),
            Mistake("every rating alike", _every_rating_alike, "sentences with more raters weigh more in your mean: average within each sentence first"),
        )),
)

QUIZ = (
    Question("A model scores 0.684 accuracy on the validation split of MRPC. What is the first thing to look at?", (
        Choice("whether the learning rate was tuned", "Later, perhaps. First ask whether it learned anything."),
        Choice("how many of its predictions are class 1", "279 of the 408 pairs are paraphrases, and 279 / 408 is 0.684. It may be answering \"yes\" to all.", right=True),
        Choice("the test split", "The test split is for the very end, and a look there would not explain the number."),
        Choice("more seeds", "They would tell how steady 0.684 is, not what it is."))),
    Question("Why is CoLA scored by Matthews correlation?", (
        Choice("It is faster to compute than accuracy", "Both take no time."),
        Choice("CoLA has values, not classes", "It has two classes; STS-B is the task with values."),
        Choice("69% of its sentences are acceptable, so accuracy rewards a constant answer; Matthews gives it 0",
               "A constant answer is worth nothing, and is scored so.", right=True),
        Choice("Accuracy is not defined for unequal classes", "It is defined, only easily misread."))),
    Question("You fine-tune on STS-B with a head of one output and compute `logits.argmax(-1)`. What do you get?", (
        Choice("0 for every pair, a constant: its correlation is 0/0 and counts as 0",
               "Over a single column the largest entry is always column 0. Read the value itself: `logits[:, 0]`.", right=True),
        Choice("the rounded similarity", "Argmax gives a position, never a value."),
        Choice("an error message", "Sadly not: it runs without a word."))),
    Question("What do length buckets change?", (
        Choice("the number of sentences in a batch", "It stays batch_size."),
        Choice("which sentences share a batch; each epoch is still a shuffled pass over all",
               "Similar lengths go together, pools and batches are still drawn at random.", right=True),
        Choice("the loss function", "It never sees lengths."),
        Choice("how far a sentence is truncated", "That is max_length."))),
    Question("A run is stopped in its second epoch. What must a snapshot hold so that it goes on to exactly the same weights?", (
        Choice("the weights", "AdamW's two moments and the step (hence the learning rate) would start afresh: other weights come out."),
        Choice("the weights and the last loss", "The loss is an outcome; nothing is computed from it."),
        Choice("weights, AdamW's moments, the step, the random state, and the seed of the order",
               "Everything the next step is computed from.", right=True))),
)

RECALL = (
    Recall("03", "What is `attention_mask` for, and what happens without it when a batch has padding?",
           "It marks real tokens with 1. Without it, real tokens attend to padding, so a sentence's vectors depend on the batch it is in."),
    Recall("04", "Which part of `SequenceClassifier` starts from random numbers, and which from pretraining?",
           "The linear layer `classifier` is random; the encoder below it comes from the checkpoint."),
    Recall("04", "Two classes and a new head: what is the loss before any training, about?",
           "ln 2 = 0.693 nats: the head's logits are near 0, so each class gets about one half."),
)
