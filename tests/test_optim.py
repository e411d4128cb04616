import pytest
import torch
from torch import nn
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from ftlab import errors, models
from ftlab.config import TrainConfig
from ftlab.optim import make_optimizer, parameter_groups, schedule

import tiny


@pytest.mark.parametrize("shape,theirs", [("linear", get_linear_schedule_with_warmup), ("cosine", get_cosine_schedule_with_warmup)])
@pytest.mark.parametrize("total,ratio", [(100, 0.1), (7, 0.3), (50, 0.0), (1, 0.0)])
def test_schedule_equals_the_library(shape, theirs, total, ratio):
    import math

    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    library = theirs(optimizer, math.ceil(total * ratio), total)
    for step in range(total):
        assert schedule(step, total, ratio, shape) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12), step
        optimizer.step()
        library.step()


def test_schedule_by_hand_and_refusal():
    assert [schedule(s, 100) for s in (0, 5, 10, 55, 100)] == [0.0, 0.5, 1.0, 0.5, 0.0]
    assert schedule(70, 100, 0.1, "constant") == 1.0
    with pytest.raises(errors.InputError, match="schedule"):
        schedule(1, 2, shape="step")


def test_decay_groups_equal_the_trainers():
    """The library decays all but biases and norms, found by name and type; ours asks for the dimensions."""
    model = models.SequenceClassifier(tiny.encoder(), 2)
    groups = {g["name"]: g for g in parameter_groups(model, 0.01, 1e-4)}
    plain = {n for n, p in model.named_parameters() if any(p is q for q in groups["model biases and norms"]["params"])}
    assert plain == {n for n, _ in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n}
    assert groups["model biases and norms"]["weight_decay"] == 0.0 and groups["model weights"]["weight_decay"] == 0.01
    assert sum(len(g["params"]) for g in groups.values()) == len(list(model.parameters()))


def test_head_group_and_frozen_parameters():
    model = models.SequenceClassifier(tiny.encoder(), 2)
    model.bert.embeddings.requires_grad_(False)
    groups = parameter_groups(model, 0.0, 1e-4, head_learning_rate=1e-3)
    heads = [g for g in groups if g["name"].startswith("head")]
    assert {id(p) for g in heads for p in g["params"]} == {id(p) for p in model.classifier.parameters()}
    assert all(g["lr"] == 1e-3 for g in heads)
    assert not any(p is model.bert.embeddings.word_embeddings.weight for g in groups for p in g["params"])
    model.requires_grad_(False)
    with pytest.raises(errors.InputError, match="trainable"):
        make_optimizer(model, TrainConfig())


def test_one_adamw_step_by_hand():
    weight = nn.Linear(1, 1, bias=False)
    weight.weight.data.fill_(1.0)
    optimizer = make_optimizer(weight, TrainConfig(learning_rate=0.1, weight_decay=0.5))
    weight.weight.grad = torch.tensor([[4.0]])
    optimizer.step()  # decay first: 1 - 0.1 * 0.5; then the first Adam step, of size learning_rate whatever the gradient
    assert weight.weight.item() == pytest.approx(1 - 0.05 - 0.1, abs=1e-6)
