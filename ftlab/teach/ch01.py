"""Chapter 01, the masked-language-model loss: exercises, quiz and recall questions."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from ftlab.teach.content import Case, Choice, Exercise, Mistake, Question, Recall


def loss_by_hand() -> float:
    return -(math.log(1 / 2) + math.log(1 / 8)) / 2


def masked_accuracy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    chosen = labels != -100  # (B, T)
    right = logits.argmax(dim=-1) == labels  # (B, T)
    return right[chosen].float().mean()


def _accuracy_everywhere(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return (logits.argmax(dim=-1) == labels).float().mean()


def _accuracy_count(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return (logits.argmax(dim=-1) == labels).sum()


def _accuracy_per_row(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    chosen = labels != -100
    right = (logits.argmax(dim=-1) == labels) & chosen
    return (right.sum(1) / chosen.sum(1)).mean()


def _accuracy_above_zero(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return (logits.argmax(dim=-1) == labels)[labels > 0].float().mean()


def _probability(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    chosen = labels != -100
    return logits[chosen].softmax(-1).gather(1, labels[chosen][:, None]).mean()


def _accuracy_cases() -> tuple[Case, ...]:
    g = torch.Generator().manual_seed(1)
    one = torch.tensor([[[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]]])  # says 0, 1, 2
    two = torch.tensor([[[9.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 0.0]], [[0.0, 9.0], [9.0, 0.0], [9.0, 0.0], [0.0, 9.0]]])
    labels = torch.randint(0, 5, (3, 6), generator=g).masked_fill(torch.rand(3, 6, generator=g) < 0.4, -100)
    return (
        Case((one, torch.tensor([[-100, 1, -100]])), 1.0, "one masked position, right"),
        Case((one, torch.tensor([[0, 2, 2]])), 2 / 3, "three masked positions, two right"),
        Case((two, torch.tensor([[0, 0, 0, 0], [-100, -100, -100, 1]])), 0.8, "four masked positions in one row, one in the other"),
        Case((torch.randn(3, 6, 5, generator=g), labels), name="random logits (3, 6, 5)"),
    )


def batch_loss(micro_batches: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    total, asked = 0.0, 0
    for logits, labels in micro_batches:  # (N, V), (N,)
        total = total + F.cross_entropy(logits, labels, reduction="sum")  # -100 adds nothing
        asked += int((labels != -100).sum())
    return total / asked  # ()


def _parts(answer: Callable, logits: torch.Tensor, labels: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    return answer(list(zip(logits.split(sizes), labels.split(sizes))))


def _mean_of_means(micro_batches: list) -> torch.Tensor:
    return torch.stack([F.cross_entropy(logits, labels) for logits, labels in micro_batches]).mean()


def _mean_of_asked_means(micro_batches: list) -> torch.Tensor:
    return torch.stack([F.cross_entropy(logits, labels) for logits, labels in micro_batches if (labels != -100).any()]).mean()


def _by_slots(micro_batches: list) -> torch.Tensor:
    nats = [F.cross_entropy(logits, labels, reduction="none").mean() * len(labels) for logits, labels in micro_batches]
    return torch.stack(nats).sum() / sum(len(labels) for _, labels in micro_batches)


def _sums_added(micro_batches: list) -> torch.Tensor:
    return torch.stack([F.cross_entropy(logits, labels, reduction="sum") for logits, labels in micro_batches]).sum()


def _sum_per_batch(micro_batches: list) -> torch.Tensor:
    return torch.stack([F.cross_entropy(logits, labels, reduction="sum") for logits, labels in micro_batches]).mean()


def _means_by_slots(micro_batches: list) -> torch.Tensor:
    sizes = [len(labels) for _, labels in micro_batches]
    means = [F.cross_entropy(logits, labels) if (labels != -100).any() else 0.0 * logits.sum() for logits, labels in micro_batches]
    return sum(mean * size for mean, size in zip(means, sizes)) / sum(sizes)


def _batch_cases() -> tuple[Case, ...]:
    g = torch.Generator().manual_seed(2)
    logits = torch.log(torch.tensor([[6.0, 3.0, 1.0], [1.0, 1.0, 8.0], [2.0, 2.0, 6.0], [5.0, 4.0, 1.0]]))  # rows are probabilities times 10
    labels = torch.randint(0, 11, (12,), generator=g).masked_fill(torch.tensor([0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0]).bool(), -100)
    return (
        Case((logits, torch.tensor([1, 2, 0, -100]), [1, 3]), -(math.log(0.3) + math.log(0.8) + math.log(0.2)) / 3, "one asked, then two of three slots"),
        Case((logits, torch.tensor([1, 2, -100, -100]), [2, 2]), -(math.log(0.3) + math.log(0.8)) / 2, "a micro-batch in which nothing is asked"),
        Case((torch.randn(12, 11, generator=g), labels, [2, 7, 3]), name="12 slots in micro-batches of 2, 7 and 3, seven asked"),
    )


def corrupt(input_ids: torch.Tensor, chosen: torch.Tensor, coin: torch.Tensor, random_ids: torch.Tensor, mask_id: int) -> torch.Tensor:
    to_mask = chosen & (coin < 0.8)  # (B, T)
    to_random = chosen & (coin >= 0.8) & (coin < 0.9)  # (B, T)
    masked = input_ids.masked_fill(to_mask, mask_id)  # (B, T)
    return torch.where(to_random, random_ids, masked)  # (B, T)


def _corrupt_all(input_ids: torch.Tensor, chosen: torch.Tensor, coin: torch.Tensor, random_ids: torch.Tensor, mask_id: int) -> torch.Tensor:
    masked = input_ids.masked_fill(coin < 0.8, mask_id)
    return torch.where((coin >= 0.8) & (coin < 0.9), random_ids, masked)


def _corrupt_only_mask(input_ids: torch.Tensor, chosen: torch.Tensor, coin: torch.Tensor, random_ids: torch.Tensor, mask_id: int) -> torch.Tensor:
    return input_ids.masked_fill(chosen, mask_id)


def _corrupt_80_20(input_ids: torch.Tensor, chosen: torch.Tensor, coin: torch.Tensor, random_ids: torch.Tensor, mask_id: int) -> torch.Tensor:
    masked = input_ids.masked_fill(chosen & (coin < 0.8), mask_id)
    return torch.where(chosen & (coin >= 0.8), random_ids, masked)


def _corrupt_overwritten(input_ids: torch.Tensor, chosen: torch.Tensor, coin: torch.Tensor, random_ids: torch.Tensor, mask_id: int) -> torch.Tensor:
    masked = input_ids.masked_fill(chosen & (coin < 0.8), mask_id)
    return torch.where(chosen & (coin < 0.9), random_ids, masked)


def _corrupt_no_mask(input_ids: torch.Tensor, chosen: torch.Tensor, coin: torch.Tensor, random_ids: torch.Tensor, mask_id: int) -> torch.Tensor:
    return input_ids.masked_fill(chosen & (coin < 0.8), mask_id)


def _corrupt_cases() -> tuple[Case, ...]:
    ids = torch.tensor([[101, 11, 12, 13, 14, 102]])
    chosen = torch.tensor([[False, True, True, True, False, False]])
    others = torch.tensor([[51, 52, 53, 54, 55, 56]])
    g = torch.Generator().manual_seed(3)
    large = torch.randint(5, 99, (3, 40), generator=g)
    return (
        Case((ids, chosen, torch.tensor([[0.1, 0.10, 0.85, 0.95, 0.1, 0.1]]), others, 103), torch.tensor([[101, 103, 53, 13, 14, 102]]), "one of each"),
        Case((ids, chosen, torch.tensor([[0.85, 0.79, 0.10, 0.95, 0.95, 0.85]]), others, 103), torch.tensor([[101, 103, 103, 13, 14, 102]]), "no random one"),
        Case((large, torch.rand(3, 40, generator=g) < 0.5, torch.rand(3, 40, generator=g), torch.randint(5, 99, (3, 40), generator=g), 4), name="60 of 120 chosen"),
    )


def pseudo_log_likelihood(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    total = 0.0
    for t in range(1, input_ids.shape[1] - 1):  # every token but [CLS] and [SEP]
        hidden = input_ids.clone()  # (1, T)
        hidden[0, t] = mask_id
        logits = model(hidden)  # (1, T, V)
        total += logits[0, t].log_softmax(-1)[input_ids[0, t]].item()
    return total


def _without_masking(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    logits = model(input_ids).log_softmax(-1)
    return sum(logits[0, t, input_ids[0, t]].item() for t in range(1, input_ids.shape[1] - 1))


def _all_masked_at_once(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    hidden = input_ids.clone()
    hidden[0, 1:-1] = mask_id
    logits = model(hidden).log_softmax(-1)
    return sum(logits[0, t, input_ids[0, t]].item() for t in range(1, input_ids.shape[1] - 1))


def _masks_stay(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    hidden, total = input_ids.clone(), 0.0
    for t in range(1, input_ids.shape[1] - 1):
        hidden[0, t] = mask_id
        total += model(hidden)[0, t].log_softmax(-1)[input_ids[0, t]].item()
    return total


def _special_too(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    total = 0.0
    for t in range(input_ids.shape[1]):
        hidden = input_ids.clone()
        hidden[0, t] = mask_id
        total += model(hidden)[0, t].log_softmax(-1)[input_ids[0, t]].item()
    return total


def _mean_instead(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    return pseudo_log_likelihood(model, input_ids, mask_id) / (input_ids.shape[1] - 2)


def _from_0(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    return _special_too(model, input_ids, mask_id) - _only(model, input_ids, mask_id, input_ids.shape[1] - 1)


def _one_short(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    return pseudo_log_likelihood(model, input_ids, mask_id) - _only(model, input_ids, mask_id, input_ids.shape[1] - 2)


def _only(model: Callable, input_ids: torch.Tensor, mask_id: int, t: int) -> float:
    hidden = input_ids.clone()
    hidden[0, t] = mask_id
    return model(hidden)[0, t].log_softmax(-1)[input_ids[0, t]].item()


def _at_each_hidden(model: Callable, input_ids: torch.Tensor, mask_id: int, read: Callable) -> float:
    """The sum over t of read(logits (V,) at t, id of the true token at t), with token t alone hidden."""
    total = 0.0
    for t in range(1, input_ids.shape[1] - 1):
        hidden = input_ids.clone()
        hidden[0, t] = mask_id
        total += float(read(model(hidden)[0, t], input_ids[0, t]))
    return total


def _probabilities_added(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    return _at_each_hidden(model, input_ids, mask_id, lambda logits, true: logits.softmax(-1)[true])


def _logits_added(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    return _at_each_hidden(model, input_ids, mask_id, lambda logits, true: logits[true])


def _likeliest(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    return _at_each_hidden(model, input_ids, mask_id, lambda logits, true: logits.log_softmax(-1).max())


def _of_the_mask(model: Callable, input_ids: torch.Tensor, mask_id: int) -> float:
    return _at_each_hidden(model, input_ids, mask_id, lambda logits, true: logits.log_softmax(-1)[mask_id])


def _neighbour_model(input_ids: torch.Tensor) -> torch.Tensor:
    """A made-up model of 8 tokens: a token it sees is very likely itself; a hidden one is likely what its neighbours are."""
    seen = F.one_hot(input_ids, 8).float()  # (1, T, 8)
    left, right = seen.roll(1, dims=1), seen.roll(-1, dims=1)
    logits = torch.where((input_ids == 7)[..., None], 2.0 * left + 1.5 * right, 6.0 * seen)  # 7 is [MASK]
    return logits + torch.linspace(0.0, 0.3, 8)  # (1, T, 8)


def _uniform_model(input_ids: torch.Tensor) -> torch.Tensor:
    return torch.zeros(*input_ids.shape, 8)  # (1, T, 8)


def _pseudo_cases() -> tuple[Case, ...]:
    return (
        Case((_uniform_model, torch.tensor([[5, 1, 2, 6]]), 7), -2 * math.log(8), "a uniform guess among 8, two tokens"),
        Case((_neighbour_model, torch.tensor([[5, 1, 1, 2, 6]]), 7), name="three tokens"),
        Case((_neighbour_model, torch.tensor([[5, 3, 1, 3, 3, 4, 6]]), 7), name="five tokens"),
    )


EXERCISES = (
    Exercise(
        id="01.1", title="Two masked tokens", level=1, signature="a number", asks="value", solution=loss_by_hand,
        cases=(Case(wanted=2 * math.log(2), tolerance=0.005),),
        hints=("The loss of one token is minus the natural logarithm of the probability it got.",
               "1/2 costs log 2 = 0.693; 1/8 costs log 8. What is the loss of a batch: a sum or a mean?",
               "(log 2 + log 8) / 2, and log 8 is three times log 2."),
        reasoning="log 2 and log 8 = 3 log 2 have the mean 2 log 2 = 1.386 nats. Perplexity exp(1.386) = 4: the geometric middle of 2 and 8.",
        mistakes=(
            Mistake("sum", 4 * math.log(2), "that is the sum of the two: the loss is the mean over the masked positions"),
            Mistake("bits", 2.0, "that is in bits (log base 2): the course counts in nats, so use the natural logarithm"),
            Mistake("perplexity", 4.0, "that is the perplexity: the loss is its logarithm"),
            Mistake("log of the mean", -math.log((1 / 2 + 1 / 8) / 2), "you took the logarithm of the mean probability: first take each logarithm, then the mean"),
            Mistake("log10", 2 * math.log10(2), "that is in base 10: the course counts in nats, so use the natural logarithm (`math.log`)"),
            Mistake("mean probability", (1 / 2 + 1 / 8) / 2, "that is the mean probability: the loss is the mean of minus the logarithms"),
            Mistake("sign", -2 * math.log(2), "the sign: a log-probability is negative, a loss is minus that"),
        )),
    Exercise(
        id="01.2", title="Masked accuracy", level=1, signature="my_accuracy(logits, labels)", solution=masked_accuracy, cases=_accuracy_cases,
        hints=("Which positions are asked? Their label is not -100.",
               "`logits.argmax(-1)` is the prediction at each position, shape (B, T). Compare, then keep the asked positions only.",
               "`(logits.argmax(-1) == labels)[labels != -100].float().mean()`"),
        reasoning="A prediction is never -100, so every position that is not asked counts as wrong unless it is left out of the count too.",
        mistakes=(
            Mistake("every position", _accuracy_everywhere, "you divided by all positions: those with label -100 can never be right, so leave them out"),
            Mistake("a count", _accuracy_count, "that is how many are right: divide by the number of masked positions"),
            Mistake("a mean of means", _accuracy_per_row, "you averaged over rows: a row with one masked token then counts as much as a row with four"),
            Mistake("labels above 0", _accuracy_above_zero, "you asked for labels above 0: token 0 is a token too, so ask for `labels != -100`"),
            Mistake("a probability", _probability, "that is the mean probability of the right token: accuracy asks whether it is the likeliest"),
        )),
    Exercise(
        id="01.3", title="One batch in parts", level=2, signature="my_batch_loss(micro_batches)", solution=batch_loss,
        cases=_batch_cases, differentiable=True, call=_parts,
        hints=("By what is the loss of the whole batch divided? Does one micro-batch know that number?",
               "`reduction=\"sum\"` keeps the sum of a micro-batch, and leaves out -100.", "Add the sums up, add up how many labels are not -100, divide once."),
        reasoning="The mean of a batch is one division. Means of its parts have been divided already, each by its own count; so keep sums and counts, and divide at the end.",
        mistakes=(
            Mistake("mean of means", _mean_of_means, "that is the mean of the micro-batches' means: a token in a small one counts for more, and one without labels makes it nan; keep sums and counts"),
            Mistake("mean of the means that exist", _mean_of_asked_means, "that is the mean of the micro-batches' means: a token in a small one counts for more; keep sums and counts"),
            Mistake("divided by all slots", _by_slots, "you divided by the number of slots: labels of -100 add nothing to the sum, so they do not count either"),
            Mistake("means weighed by slots", _means_by_slots, "you weighed each mean by its slots: weigh by how many labels are not -100"),
            Mistake("a sum", _sums_added, "you added the losses up: divide by how many labels are not -100"),
            Mistake("a sum a micro-batch", _sum_per_batch, "you divided by the number of micro-batches: divide by how many labels are not -100"),
        )),
    Exercise(
        id="01.4", title="80, 10, 10", level=2, signature="my_corrupt(input_ids, chosen, coin, random_ids, mask_id)", solution=corrupt, cases=_corrupt_cases,
        hints=("One coin a position, even on 0 to 1: below 0.8, between 0.8 and 0.9, above.",
               "Nothing happens where `chosen` is False, whatever the coin says.",
               "`masked_fill(chosen & (coin < 0.8), mask_id)`, then `torch.where(chosen & (coin >= 0.8) & (coin < 0.9), random_ids, ...)`"),
        reasoning="One even coin gives three outcomes with the shares 0.8, 0.1 and 0.1. The library tosses two coins, which is the same in distribution.",
        mistakes=(
            Mistake("not only the chosen", _corrupt_all, "you changed positions that were not chosen: `[CLS]`, and the context the model needs"),
            Mistake("all [MASK]", _corrupt_only_mask, "every chosen token became [MASK]: only a coin below 0.8 does that"),
            Mistake("none unchanged", _corrupt_80_20, "a coin above 0.9 leaves the token as it is; you made it random"),
            Mistake("overwritten", _corrupt_overwritten, "the random tokens overwrote the [MASK]s: random needs 0.8 <= coin < 0.9"),
            Mistake("none random", _corrupt_no_mask, "coins from 0.8 to 0.9 put the token from `random_ids` there"),
        )),
    Exercise(
        id="01.5", title="How likely is a sentence?", level=3, signature="my_score(model, input_ids, mask_id)", solution=pseudo_log_likelihood, cases=_pseudo_cases,
        hints=("A masked model gives the probability of one hidden token. Hide each token once, alone.",
               "Loop over t from 1 to T-2; clone input_ids, put mask_id at t, and read the log-probability of the true token at t.",
               "`model(hidden)[0, t].log_softmax(-1)[input_ids[0, t]]`, added up"),
        reasoning="This is the pseudo-log-likelihood (Salazar et al. 2020, section 2): T-2 forward passes for one sentence. It is no probability of the "
                  "sentence, since the conditionals need not fit together, but it ranks sentences well.",
        mistakes=(
            Mistake("nothing hidden", _without_masking, "you hid nothing: the model reads each answer off its own input; put mask_id at t first"),
            Mistake("all hidden at once", _all_masked_at_once, "you hid all tokens at once, so there is no context left: hide one at a time"),
            Mistake("masks stay", _masks_stay, "the tokens you hid earlier stay hidden: start from a fresh clone for each t"),
            Mistake("special tokens too", _special_too, "you scored the first and last token too: [CLS] and [SEP] are there in every sentence"),
            Mistake("from 0", _from_0, "you scored [CLS] too: begin at t = 1"),
            Mistake("one short", _one_short, "you left out the last word: only the last token, [SEP], is not scored"),
            Mistake("likeliest", _likeliest, "you read the log-probability of the likeliest token: read that of the token that was there"),
            Mistake("mean", _mean_instead, "that is the mean per token: the score is the sum"),
            Mistake("probabilities added", _probabilities_added, "you added probabilities: take the logarithm of each first"),
            Mistake("logits added", _logits_added, "you added raw logits: `log_softmax(-1)` makes log-probabilities of them"),
            Mistake("the score of [MASK]", _of_the_mask, "you read the log-probability of [MASK] itself: read that of the token it hides"),
        )),
)

QUIZ = (
    Question("A batch has 2,000 real tokens, 300 of them chosen. By what does `ft.mlm_loss` divide the sum?", (
        Choice("2,000, the real tokens", "Then the loss would shrink when fewer tokens are masked, although the model is no better."),
        Choice("300, the chosen tokens", "All others carry the label -100 and are left out of the sum and of the count.", right=True),
        Choice("240, the tokens that became [MASK]", "The 10% random and the 10% unchanged tokens are asked for too."))),
    Question("A model always guesses evenly among 30,522 tokens. What is its loss?", (
        Choice("log 30,522 = 10.33 nats", "Each token gets 1/V, which costs log V. It is the mark to compare a new head with.", right=True),
        Choice("1/30,522", "That is the probability of the right token; the loss is minus its logarithm."),
        Choice("30,522", "That is the perplexity, exp of the loss."))),
    Question("Someone multiplies `F.cross_entropy(logits, labels)` by 0/1 weights and divides the sum by the sum of the weights. What happens?", (
        Choice("PyTorch stops with a shape error", "A number times a tensor is allowed (broadcasting), which is why nobody noticed."),
        Choice("the padding is left out, as wanted", "Cross_entropy has already averaged over all slots, padding too."),
        Choice("nothing: the weights cancel", "Mean · sum(w) / sum(w) = mean, the mean over every slot.", right=True))),
    Question("Why do 10% of the chosen tokens stay as they are?", (
        Choice("so that the model keeps a good vector for tokens it can see", "An ordinary token may be asked for too, so its vector must "
               "still say which token stands there; after pretraining there is no [MASK].", right=True),
        Choice("to make the loss smaller", "It does get smaller, but that is no aim: the easy tokens make the number look better."),
        Choice("because drawing random tokens is slow", "Drawing tokens costs next to nothing."))),
    Question("Model A: 40% masked, loss 3.1. Model B: 15% masked, loss 2.9, same text. Which is the better model?", (
        Choice("B: the lower loss", "B was asked easier questions, with more context left at each."),
        Choice("A: more tokens were asked", "The number of tokens asked says nothing about how good the answers are."),
        Choice("not to be said from this", "Losses compare only on the same text, the same tokenizer and the same masks.", right=True))),
)

RECALL = (
    Recall("00", "What does the lite profile train on, and what does it need the network for?",
           "A real pretrained encoder (`minilm-l6`, 22.7 million parameters) and real review sentences. It needs the network once, to fill the cache; after that, not at all."),
    Recall("00", "What is fine-tuning, in one sentence?",
           "Taking a model whose weights were learned on much text (pretraining), and training it further, for a short time, on examples of your task."),
    Recall("00", "A printed number starts with a wavy equals sign. What does that mean, and what judges it?",
           "It comes from training, so it differs a little from machine to machine; `ft.expect` says beside it what it must satisfy."),
)
