"""Exercises, quiz and recall questions of chapter 09: overfitting."""

from __future__ import annotations

import math

import torch

from .content import Case, Choice, Exercise, Mistake, Question, Recall


def confident_mistake() -> float:
    return -(3 * math.log(0.99) + math.log(0.01)) / 4


def shrunk(weight: float, learning_rate: float, decay: float, steps: int) -> float:
    return weight * (1 - learning_rate * decay) ** steps


def _once(weight: float, learning_rate: float, decay: float, steps: int) -> float:
    return weight * (1 - learning_rate * decay * steps)


def _without_rate(weight: float, learning_rate: float, decay: float, steps: int) -> float:
    return weight * (1 - decay) ** steps


def _constant_bite(weight: float, learning_rate: float, decay: float, steps: int) -> float:
    return weight - learning_rate * decay * steps


def _exponential(weight: float, learning_rate: float, decay: float, steps: int) -> float:
    return weight * math.exp(-learning_rate * decay * steps)


def _taken_off(weight: float, learning_rate: float, decay: float, steps: int) -> float:
    return weight * (1 - (1 - learning_rate * decay) ** steps)


def _one_step_short(weight: float, learning_rate: float, decay: float, steps: int) -> float:
    return weight * (1 - learning_rate * decay) ** (steps - 1)


