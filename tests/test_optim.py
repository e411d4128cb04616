import pytest
import torch
from torch import nn
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from ftlab import errors, models
from ftlab.config import TrainConfig
from ftlab.optim import correction, layer_shares, make_optimizer, parameter_groups, schedule

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


def share_by_name(name, n_layers, decay):
    """The same shares from the names alone."""
    import re

    layer = re.search(r"encoder\.layer\.(\d+)\.", name)
    return decay ** (n_layers - 1 - int(layer.group(1))) if layer else decay**n_layers if "embeddings" in name else 1.0


def test_layer_shares_by_name():
    model = models.SequenceClassifier(tiny.encoder(), 2)
    wanted = {name: share_by_name(name, 2, 0.8) for name, _ in model.named_parameters()}
    assert sorted(set(wanted.values())) == pytest.approx([0.64, 0.8, 1.0])
    assert layer_shares(model, 0.8) == pytest.approx(wanted)
    for bad in (0, 1.5, "0.9", True):
        with pytest.raises(errors.InputError, match="layer_decay"):
            layer_shares(model, bad)
    with pytest.raises(errors.ModelError, match="head"):
        layer_shares(tiny.encoder(), 0.8)


@pytest.mark.parametrize("decay", [None, 1.0, 0.5])
@pytest.mark.parametrize("head", [None, 3e-2])
def test_layer_decay_sets_the_length_of_the_first_step(decay, head):
    """AdamW's first step moves every weight that has a gradient by its learning rate: so the rates can be read off the weights."""
    model = models.SequenceClassifier(tiny.encoder(), 2)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = make_optimizer(model, TrainConfig(learning_rate=1e-2, head_learning_rate=head, layer_decay=decay, weight_decay=0.0, epsilon=1e-30))
    batch = next(iter(tiny.loader()))
    torch.nn.functional.cross_entropy(model(batch["input_ids"], batch["attention_mask"]), batch["labels"]).backward()
    optimizer.step()
    for name, p in model.named_parameters():
        moved = (p.detach() - before[name]).abs().max().item()
        rate = head if head and name.startswith("classifier") else 1e-2 * share_by_name(name, 2, decay or 1.0)
        assert moved == pytest.approx(rate, rel=1e-3), name


def test_layer_decay_goes_through_fit():
    from ftlab.training import fit

    model = models.SequenceClassifier(tiny.encoder(), 2)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    fit(model, tiny.loader(), config=TrainConfig(learning_rate=1e-2, layer_decay=1e-3, weight_decay=0.0, precision="fp32"))
    moved = {name: (p.detach() - start[name]).abs().max().item() for name, p in model.named_parameters()}
    embeddings = max(v for n, v in moved.items() if "embeddings" in n)
    lower = max(v for n, v in moved.items() if "layer.0." in n)
    upper = max(v for n, v in moved.items() if "layer.1." in n)
    assert 0 < 100 * embeddings < lower and 100 * lower < upper


def plain_adamw(w, gradients, rates, correct, decay=0.01, b1=0.9, b2=0.999, eps=1e-8):
    m = v = torch.zeros_like(w)
    for t, (g, rate) in enumerate(zip(gradients, rates), start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        a, b = (m / (1 - b1**t), v / (1 - b2**t)) if correct else (m, v)
        w = w - rate * decay * w - rate * a / (b.sqrt() + eps)
    return w


@pytest.mark.parametrize("eps", [1e-8, 1e-2])
@pytest.mark.parametrize("correct", [True, False])
def test_adamw_with_and_without_bias_correction(correct, eps):
    """Against a plain one, with changing learning rates, large and tiny gradients, and an epsilon that matters."""
    layer = nn.Linear(3, 2).double()
    start = layer.weight.detach().clone()
    config = TrainConfig(weight_decay=0.3, epsilon=eps, bias_correction=correct)
    optimizer = make_optimizer(layer, config)
    random = torch.Generator().manual_seed(0)
    gradients = [torch.randn(2, 3, generator=random, dtype=torch.float64) * 10.0 ** (i % 5 - 3) for i in range(40)]
    rates = [0.01 * (1 + i % 7) for i in range(40)]
    for g, rate in zip(gradients, rates):
        for group in optimizer.param_groups:
            group["lr"] = rate
        layer.weight.grad, layer.bias.grad = g, torch.ones(2, dtype=torch.float64)
        optimizer.step()
        assert all((group["lr"], group["eps"]) == (rate, eps) for group in optimizer.param_groups)  # put back
    assert torch.allclose(layer.weight, plain_adamw(start, gradients, rates, correct, 0.3, eps=eps), atol=1e-12)
    assert not torch.allclose(layer.weight, plain_adamw(start, gradients, rates, not correct, 0.3, eps=eps), atol=1e-3)


def test_the_correction_by_hand():
    assert correction(1) == pytest.approx(0.1 / 0.001**0.5) and correction(100_000) == pytest.approx(1.0)
    assert max(range(1, 200), key=correction) == 12
    with pytest.raises(errors.InputError, match="step"):
        correction(0)


def test_without_correction_a_run_resumes_where_it_was():
    layer, other = nn.Linear(2, 1), nn.Linear(2, 1)
    other.load_state_dict(layer.state_dict())
    config = TrainConfig(bias_correction=False)
    straight = make_optimizer(layer, config)
    for optimizer, weights, steps in ((straight, layer, 6), (make_optimizer(other, config), other, 3)):
        for i in range(steps):
            for p in weights.parameters():
                p.grad = torch.full_like(p, 1.0 + i)
            optimizer.step()
    resumed = make_optimizer(other, config)
    resumed.load_state_dict(optimizer.state_dict())
    for i in range(3, 6):
        for p in other.parameters():
            p.grad = torch.full_like(p, 1.0 + i)
        resumed.step()
    assert all(torch.equal(a, b) for a, b in zip(layer.parameters(), other.parameters()))
