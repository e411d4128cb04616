"""Exercises and quiz of chapter 00, Start here."""

from __future__ import annotations

import math

import torch

from .content import Case, Choice, Exercise, Mistake, Question


def accuracy(predicted: list, labels: list) -> float:
    right = sum(p == y for p, y in zip(predicted, labels))
    return right / len(labels)


def _error_rate(predicted: list, labels: list) -> float:
    return sum(p != y for p, y in zip(predicted, labels)) / len(labels)


def _count_right(predicted: list, labels: list) -> int:
    return sum(p == y for p, y in zip(predicted, labels))


def _share_of_ones(predicted: list, labels: list) -> float:
    return sum(predicted) / len(labels)


def _lists_as_wholes(predicted: list, labels: list) -> float:
    return (predicted == labels) / len(labels)


def majority(train_labels: list, test_labels: list) -> float:
    commonest = max(set(train_labels), key=train_labels.count)
    return test_labels.count(commonest) / len(test_labels)


def _majority_of_test(train_labels: list, test_labels: list) -> float:
    commonest = max(set(test_labels), key=test_labels.count)
    return test_labels.count(commonest) / len(test_labels)


def _share_in_train(train_labels: list, test_labels: list) -> float:
    commonest = max(set(train_labels), key=train_labels.count)
    return train_labels.count(commonest) / len(train_labels)


def _average_label(train_labels: list, test_labels: list) -> float:
    return test_labels.count(round(sum(train_labels) / len(train_labels))) / len(test_labels)


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    powers = torch.exp(logits - logits.max())  # (C,)
    return powers / powers.sum()  # (C,)


def _without_exp(logits: torch.Tensor) -> torch.Tensor:
    return logits / logits.sum()


