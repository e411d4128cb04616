"""A chapter's exercises, quiz and recall questions, used only to test the machinery that chapters stand on."""

from __future__ import annotations

import torch

from ftlab.teach.content import Case, Choice, Exercise, Mistake, Question, Recall


def masked_mean(values: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    kept = attention_mask.to(values.dtype)
    return (values * kept).sum() / kept.sum()


def _over_padding(values: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    return (values * attention_mask).mean()


def _sum(values: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    return (values * attention_mask).sum()


def _detached(values: torch.Tensor, attention_mask: torch.Tensor) -> float:
    return masked_mean(values, attention_mask).item()


def row_softmax(scores: torch.Tensor) -> torch.Tensor:
    powers = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)  # (B, C)
    return powers / powers.sum(dim=-1, keepdim=True)


def count_parameters() -> int:
    return 30522 * 384 + 512 * 384 + 2 * 384


class _Scale:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, x: float) -> float:
        return self.factor * x


def _judge_rate(mask: torch.Tensor) -> str:
    rate = mask.float().mean().item()
    return "" if 0.10 < rate < 0.20 else "about 15% should be chosen" + ("; you chose all but 15%" if 0.8 < rate < 0.9 else "")


def choose(n: int) -> torch.Tensor:
    return torch.rand(n, generator=torch.Generator().manual_seed(n)) < 0.15


EXERCISES = (
    Exercise(
        id="90.1", title="A mean without the padding", level=1, signature="my_mean(values, attention_mask)",
        solution=masked_mean, differentiable=True,
        cases=(
            Case((torch.tensor([[1.0, 3.0]]), torch.tensor([[1, 1]])), 2.0, "no padding"),
            Case((torch.tensor([[1.0, 3.0, 9.0, 9.0]]), torch.tensor([[1, 1, 0, 0]])), 2.0, "two padding tokens"),
            Case((torch.tensor([[1.0, 2.0], [6.0, 9.0]]), torch.tensor([[1, 1], [1, 0]])), 3.0, "two rows"),
        ),
        hints=("How many tokens are real?", "Divide by the sum of the mask.", "`(values * mask).sum() / mask.sum()`"),
        reasoning="Padding adds nothing to the sum, so it must not be counted below either.",
        mistakes=(
            Mistake("averages over padding", _over_padding, "you averaged over padding too: divide by the number of real tokens"),
            Mistake("sum", _sum, "you added the real tokens up: divide by how many there are"),
            Mistake("no gradient", _detached, "`.item()` cuts the gradient: return the tensor"),
        )),
    Exercise(
        id="90.2", title="Softmax", level=2, signature="my_softmax(scores)", solution=row_softmax,
        cases=lambda: (
            Case(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.5, 0.5]]), "equal scores"),
            Case(torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 9.0]]), name="two rows"),
            Case(torch.tensor([[1000.0, 0.0]]), torch.tensor([[1.0, 0.0]]), "a large score"),
        ),
        hints=("Positive numbers that add to 1.", "exp, then divide.", "Take the row's maximum away first."),
        reasoning="Taking the maximum away changes nothing but keeps exp from overflowing.",
        mistakes=(Mistake("overflow", lambda s: torch.exp(s) / torch.exp(s).sum(-1, keepdim=True),
                          "exp overflows for large scores: take the row's maximum away first"),
                  Mistake("wrong axis", lambda s: torch.softmax(s, dim=0), "you normalised down the columns: use dim=-1"))),
    Exercise(
        id="90.3", title="Count parameters", level=1, signature="a number", asks="value", solution=count_parameters,
        cases=(Case(wanted=11_917_824, tolerance=0),),
        hints=("Three tables.", "Rows times columns.", "30522 * 384 + 512 * 384 + 2 * 384"),
        reasoning="Word, position and type embeddings.",
        mistakes=(Mistake("words only", 30522 * 384, "that is the word embeddings alone: position and type tables come on top"),)),
    Exercise(
        id="90.4", title="A class", level=3, signature="MyScale(factor)", solution=_Scale,
        call=lambda cls, factor, x: cls(factor)(x),
        cases=(Case((2.0, 3.0), 6.0), Case((0.5, 8.0), 4.0)),
        hints=("Keep it.", "self.factor", "return self.factor * x"), reasoning="The factor is kept in the object."),
    Exercise(
        id="90.5", title="Random choice", level=2, signature="my_choice(n)", solution=choose,
        cases=(Case(4000, name="4000 tokens", judge=_judge_rate),),
        hints=("rand", "<", "rand(n) < 0.15"), reasoning="Each position is chosen by itself.",
        mistakes=(Mistake("inverted", lambda n: torch.rand(n, generator=torch.Generator().manual_seed(n)) > 0.15, "`>` chooses the other 85%"),)),
)

QUIZ = tuple(
    Question(f"Question {i}: which positions does the `mlm_loss` count?", (
        Choice("every position", "Most positions were not chosen, so there is nothing to predict."),
        Choice("the chosen positions", "The others carry the label -100.", right=True),
        Choice("the first position", "That is [CLS], used for classification."))) for i in range(1, 6))

RECALL = (
    Recall("00", "What does the lite profile use for a model?", "MiniLM, a real BERT of 6 layers."),
    Recall("01", "What is perplexity?", "exp of the loss in nats: the number of equally likely choices."),
    Recall("02", "Why shift the labels?", "Position t predicts token t + 1."),
)
