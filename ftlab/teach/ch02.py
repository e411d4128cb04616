"""Chapter 02, the causal-language-model loss: exercises, quiz and recall questions."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from .content import Case, Choice, Exercise, Mistake, Question, Recall


def predicted_tokens() -> int:
    lengths = [5, 3, 1]
    return sum(length - 1 for length in lengths)


def corpus_perplexity(losses: list[float], n_tokens: list[int]) -> float:
    nats = sum(loss * n for loss, n in zip(losses, n_tokens))
    return math.exp(nats / sum(n_tokens))


def _mean_of_perplexities(losses: list[float], n_tokens: list[int]) -> float:
    return sum(math.exp(loss) for loss in losses) / len(losses)


def _weighted_perplexities(losses: list[float], n_tokens: list[int]) -> float:
    return sum(n * math.exp(loss) for loss, n in zip(losses, n_tokens)) / sum(n_tokens)


def _unweighted(losses: list[float], n_tokens: list[int]) -> float:
    return math.exp(sum(losses) / len(losses))


def _base_two(losses: list[float], n_tokens: list[int]) -> float:
    return 2 ** (sum(loss * n for loss, n in zip(losses, n_tokens)) / sum(n_tokens))


def may_look(attention_mask: torch.Tensor) -> torch.Tensor:
    T = attention_mask.shape[1]
    not_future = torch.ones(T, T).tril().bool()  # (T, T): row t, column s <= t
    return not_future & attention_mask.bool()[:, None, :]  # (T, T) & (B, 1, T) -> (B, T, T)


def _future(attention_mask: torch.Tensor) -> torch.Tensor:
    T = attention_mask.shape[1]
    return torch.ones(T, T).triu().bool() & attention_mask.bool()[:, None, :]


def _not_itself(attention_mask: torch.Tensor) -> torch.Tensor:
    T = attention_mask.shape[1]
    return torch.ones(T, T).tril(-1).bool() & attention_mask.bool()[:, None, :]


def _sees_padding(attention_mask: torch.Tensor) -> torch.Tensor:
    B, T = attention_mask.shape
    return torch.ones(T, T).tril().bool().expand(B, T, T)


def _padding_rows(attention_mask: torch.Tensor) -> torch.Tensor:
    T = attention_mask.shape[1]
    return torch.ones(T, T).tril().bool() & attention_mask.bool()[:, :, None]


def _sees_all(attention_mask: torch.Tensor) -> torch.Tensor:
    B, T = attention_mask.shape
    return attention_mask.bool()[:, None, :].expand(B, T, T)


def _inverted(attention_mask: torch.Tensor) -> torch.Tensor:
    return ~may_look(attention_mask)


def _one_ahead(attention_mask: torch.Tensor) -> torch.Tensor:
    T = attention_mask.shape[1]
    return torch.ones(T, T).tril(1).bool() & attention_mask.bool()[:, None, :]


def _rows_too(attention_mask: torch.Tensor) -> torch.Tensor:
    return may_look(attention_mask) & attention_mask.bool()[:, :, None]


def causal_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    scores, wanted = logits[:, :-1], labels[:, 1:]  # (B, T-1, V), (B, T-1): position t and the token at t + 1
    kept = wanted != -100  # (B, T-1)
    return F.cross_entropy(scores[kept], wanted[kept])  # (P, V), (P,) -> ()


def _no_shift(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    kept = labels != -100
    return F.cross_entropy(logits[kept], labels[kept])


def _backwards(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    scores, wanted = logits[:, 1:], labels[:, :-1]
    kept = wanted != -100
    return F.cross_entropy(scores[kept], wanted[kept])


def _twice(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    scores, wanted = logits[:, :-2], labels[:, 2:]
    kept = wanted != -100
    return F.cross_entropy(scores[kept], wanted[kept])


def _over_padding(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    nats = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
    return nats / labels[:, 1:].numel()


def _mean_of_rows(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    rows = [F.cross_entropy(a[:-1], b[1:]) for a, b in zip(logits, labels)]
    return torch.stack(rows).mean()


def _summed(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")


def _softmax_twice(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return causal_loss(torch.softmax(logits, dim=-1), labels)


def _log_softmax_of_softmax(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    p, wanted = torch.softmax(logits[:, :-1], dim=-1), labels[:, 1:]
    kept = wanted != -100
    return F.nll_loss(p[kept], wanted[kept])


def bits_of_text(nats: list[float], text: str) -> float:
    return sum(nats) / math.log(2) / len(text.encode("utf-8"))


def _per_character(nats: list[float], text: str) -> float:
    return sum(nats) / math.log(2) / len(text)


def _per_token(nats: list[float], text: str) -> float:
    return sum(nats) / math.log(2) / len(nats)


def _nats_per_byte(nats: list[float], text: str) -> float:
    return sum(nats) / len(text.encode("utf-8"))


def _wrong_way(nats: list[float], text: str) -> float:
    return sum(nats) * math.log(2) / len(text.encode("utf-8"))


def _mean_per_byte(nats: list[float], text: str) -> float:
    return sum(nats) / len(nats) / math.log(2) / len(text.encode("utf-8"))


def shaped(logits: torch.Tensor, temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    p = torch.softmax(logits / temperature, dim=-1)  # (V,)
    order = p.argsort(descending=True)  # (V,): token ids, likeliest first
    ranked = p[order]
    ranked[top_k:] = 0.0
    ranked = ranked / ranked.sum()
    before = ranked.cumsum(dim=0) - ranked  # (V,): what the likelier tokens hold together
    ranked[before >= top_p] = 0.0  # the token that reaches top_p stays
    kept = torch.zeros_like(p)
    kept[order] = ranked / ranked.sum()
    return kept


def _times_temperature(logits: torch.Tensor, temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    p = torch.softmax(logits * temperature, dim=-1)
    order = p.argsort(descending=True)
    ranked = p[order]
    ranked[top_k:] = 0.0
    ranked = ranked / ranked.sum()
    ranked[ranked.cumsum(0) - ranked >= top_p] = 0.0
    kept = torch.zeros_like(p)
    kept[order] = ranked / ranked.sum()
    return kept


def _temperature_after(logits: torch.Tensor, temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    p = torch.softmax(torch.softmax(logits, dim=-1) / temperature, dim=-1)
    order = p.argsort(descending=True)
    ranked = p[order]
    ranked[top_k:] = 0.0
    ranked = ranked / ranked.sum()
    ranked[ranked.cumsum(0) - ranked >= top_p] = 0.0
    kept = torch.zeros_like(p)
    kept[order] = ranked / ranked.sum()
    return kept


def _not_renormalised(logits: torch.Tensor, temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    p = torch.softmax(logits / temperature, dim=-1)
    order = p.argsort(descending=True)
    ranked = p[order]
    ranked[top_k:] = 0.0
    again = ranked / ranked.sum()
    ranked[again.cumsum(0) - again >= top_p] = 0.0
    kept = torch.zeros_like(p)
    kept[order] = ranked
    return kept


def _drops_the_crossing(logits: torch.Tensor, temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    p = torch.softmax(logits / temperature, dim=-1)
    order = p.argsort(descending=True)
    ranked = p[order]
    ranked[top_k:] = 0.0
    ranked = ranked / ranked.sum()
    keep = ranked.cumsum(0) <= top_p
    keep[0] = True
    ranked[~keep] = 0.0
    kept = torch.zeros_like(p)
    kept[order] = ranked / ranked.sum()
    return kept


def _no_top_p(logits: torch.Tensor, temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    p = torch.softmax(logits / temperature, dim=-1)
    kept = torch.zeros_like(p)
    best = p.topk(min(top_k, len(p))).indices
    kept[best] = p[best]
    return kept / kept.sum()


def better_model() -> str:
    a = 3.2 / math.log(2) / 4.4  # bits a token, 4.4 bytes a token
    b = 1.0 / math.log(2)  # bits a byte
    return "a" if a < b else "b"


def _loss_cases() -> tuple[Case, ...]:
    torch.manual_seed(2)
    certain = torch.zeros(1, 3, 2)
    certain[0, 0, 1] = certain[0, 1, 0] = 20.0  # after token 0 comes 1, after that 0; the last position is free
    padded = torch.tensor([[3, 1, 4, 0, 2], [2, 4, -100, -100, -100]])
    left = torch.tensor([[-100, -100, 1, 0, 3, 2], [4, 0, 2, 2, 1, 3], [-100, 3, 3, 1, 0, 4]])
    return (
        Case((torch.zeros(1, 4, 5), torch.tensor([[0, 3, 2, 1]])), math.log(5), "a uniform guess among 5 tokens"),
        Case((certain, torch.tensor([[0, 1, 0]])), 0.0, "a model that knows what comes next", tolerance=1e-4),
        Case((2 * torch.randn(2, 5, 5), padded), name="a row with padding"),
        Case((2 * torch.randn(3, 6, 5), left), name="padding on the left"),
        Case((2 * torch.randn(2, 3, 7), torch.tensor([[6, 5, 0], [1, -100, 2]])), name="a hole in the labels"),
    )


EXERCISES = (
    Exercise(
        id="02.1", title="Count the predictions", level=1, signature="a number", asks="value", solution=predicted_tokens,
        cases=(Case(wanted=6, tolerance=0),),
        hints=("How many predictions does a text of 2 tokens give?", "One fewer than it has tokens: nothing comes before the first.",
               "(5 - 1) + (3 - 1) + (1 - 1)"),
        reasoning="A text of n tokens has n - 1 next tokens. A text of a single token gives no loss at all, and padding gives none.",
        mistakes=(
            Mistake("padding too", 15, "that is B · T: you counted padding, which has the label -100"),
            Mistake("padding, shifted", 12, "you took one off each row, but counted padding: rows 2 and 3 have only 3 tokens and 1"),
            Mistake("no shift", 9, "those are all real tokens; the first of each text is never predicted: nothing comes before it"),
            Mistake("one shift for all", 8, "the first token of *each* text is left out, not one of the whole batch"),
        )),
    Exercise(
        id="02.2", title="Perplexity of two sentences together", level=1, signature="my_perplexity(losses, n_tokens)",
        solution=corpus_perplexity,
        cases=(
            Case(([math.log(8.0)], [5]), 8.0, "one sentence"),
            Case(([math.log(2.0), math.log(32.0)], [3, 1]), 4.0, "a short, hard sentence: (3 log 2 + log 32) / 4 = log 4"),
            Case(([1.0, 3.0, 2.5], [10, 2, 7]), name="three sentences"),
        ),
        hints=("What was the loss, before the mean was taken?", "Undo the mean of each sentence: loss · n_tokens is its sum of nats.",
               "math.exp(sum of loss · n, divided by the sum of n)"),
        reasoning="Perplexity is exp of one mean over all tokens. Nats add up; perplexities do not.",
        mistakes=(
            Mistake("mean of perplexities", _mean_of_perplexities, "you averaged perplexities: average the nats first, exponentiate once at the end"),
            Mistake("weighted perplexities", _weighted_perplexities, "the weights are right, but you averaged perplexities: average nats, then exp"),
            Mistake("unweighted", _unweighted, "each sentence counted alike: a sentence of 10 tokens has 10 losses, so weigh its mean by n_tokens"),
            Mistake("base two", _base_two, "the losses are in nats, so the base is e, not 2"),
        )),
    Exercise(
        id="02.3", title="Who may look at whom", level=2, signature="my_mask(attention_mask)", solution=may_look,
        cases=(
            Case(torch.tensor([[1, 1, 1]]), torch.tensor([[[True, False, False], [True, True, False], [True, True, True]]]), "no padding"),
            Case(torch.tensor([[1, 1, 0, 0]]), name="padding on the right"),
            Case(torch.tensor([[0, 1, 1], [1, 1, 1]]), name="padding on the left, two rows"),
        ),
        hints=("Draw it for three tokens: row t asks, column s is asked.", "torch.tril keeps the lower triangle, diagonal included; then take out the columns of padding.",
               "`torch.ones(T, T).tril().bool() & attention_mask.bool()[:, None, :]`"),
        reasoning="Two conditions, both needed: s is not in the future, and s is real. The second has shape (B, 1, T), so that it is repeated for every row t.",
        mistakes=(
            Mistake("future", _future, "this triangle lets position t look at t and everything after it: the answer is in what it sees (use tril)"),
            Mistake("not itself", _not_itself, "position t may look at itself too: it predicts token t + 1, not t (the diagonal belongs to it)"),
            Mistake("padding seen", _sees_padding, "padding may not be looked at: take attention_mask in, column by column"),
            Mistake("rows instead of columns", _padding_rows, "you switched off the *rows* of padding (who asks); switch off the columns (who is asked): [:, None, :]"),
            Mistake("inverted", _inverted, "True and False are exchanged: True means \"may look\" (masked_fill wants the opposite, attention here does not)"),
            Mistake("one ahead", _one_ahead, "position t may look one place ahead, at the very token it is to predict: tril(), not tril(1)"),
            Mistake("rows too", _rows_too, "the columns are right, but you switched off the rows of padding as well: then a softmax has nothing to look at (nan); leave the rows"),
            Mistake("no causal mask", _sees_all, "that is BERT's mask: every real token sees every other, the future too"),
        )),
    Exercise(
        id="02.4", title="The loss, with its shift", level=2, signature="my_clm_loss(logits, labels)", solution=causal_loss,
        differentiable=True, cases=_loss_cases,
        hints=("Which token do the logits at position 0 speak of?", "logits[:, :-1] meet labels[:, 1:]; then leave out -100.",
               "`F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)`"),
        reasoning="The last logits have nothing to predict, the first label has nobody to predict it. One mean over all kept positions of the batch.",
        mistakes=(
            Mistake("no shift", _no_shift, "position t was asked for token t, which it has just read: shift by one, logits[:, :-1] against labels[:, 1:]"),
            Mistake("backwards", _backwards, "shifted the wrong way: you asked each position for the token *before* it"),
            Mistake("twice", _twice, "shifted twice: position t was asked for token t + 2; shift once"),
            Mistake("over padding", _over_padding, "you divided by all positions, padding too: divide by the number of labels that are not -100"),
            Mistake("mean of rows", _mean_of_rows, "you took each row's mean, then the mean of those: tokens of short texts then count more; take one mean over all"),
            Mistake("softmax twice", _softmax_twice, "cross_entropy takes logits and does the softmax itself: give it the logits as they are"),
            Mistake("no logarithm", _log_softmax_of_softmax, "nll_loss wants log-probabilities: log_softmax, not softmax (a loss below 0 gives it away)"),
            Mistake("sum", _summed, "you added the losses up: divide by the number of predicted tokens"),
        )),
    Exercise(
        id="02.5", title="Bits for each byte", level=2, signature="my_bits_per_byte(nats, text)", solution=bits_of_text,
        cases=(
            Case(([math.log(2.0)] * 8, "film"), 2.0, "8 bits for 4 bytes"),
            Case(([4 * math.log(2.0), 6 * math.log(2.0)], "café"), 2.0, "é is two bytes"),
            Case(([1.5, 0.2, 3.1], "a naïve tale…"), name="three tokens, 16 bytes"),
        ),
        hints=("Two changes of unit: nats to bits, tokens to bytes.", "1 bit is ln 2 nats; len(text.encode()) counts bytes.",
               "`sum(nats) / math.log(2) / len(text.encode())`"),
        reasoning="The sum of the nats is the cost of the whole text, however it was cut. Divide it by something that no tokenizer can change.",
        mistakes=(
            Mistake("characters", _per_character, "you divided by characters: é has one character but two bytes; use len(text.encode())"),
            Mistake("per token", _per_token, "you divided by tokens: that is what makes two tokenizers incomparable; divide by bytes"),
            Mistake("nats", _nats_per_byte, "that is nats for each byte: 1 bit is ln 2 = 0.693 nats, so divide by math.log(2)"),
            Mistake("wrong way", _wrong_way, "you multiplied by ln 2; a nat is *more* than a bit (1.44 bits), so divide"),
            Mistake("mean first", _mean_per_byte, "you divided by the tokens as well: start from the sum of the nats, not their mean"),
        )),
    Exercise(
        id="02.6", title="Which model is better?", level=1, signature='"a" or "b"', asks="value", solution=better_model,
        cases=(Case(wanted="a"),),
        hints=("Bring both to bits for each byte.", "A spends 3.2 nats on 4.4 bytes; B spends 1.0 nat on one byte.", "A: 3.2 / 0.693 / 4.4. B: 1.0 / 0.693."),
        reasoning="A: 1.05 bits per byte; B: 1.44. A has perplexity 24.5 and B only 2.7, and yet A predicts the text better.",
        mistakes=(Mistake("the lower loss", "b", "B's loss per token is lower because its tokens are single bytes: compare the cost of the same byte"),)),
    Exercise(
        id="02.7", title="Shape a distribution", level=3, signature="my_distribution(logits, temperature, top_k, top_p)", solution=shaped,
        cases=(
            Case((torch.log(torch.tensor([0.1, 0.6, 0.3])), 1.0, 2, 1.0), torch.tensor([0.0, 2 / 3, 1 / 3]), "top_k = 2 of three"),
            Case((torch.log(torch.tensor([0.5, 0.3, 0.2])), 1.0, 3, 0.6), torch.tensor([0.625, 0.375, 0.0]), "top_p = 0.6: 0.5 is not enough"),
            Case((torch.log(torch.tensor([0.8, 0.2])), 0.5, 2, 1.0), torch.tensor([0.64 / 0.68, 0.04 / 0.68]), "temperature 0.5 squares"),
            Case((torch.tensor([0.3, 2.0, -1.0, 1.2, 0.9]), 1.7, 4, 0.8), name="all three at once"),
            Case((torch.tensor([0.3, 2.0, -1.0, 1.2, 0.9]), 0.6, 4, 0.85), name="all three, sharper: the order of the steps matters"),
        ),
        hints=("In this order: temperature, top-k, top-p; after each cut, make it add up to 1 again.",
               "Sort, cut, and put the values back at their places: kept[order] = ranked.",
               "top-p keeps a token if the likelier ones together hold *less* than top_p: `cumsum - itself < top_p`."),
        reasoning="The token that crosses top_p is kept, so that what is kept holds at least top_p, and never nothing.",
        mistakes=(
            Mistake("times", _times_temperature, "you multiplied by the temperature: a low temperature must make the distribution sharper, so divide the logits"),
            Mistake("after the softmax", _temperature_after, "temperature was applied to probabilities, then softmax again: divide the *logits*, then one softmax"),
            Mistake("not renormalised", _not_renormalised, "after the cuts the rest no longer adds up to 1: divide by its sum"),
            Mistake("crossing token dropped", _drops_the_crossing, "you dropped the token that reaches top_p: keep it, so that at least top_p is kept"),
            Mistake("top_p forgotten", _no_top_p, "temperature and top_k are right; top_p was not applied"),
        )),
)

QUIZ = (
    Question("The logits at position 0 of a causal model are scored against which token?", (
        Choice("token 0: it is the one at that position", "Position 0 has just read token 0; asking for it teaches copying."),
        Choice("token 1", "Position t predicts token t + 1.", right=True),
        Choice("none: the first position is left out", "The first *token* is never predicted, but the first *position* predicts the second token."))),
    Question("You train a causal model, and after 100 steps the loss is 0.01 on new text as well. What is likeliest?", (
        Choice("it has memorised the training text", "Then new text would be expensive: memory does not help there."),
        Choice("the model is very good", "No text is that predictable: the best of this chapter spends 1.6 bits a byte."),
        Choice("it can see the token it is asked for", "A missing shift, or no causal mask. Too good is a symptom.", right=True),
        Choice("the learning rate is too low", "Then the loss would stay near log V."))),
    Question("Model A has perplexity 20 with 50,000 tokens, model B has 12 with 2,000. Which predicts text better?", (
        Choice("not to be said: compare bits per byte", "B's tokens are shorter, so each is easier, but a text has more of them.", right=True),
        Choice("B, its perplexity is lower", "Perplexities are per token, and the tokens are not the same."),
        Choice("A, its vocabulary is larger", "A larger vocabulary says nothing about quality."))),
    Question("What is teacher forcing?", (
        Choice("forcing the weights towards those of a larger model", "That is distillation (chapter 14)."),
        Choice("training on the model's own output", "The opposite: in training it never sees its own output."),
        Choice("stopping the gradient at the first wrong token", "Nothing is stopped: every position counts, right or wrong so far."),
        Choice("in training, each position reads the true text so far", "So all positions can be computed at once, and the model's own errors never enter.", right=True))),
    Question("You want to label sentences, have a GPU for a day, and both kinds of pretrained model at the same size. What speaks for the masked one?", (
        Choice("every token's vector has seen the whole sentence", "In a causal model the first word's vector knows nothing of the second.", right=True),
        Choice("it learns from all positions of a text", "That is the causal one; the masked one is asked for 15%."),
        Choice("it gives the probability of a whole sentence", "The chain rule does, which needs a causal model."))),
)

RECALL = (
    Recall("01", "Over which positions does the masked-language-model loss take its mean, and what do the other labels hold?",
           "Over the chosen positions alone (about 15%); all others, special tokens and padding have the label -100."),
    Recall("01", "A model spreads its probability evenly over 1,000 tokens. What are its loss and its perplexity?",
           "log 1000 = 6.9 nats, and exp of that: a perplexity of 1,000."),
    Recall("00", "Why is a score read next to a baseline?",
           "A score alone says little: one class may be 60% of the data. The baseline says what comes without reading."),
)