def _sigmoid(logits: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(logits)


def _log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(logits, dim=-1)


def _exp_alone(logits: torch.Tensor) -> torch.Tensor:
    return torch.exp(logits)


def _shifted_exp_alone(logits: torch.Tensor) -> torch.Tensor:
    return torch.exp(logits - logits.max())


def _clipped(logits: torch.Tensor) -> torch.Tensor:
    return probabilities(logits.clamp(max=80))


def steps_an_epoch() -> int:
    return math.ceil(3000 / 32)


def standard_error(correct: int, n: int) -> float:
    share = correct / n
    return math.sqrt(share * (1 - share) / n)


def _spread_of_one(correct: int, n: int) -> float:
    share = correct / n
    return math.sqrt(share * (1 - share))


def _variance(correct: int, n: int) -> float:
    share = correct / n
    return share * (1 - share) / n


def _half_width(correct: int, n: int) -> float:
    share = correct / n
    return 1.96 * math.sqrt(share * (1 - share) / n)


def _at_one_half(correct: int, n: int) -> float:
    return 0.5 / math.sqrt(n)


def _of_the_count(correct: int, n: int) -> float:
    return math.sqrt(correct * (n - correct) / n)


EXERCISES = (
    Exercise(
        id="00.1", title="Accuracy", level=1, signature="my_accuracy(predicted, labels)", solution=accuracy,
        cases=(
            Case(([1, 0, 1, 1], [1, 0, 0, 1]), 0.75, "three of four right"),
            Case(([0, 0, 0, 1, 0], [0, 0, 0, 0, 0]), 0.8, "four of five right"),
            Case(([2, 1, 0], [0, 1, 2]), 1 / 3, "three classes"),
            Case(([1], [1]), 1.0, "a single example"),
        ),
        hints=(
            "Two lists of equal length: walk along both at once.",
            "`zip(predicted, labels)` gives the pairs; count those that are equal.",
            "`sum(p == y for p, y in zip(predicted, labels))` counts them; divide by how many there are.",
        ),
        reasoning="Accuracy is the share of examples whose predicted label is the right one. `True` counts as 1 in a sum.",
        mistakes=(
            Mistake("error rate", _error_rate, "you counted the wrong answers: accuracy is the share of right ones"),
            Mistake("count", _count_right, "you counted the right answers: divide by the number of examples"),
            Mistake("share of ones", _share_of_ones, "you looked at the predictions only: compare each with its label"),
            Mistake("lists as wholes", _lists_as_wholes, "`==` between two lists asks whether they are equal as wholes, one True or False: compare them pair by pair"),
        ),
    ),
    Exercise(
        id="00.2", title="The score that needs no model", level=1, signature="my_majority(train_labels, test_labels)", solution=majority,
        cases=(
            Case(([1, 1, 1, 0], [1, 0, 0, 0, 0]), 0.2, "the commonest label of train is rare in test"),
            Case(([0, 0, 1], [0, 0, 0, 1]), 0.75, "the same label is common in both"),
            Case(([2, 2, 1, 0, 2], [0, 1, 2]), 1 / 3, "three classes"),
            Case(([1, 1, 0], [1]), 1.0, "one test example"),
            Case(([0, 0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 2]), 1 / 6, "the commonest label is not the middle one"),
        ),
        hints=(
            "It learns one thing from train: which label is the commonest.",
            "`max(set(train_labels), key=train_labels.count)` is that label.",
            "Its score is the share of that label among `test_labels`.",
        ),
        reasoning="The baseline may look at the training labels only. Choosing the label that is commonest in the test split would be "
        "peeking, and peeking always looks better than it is.",
        mistakes=(
            Mistake("peeks", _majority_of_test, "you took the commonest label of the test split: a baseline may not look there"),
            Mistake("scores train", _share_in_train, "you scored it on train: the question is what it gets on test"),
            Mistake("average label", _average_label, "you averaged the labels (or took the middle one): they are names of classes, not amounts; count which occurs most often"),
        ),
    ),
    Exercise(
        id="00.3", title="From logits to probabilities", level=2, signature="my_probabilities(logits)", solution=probabilities, differentiable=True,
        cases=(
            Case((torch.tensor([0.0, 0.0]),), torch.tensor([0.5, 0.5]), "two equal logits"),
            Case((torch.tensor([0.0, math.log(3.0)]),), torch.tensor([0.25, 0.75]), "one to three"),
            Case((torch.tensor([1.0, 2.0, 4.0]),), name="three classes"),
            Case((torch.tensor([1000.0, 1000.0]),), torch.tensor([0.5, 0.5]), "huge logits"),
            Case((torch.tensor([1000.0, 999.0, 0.0]),), torch.tensor([0.731059, 0.268941, 0.0]), "huge logits that differ"),
        ),
        hints=(
            "Probabilities are positive and sum to 1; logits can be anything.",
            "`torch.exp` makes any number positive; then divide by the sum.",
            "exp(1000) overflows: subtract the largest logit first. It changes nothing, because it cancels.",
        ),
        reasoning="This is the softmax: p_c = exp(z_c) / sum over k of exp(z_k). Subtracting the same number from every logit leaves "
        "it unchanged, and subtracting the largest keeps exp from overflowing.",
        mistakes=(
            Mistake("no exp", _without_exp, "you divided the logits by their sum: negative logits would give negative probabilities; take exp first"),
            Mistake("sigmoid", _sigmoid, "a sigmoid treats each class alone, and the result does not sum to 1: divide by the sum over the classes"),
            Mistake("logs", _log_probabilities, "these are log-probabilities: the softmax itself is their exp"),
            Mistake("exp alone", _exp_alone, "you took exp and stopped: divide by the sum, so that they sum to 1 (and exp of 1,000 overflows)"),
            Mistake("shifted exp alone", _shifted_exp_alone, "subtracting the largest logit is right, and so is exp: now divide by the sum, so that they sum to 1"),
            Mistake("clipped", _clipped, "clipping keeps exp from overflowing, but makes different large logits equal: subtract the same number from all instead"),
        ),
    ),
    Exercise(
        id="00.4", title="How many steps?", level=2, signature="the number of steps in one epoch", asks="value", solution=steps_an_epoch,
        cases=(Case(wanted=94, tolerance=0),),
        hints=(
            "A step sees one batch. How many batches hold 3,000 examples?",
            "3,000 / 32 is not whole: what becomes of the examples left over?",
            "The last batch is smaller, but it is a batch: round up.",
        ),
        reasoning="3,000 / 32 = 93.75, so 93 full batches and one of 24: 94 steps an epoch.",
        mistakes=(
            Mistake("rounded down", 93, "93 full batches leave 24 examples over: they make one more, smaller batch"),
            Mistake("all examples", 3000, "that is a step for every example: a step sees a batch of 32"),
            Mistake("not rounded", 93.75, "a step is made or not made: what becomes of the three quarters of a batch at the end?"),
        ),
    ),
    Exercise(
        id="00.5", title="How sure is a score?", level=3, signature="my_standard_error(correct, n)", solution=standard_error,
        cases=(
            Case((50, 100), 0.05, "half of 100"),
            Case((1090, 1282), name="1,090 of the 1,282 of our test split"),
            Case((9, 10), name="nine of ten"),
            Case((100, 100), 0.0, "all right: the formula says 0, which is too sure"),
        ),
        hints=(
            "Each example is right or wrong, like a coin that lands on heads with probability p = correct / n.",
            "One such coin has variance p (1 - p). A mean over n of them has that divided by n.",
            "The standard error is the square root of that variance.",
        ),
        reasoning="sqrt(p (1 - p) / n). At 85% on 1,282 sentences it is 1.0 point: two models that differ by half a point may well be "
        "equal. At 100 of 100 it says 0, which no one should believe: ft.proportion_interval uses Wilson's formula, which stays honest there.",
        mistakes=(
            Mistake("one example", _spread_of_one, "that is the spread of a single example: the mean of n examples varies less, by a factor of sqrt(n)"),
            Mistake("variance", _variance, "that is the variance: the standard error is its square root"),
            Mistake("half width", _half_width, "that is half a 95% interval (1.96 standard errors): asked is one standard error"),
            Mistake("at one half", _at_one_half, "that is the standard error at p = 1/2, the largest there is: use the share that was right, p = correct / n"),
            Mistake("of the count", _of_the_count, "that is the standard error of the number of right answers: for their share, divide by n"),
        ),
    ),
)

QUIZ = (
    Question(
        "A classifier reaches 0.70 accuracy. When is that worthless?",
        (
            Choice("When 70% of the test sentences have the same label", "Answering that label every time scores the same.", right=True),
            Choice("When training took less than a minute", "Time says nothing about worth."),
            Choice("When the test split is balanced", "On a balanced split of two classes 0.70 is well above the 0.50 of guessing."),
        ),
    ),
    Question(
        "Why does the new head of the model answer at random before training?",
        (
            Choice("The encoder has not been pretrained", "It has: only the head is new."),
            Choice("Its weights were drawn at random: nothing was learned there yet", "The head is the one part that the checkpoint does not contain.", right=True),
            Choice("The tokenizer has not seen the reviews", "A tokenizer cuts any text into pieces it knows."),
        ),
    ),
    Question(
        "What is the validation split for?",
        (
            Choice("More data to learn from", "Then it could not judge any more."),
            Choice("The number to publish", "It was used for choosing, so it flatters: the test split gives that number."),
            Choice("Choosing settings, and the best moment to stop", "It is looked at again and again, which is why the final score comes from elsewhere.", right=True),
        ),
    ),
    Question(
        "Two runs differ only in their seed, and score 0.861 and 0.868 on 1,282 sentences. What follows?",
        (
            Choice("The second seed is better", "A seed has no merit of its own; with other data it would rank otherwise."),
            Choice("Nothing yet: the standard error of each is about 0.010", "The difference is smaller than the doubt about each score, and one run of each says nothing about the seeds.", right=True),
            Choice("There is a bug: a seed must not change the result", "It draws the head and the order of the sentences, so the result moves a little."),
        ),
    ),
    Question(
        "A sentence gets `positive` with probability 0.97. What does 0.97 say?",
        (
            Choice("97% of people would agree", "It never saw single ratings; how people agree is another number (chapter 05)."),
            Choice("The model is right 97 times in 100 on such sentences", "Only if it is calibrated, which must be measured (chapter 12)."),
            Choice("The softmax of its two logits, nothing more for now", "Whether it can be read as a chance is a question of its own.", right=True),
        ),
    ),
)

RECALL = ()