def smoothed_loss(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    log_p = torch.log_softmax(logits, -1)  # (B, C)
    right = log_p.gather(1, labels[:, None])[:, 0]  # (B,)
    return -((1 - smoothing) * right + smoothing * log_p.mean(-1)).mean()


def _over_the_others(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    log_p = torch.log_softmax(logits, -1)
    right = log_p.gather(1, labels[:, None])[:, 0]
    others = (log_p.sum(-1) - right) / (logits.shape[1] - 1)
    return -((1 - smoothing) * right + smoothing * others).mean()


def _share_missing(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    log_p = torch.log_softmax(logits, -1)
    right = log_p.gather(1, labels[:, None])[:, 0]
    others = (log_p.sum(-1) - right) / logits.shape[1]
    return -((1 - smoothing) * right + smoothing * others).mean()


def _added_on_top(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    log_p = torch.log_softmax(logits, -1)
    return -(log_p.gather(1, labels[:, None])[:, 0] + smoothing * log_p.mean(-1)).mean()


def _summed_over_classes(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    log_p = torch.log_softmax(logits, -1)
    return -((1 - smoothing) * log_p.gather(1, labels[:, None])[:, 0] + smoothing * log_p.sum(-1)).mean()


def _summed_over_batch(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    return smoothed_loss(logits, labels, smoothing) * len(labels)


def _no_softmax(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    return -((1 - smoothing) * logits.gather(1, labels[:, None])[:, 0] + smoothing * logits.mean(-1)).mean()


def _plain_cross_entropy(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    return smoothed_loss(logits, labels, 0.0)


def paired(a: list[float], b: list[float], t: float) -> list[float]:
    d = [x - y for x, y in zip(a, b)]
    n, mean = len(d), sum(d) / len(d)
    sd = (sum((x - mean) ** 2 for x in d) / (n - 1)) ** 0.5
    return [mean, mean - t * sd / n**0.5, mean + t * sd / n**0.5]


def _unpaired(a: list[float], b: list[float], t: float) -> list[float]:
    def variance(x: list[float]) -> float:
        mean = sum(x) / len(x)
        return sum((v - mean) ** 2 for v in x) / (len(x) - 1)

    mean = sum(a) / len(a) - sum(b) / len(b)
    half = t * ((variance(a) + variance(b)) / len(a)) ** 0.5
    return [mean, mean - half, mean + half]


def _half_times(a: list[float], b: list[float], t: float, factor: float) -> list[float]:
    mean, low, _ = paired(a, b, t)
    return [mean, mean - (mean - low) * factor, mean + (mean - low) * factor]


def _spread_not_error(a: list[float], b: list[float], t: float) -> list[float]:
    return _half_times(a, b, t, len(a) ** 0.5)


def _no_t(a: list[float], b: list[float], t: float) -> list[float]:
    return _half_times(a, b, t, 1 / t)


def _not_the_root(a: list[float], b: list[float], t: float) -> list[float]:
    return _half_times(a, b, t, len(a) ** -0.5)


def _root_of_n_minus_1(a: list[float], b: list[float], t: float) -> list[float]:
    return _half_times(a, b, t, (len(a) / (len(a) - 1)) ** 0.5)


def _normal(a: list[float], b: list[float], t: float) -> list[float]:
    return _half_times(a, b, t, 1.96 / t)


def _divided_by_n(a: list[float], b: list[float], t: float) -> list[float]:
    return _half_times(a, b, t, ((len(a) - 1) / len(a)) ** 0.5)


def _other_way_round(a: list[float], b: list[float], t: float) -> list[float]:
    return paired(b, a, t)


def true_accuracy(measured: float, wrong: float) -> float:
    return (measured - wrong) / (1 - 2 * wrong)


def _added(measured: float, wrong: float) -> float:
    return measured + wrong


def _scaled(measured: float, wrong: float) -> float:
    return measured / (1 - wrong)


def _forward(measured: float, wrong: float) -> float:
    return measured * (1 - wrong) + (1 - measured) * wrong


def _only_lost(measured: float, wrong: float) -> float:
    return (measured - wrong) / (1 - wrong)


def _taken_away(measured: float, wrong: float) -> float:
    return measured - wrong


def _given_back(measured: float, wrong: float) -> float:
    return measured + wrong * (1 - measured)


def needed(n1: int, error1: float, n2: int, error2: float, target: float) -> float:
    b = math.log(error1 / error2) / math.log(n2 / n1)  # error = a · n^-b: a straight line in log-log
    return n2 * (error2 / target) ** (1 / b)


def _straight_line(n1: int, error1: float, n2: int, error2: float, target: float) -> float:
    return n2 + (error2 - target) * (n2 - n1) / (error1 - error2)


def _points_a_doubling(n1: int, error1: float, n2: int, error2: float, target: float) -> float:
    return n2 * (n2 / n1) ** ((error2 - target) / (error1 - error2))


def _in_proportion(n1: int, error1: float, n2: int, error2: float, target: float) -> float:
    return n2 * error2 / target


def _power_upside_down(n1: int, error1: float, n2: int, error2: float, target: float) -> float:
    b = math.log(error1 / error2) / math.log(n2 / n1)
    return n2 * (error2 / target) ** b


def _the_extra(n1: int, error1: float, n2: int, error2: float, target: float) -> float:
    return needed(n1, error1, n2, error2, target) - n2


def _from_the_first(n1: int, error1: float, n2: int, error2: float, target: float) -> float:
    return n1 * (error2 / target) ** (math.log(n2 / n1) / math.log(error1 / error2))


def majority_error(wrong: float, k: int) -> float:
    half = (k + 1) // 2
    return sum(math.comb(k, m) * wrong**m * (1 - wrong) ** (k - m) for m in range(half, k + 1))


def _all_wrong(wrong: float, k: int) -> float:
    return wrong**k


def _shared_out(wrong: float, k: int) -> float:
    return wrong / k


def _exactly_half(wrong: float, k: int) -> float:
    half = (k + 1) // 2
    return math.comb(k, half) * wrong**half * (1 - wrong) ** (k - half)


def _no_coefficient(wrong: float, k: int) -> float:
    return sum(wrong**m * (1 - wrong) ** (k - m) for m in range((k + 1) // 2, k + 1))


def _right_ones_forgotten(wrong: float, k: int) -> float:
    return sum(math.comb(k, m) * wrong**m for m in range((k + 1) // 2, k + 1))


def _one_too_early(wrong: float, k: int) -> float:
    return sum(math.comb(k, m) * wrong**m * (1 - wrong) ** (k - m) for m in range(k // 2, k + 1))


def _without_the_last(wrong: float, k: int) -> float:
    return sum(math.comb(k, m) * wrong**m * (1 - wrong) ** (k - m) for m in range((k + 1) // 2, k))


def _one_too_many(wrong: float, k: int) -> float:
    return sum(math.comb(k, m) * wrong**m * (1 - wrong) ** (k - m) for m in range((k + 1) // 2 + 1, k + 1))


def _logits(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows)


EXERCISES = (
    Exercise(
        id="09.1", title="One confident mistake", level=1, signature="a number", asks="value", solution=confident_mistake,
        cases=(Case(wanted=1.15883, tolerance=2e-3),),
        hints=(
            "The loss of a sentence is -ln of the probability that its right class got.",
            "Three sentences cost -ln 0.99 each, one costs -ln 0.01.",
            "(3 · 0.01005 + 4.60517) / 4.",
        ),
        reasoning="The one mistake costs 4.605 nats and makes up nearly all of the mean, 1.159. Always answering one half would cost 0.693: by the loss this model is "
                  "worse than no model, by accuracy (0.75) it is not.",
        mistakes=(
            Mistake("sum", 4.63532, "you added the four losses up: the loss is their mean"),
            Mistake("base 2", 1.67185, "you took the logarithm to base 2: nats use the natural one"),
            Mistake("base 10", 0.50327, "you took the logarithm to base 10: nats use the natural one"),
            Mistake("mean probability", 0.29437, "you averaged the probabilities first: take the logarithm of each, then the mean"),
            Mistake("accuracy", 0.75, "that is the accuracy: the mean loss is asked for"),
            Mistake("the mistake alone", 4.60517, "that is the loss of the mistake alone: take the mean over all four"),
        )),
    Exercise(
        id="09.2", title="What weight decay does", level=1, signature="my_shrunk(weight, learning_rate, decay, steps)", solution=shrunk,
        cases=(
            Case((1.0, 0.1, 0.5, 2), 0.9025, "two steps by hand: 0.95 · 0.95"),
            Case((-3.0, 2e-4, 0.01, 160), name="the study's own numbers, nearly nothing"),
            Case((2.0, 0.1, 1.0, 10), name="ten large bites"),
            Case((0.7, 0.3, 0.0, 5), 0.7, "no decay"),
        ),
        hints=(
            "Leave the gradient out: what does one step of AdamW then do to a weight?",
            "One step multiplies it by 1 - learning_rate · decay. What do `steps` of them do?",
            "`weight * (1 - learning_rate * decay) ** steps`",
        ),
        reasoning="AdamW's decay multiplies the weight at each step, so the factors multiply. With 2e-4 · 0.01 a step, 160 steps take 0.03% off: nothing a score could show.",
        mistakes=(
            Mistake("one big step", _once, "you took all steps' bites from the first weight: each step bites from what is left"),
            Mistake("without the rate", _without_rate, "you multiplied by 1 - decay: in AdamW the learning rate scales the decay"),
            Mistake("a constant bite", _constant_bite, "you took the same amount off at each step, whatever the weight: decay is in proportion to it"),
            Mistake("taken off", _taken_off, "that is what decay takes off: what is left is asked for"),
            Mistake("one step short", _one_step_short, "you multiplied one time too few: every step bites, the first one too"),
            Mistake("exponential", _exponential, "exp(-rate · decay · steps) is the limit of tiny steps: these steps are whole, multiply"),
        )),
    Exercise(
        id="09.3", title="Label smoothing", level=2, signature="my_smoothed_loss(logits, labels, smoothing)", solution=smoothed_loss, differentiable=True,
        cases=lambda: (
            Case((_logits([[0.0, 0.0]]), torch.tensor([1]), 0.1), math.log(2), "no opinion: ln 2, smoothed or not"),
            Case((_logits([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0]), 0.0), (0.126928 + 1.313262) / 2, "no smoothing: cross-entropy"),
            Case((_logits([[3.0, -1.0, 0.5], [0.2, 0.1, -2.0]]), torch.tensor([0, 2]), 0.3), name="three classes"),
            Case((_logits([[4.0, -4.0]]), torch.tensor([0]), 0.1), name="sure and right"),
        ),
        hints=(
            "The target is no longer 1 on the right class: it is 1 - s there, plus s shared by all C classes.",
            "Two means of -log p: of the right class, with weight 1 - s, and over all classes, with weight s.",
            "`log_p = torch.log_softmax(logits, -1)`, then `-((1 - s) * log_p.gather(1, labels[:, None])[:, 0] + s * log_p.mean(-1)).mean()`",
        ),
        reasoning="The smoothed target gives every class s / C, the right one included. So a model that is certain pays for the classes it ruled out, "
                  "and the loss is least at a probability of 1 - s + s / C, not at 1.",
        mistakes=(
            Mistake("the other classes only", _over_the_others, "you shared s among the wrong classes only: all C classes get s / C, the right one too"),
            Mistake("share missing", _share_missing, "your target sums to less than 1: the right class gets its s / C on top of 1 - s"),
            Mistake("added on top", _added_on_top, "you left the right class its whole weight: it keeps 1 - s, so that the target still sums to 1"),
            Mistake("sum over classes", _summed_over_classes, "you added the classes up: s is shared, so take their mean"),
            Mistake("sum over the batch", _summed_over_batch, "you added the sentences up: the loss is the mean over the batch"),
            Mistake("no softmax", _no_softmax, "these are logits: they become log-probabilities by log_softmax first"),
            Mistake("no smoothing", _plain_cross_entropy, "that is cross-entropy without smoothing: the smoothed part is missing"),
        )),
    Exercise(
        id="09.4", title="A paired comparison", level=2, signature="my_paired(a, b, t)", solution=paired,
        cases=(
            Case(([0.80, 0.70, 0.90], [0.79, 0.68, 0.87], 2.0), [0.02, 0.02 - 0.02 / 3**0.5, 0.02 + 0.02 / 3**0.5], "three seeds"),
            Case(([0.5, 0.9], [0.4, 0.8], 12.7), [0.1, 0.1, 0.1], "the same gain each time: no doubt at all"),
            Case(([0.71, 0.78, 0.74, 0.80, 0.69], [0.73, 0.75, 0.74, 0.77, 0.70], 2.776), name="five seeds"),
        ),
        hints=(
            "Each seed gives one difference; from then on the two lists are not needed any more.",
            "Mean of the differences, plus and minus t · sd / sqrt(n); the sd of the differences, with n - 1 below.",
            "`d = [x - y for x, y in zip(a, b)]`, then mean, `sd = (sum((x - mean)**2 for x in d) / (n - 1))**0.5` and `mean ± t * sd / n**0.5`.",
        ),
        reasoning="Seeds with hard sentences lower both scores. The difference takes that out, so its spread is what matters; that of the scores themselves "
                  "would hide a steady gain behind the luck of the draw.",
        mistakes=(
            Mistake("unpaired", _unpaired, "you used the spread of the two lists of scores: take the spread of the differences, seed by seed"),
            Mistake("sd instead of its error", _spread_not_error, "that is where single differences lie: the mean of n is surer, divide by sqrt(n)"),
            Mistake("divided by n", _divided_by_n, "the sd of a few values has n - 1 below, not n"),
            Mistake("no t", _no_t, "the half-width is t times the standard error: t is missing"),
            Mistake("n, not its root", _not_the_root, "you divided the sd by n: its error divides by the root of n"),
            Mistake("root of n - 1", _root_of_n_minus_1, "n - 1 belongs in the sd only: its error divides by the root of n"),
            Mistake("1.96", _normal, "you took 1.96, which is for many seeds: take the t that is given"),
            Mistake("b minus a", _other_way_round, "you took b - a: a - b is asked for"),
        )),
    Exercise(
        id="09.5", title="Judged by wrong labels", level=2, signature="my_true_accuracy(measured, wrong)", solution=true_accuracy,
        cases=(
            Case((0.74, 0.2), 0.9, "right on 90%, one label in five wrong"),  # 0.9 · 0.8 + 0.1 · 0.2
            Case((0.8, 0.0), 0.8, "clean labels"),
            Case((0.95, 0.05), 1.0, "never wrong, and still 5% off"),
            Case((0.66, 0.1), name="one in ten wrong"),
        ),
        hints=(
            "With wrong labels in the test set, when does a right answer count as wrong, and when does a wrong one count as right?",
            "measured = true · (1 - wrong) + (1 - true) · wrong. Solve for true.",
            "`(measured - wrong) / (1 - 2 * wrong)`",
        ),
        reasoning="A right answer counts only where the label is right, and a wrong answer counts where the label is wrong, too. Solving for the true accuracy gives "
                  "(m - q) / (1 - 2q). It holds if labels are wrong by chance; people err on the same hard sentences as models do.",
        mistakes=(
            Mistake("added", _added, "you added the share of wrong labels: that is right only for a model that is never wrong"),
            Mistake("scaled", _scaled, "you left out the wrong answers that a wrong label makes right"),
            Mistake("taken away", _taken_away, "wrong labels make this model look worse than it is: its true accuracy is above the measured one"),
            Mistake("given back", _given_back, "you gave back a part of the misses only: solve measured = true (1 - q) + (1 - true) q"),
            Mistake("forwards", _forward, "you went from true to measured: the other way is asked for"),
            Mistake("lost only", _only_lost, "close: a wrong label takes hits away and also gives some, so the divisor is 1 - 2 · wrong"),
        )),
    Exercise(
        id="09.6", title="How many sentences in all?", level=3, signature="my_needed(n1, error1, n2, error2, target)", solution=needed,
        cases=(
            Case((100, 0.4, 400, 0.2, 0.1), 1600.0, "four times the sentences halve the error", tolerance=1e-4),
            Case((256, 0.25, 4096, 0.15, 0.12), name="a flatter curve", tolerance=1e-4),
            Case((64, 0.30, 128, 0.27, 0.25), name="one doubling", tolerance=1e-4),
        ),
        hints=(
            "Between two sizes the error falls by a factor. A power law has the same factor for every further multiplication.",
            "error = a · n^-b. Two points give b = ln(error1 / error2) / ln(n2 / n1); then solve error(n) = target.",
            "`n2 * (error2 / target) ** (1 / b)`",
        ),
        reasoning="In log-log coordinates a power law is a straight line: two points fix it. With b = 0.2 the error halves every 32-fold: the reason why "
                  "more data helps for ever, and ever less. It is an extrapolation; the wrong labels and the model's limits end it.",
        mistakes=(
            Mistake("straight line", _straight_line, "you drew a straight line in n: the same gain would come from every hundred sentences, which no curve here shows"),
            Mistake("points a doubling", _points_a_doubling, "you took the same number of points off a doubling: a power law takes off the same share"),
            Mistake("in proportion", _in_proportion, "you took error · n as constant (b = 1): compute b from the two points"),
            Mistake("the extra", _the_extra, "that is how many to add to n2: the number in all is asked for"),
            Mistake("from the first", _from_the_first, "error2 belongs to n2: start from there"),
            Mistake("power upside down", _power_upside_down, "you raised to b: solving a · n^-b = target for n gives the power 1 / b"),
        )),
    Exercise(
        id="09.7", title="One rater or k", level=3, signature="my_majority_error(wrong, k)", solution=majority_error,
        cases=(
            Case((0.1, 1), 0.1, "one rater"),
            Case((0.1, 3), 0.028, "two or three of three wrong"),  # 3 · 0.01 · 0.9 + 0.001
            Case((0.5, 7), 0.5, "raters who toss a coin"),
            Case((0.2, 5), name="five raters"),
        ),
        hints=(
            "The majority is wrong if more than half of the k are. How many is that, at the least, for odd k?",
            "Exactly m wrong: comb(k, m) ways, each with probability wrong^m · (1 - wrong)^(k - m). Add up m = (k+1)/2 … k.",
            "`sum(math.comb(k, m) * wrong**m * (1 - wrong)**(k - m) for m in range((k + 1) // 2, k + 1))`",
        ),
        reasoning="At one wrong in ten, three raters bring the majority's error down to 2.8%, for three times the cost. Section 6 asks whether these ratings "
                  "had better gone to other sentences. Raters must err independently; on an ambiguous sentence they do not.",
        mistakes=(
            Mistake("all wrong", _all_wrong, "that is all k wrong at once: more than half is enough"),
            Mistake("shared out", _shared_out, "errors do not shrink in proportion to k: count the ways to be outvoted"),
            Mistake("exactly half and one", _exactly_half, "you counted the smallest majority only: larger ones are wrong, too"),
            Mistake("no coefficient", _no_coefficient, "you counted one way for each m: any m of the k raters may be the wrong ones, comb(k, m) ways"),
            Mistake("right ones forgotten", _right_ones_forgotten, "the other k - m raters are right, each with probability 1 - wrong"),
            Mistake("one too early", _one_too_early, "k // 2 wrong raters are no majority: begin at (k + 1) / 2"),
            Mistake("without the last", _without_the_last, "all k wrong counts, too: the range ends at k + 1 in Python"),
            Mistake("one too many", _one_too_many, "your sum begins one too late: (k + 1) / 2 wrong raters are a majority already"),
        )),
)

QUIZ = (
    Question("From epoch 5 to 20 the training loss falls from 0.1 to 0.001, validation loss doubles, validation accuracy stays. What happened?", (
        Choice("Nothing: the accuracy is what counts", "For a yes or no, perhaps. The probabilities, taken at their word, became worse than a coin's."),
        Choice("The model grew surer of all its answers, the wrong ones included",
               "Scaling up logits changes no answer, but each mistake costs more.", right=True),
        Choice("The validation set is too small", "A small set makes a number unsteady; it does not make a loss climb epoch by epoch."),
        Choice("The learning rate was too low", "The training loss reached 0.001: it learned all that there was."))),
    Question("Variant A beats the base by 0.6 points, paired interval over eight seeds -0.9 to +2.1. What may you say?", (
        Choice("A helps, by 0.6 points", "The interval holds 0 and losses of nearly a point, too."),
        Choice("A does not help", "Nor that: a gain of two points lies in the interval."),
        Choice("A gain could not be shown; it is between -0.9 and +2.1 points", "And say how many seeds would settle it.", right=True))),
    Question("Why does `weight_decay=0.01` change nothing in a fine-tuning of 160 steps at rate 2e-4?", (
        Choice("AdamW ignores weight decay", "It does not: each step multiplies weights by 1 - rate · decay."),
        Choice("Because biases and norms do not decay", "They do not, but the matrices do."),
        Choice("(1 - 2e-4 · 0.01)^160 is 0.9997: the weights shrink by 0.03% at a constant rate, half of that with the schedule", "In pretraining, with a million steps, it matters.", right=True),
        Choice("Because dropout does the same", "They are unrelated; the base has no dropout."))),
    Question("You have 256 labelled sentences in all. What does early stopping cost you?", (
        Choice("The sentences you hold out to stop by, which could have been trained on",
               "And with 64 of them the choice is shaky. A fixed small number of epochs costs none.", right=True),
        Choice("Nothing, it saves time", "It saves steps, but it needs a validation set."),
        Choice("The best weights", "They are kept: that is what keep_best is for."))),
    Question("A word's nearest neighbours in an embedding table are used to augment sentiment data. What is the danger?", (
        Choice("The neighbours are misspelt", "They come from the vocabulary."),
        Choice("Opposites stand in similar contexts, so \"good\" may become \"bad\" while the label stays",
               "That is label noise of your own making.", right=True),
        Choice("Sentences become longer", "One word replaces one word."),
        Choice("Training takes more steps", "The number of steps is the same here; only the texts change."))),
)

RECALL = (
    Recall("01", "The loss is the mean of -log p(right). What is it for p = 0.5, and for p = 0.01?",
           "ln 2 = 0.693 nats, and ln 100 = 4.605 nats: one sure mistake weighs as much as seven shrugs."),
    Recall("05", "Early stopping with patience 2: when does training stop, and which weights are kept?",
           "After two evaluations in a row without a new best; the weights of the best evaluation are kept, not the last."),
    Recall("05", "Why compare two models on the same examples or seeds, pair by pair?",
           "What makes an example or a seed hard or lucky hits both; the difference takes it out, so smaller gains can be seen."),
)
