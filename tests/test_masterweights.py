"""bfloat16 to compute with, float32 to learn with: against float32 training, against plain bfloat16, and exact where it must be."""

import copy

import pytest
import torch
from torch import nn

from ftlab import models, training
from ftlab.config import TrainConfig
from ftlab.masterweights import MasterWeights, can_hold_masters
from ftlab.training import fit

import tiny

CONFIG = TrainConfig(learning_rate=5e-3, epochs=3, batch_size=8, precision="bf16")


def new_model(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return models.SequenceClassifier(tiny.encoder(seed=seed), 2, dropout=0.0)


@pytest.fixture(autouse=True)
def on_a_cpu(monkeypatch):
    monkeypatch.setenv("FTLAB_DEVICE", "cpu")


def weight_of_one(dtype: torch.dtype) -> nn.Linear:
    layer = nn.Linear(1, 1, bias=False, dtype=dtype)
    nn.init.ones_(layer.weight)
    return layer


def ten_steps(layer: nn.Linear, optimizer: torch.optim.Optimizer) -> None:
    for _ in range(10):
        layer(torch.ones(1, 1, dtype=layer.weight.dtype)).sum().backward()  # the gradient is 1
        optimizer.step()
        optimizer.zero_grad()


def test_small_steps_add_up_which_bfloat16_alone_would_lose():
    layer = weight_of_one(torch.float32)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1e-3)
    masters = MasterWeights(layer, optimizer)
    assert layer.weight.dtype == torch.bfloat16
    ten_steps(layer, optimizer)
    masters.close()
    assert layer.weight.dtype == torch.float32 and layer.weight.item() == pytest.approx(0.99, abs=1e-6)
    alone = weight_of_one(torch.bfloat16)
    ten_steps(alone, torch.optim.SGD(alone.parameters(), lr=1e-3))
    assert alone.weight.item() == 1.0


def test_gradients_are_those_of_the_rounded_model_and_add_up_in_float32():
    model, x = new_model(), torch.tensor([[1, 12, 13]])
    twin = copy.deepcopy(model).to(torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    masters = MasterWeights(model, optimizer)
    for m in (model, twin):
        m.train()
        for _ in range(2):
            m(x, torch.ones_like(x))[:, 1].sum().backward()
    for (p, master), other in zip(masters.pairs, twin.parameters()):
        assert p.grad is None and (master.grad is None) == (other.grad is None)
        if master.grad is not None:
            assert master.grad.dtype == torch.float32
            torch.testing.assert_close(master.grad, other.grad.float(), rtol=0.02, atol=1e-3)


def test_exact_shows_and_takes_float32_weights():
    model = new_model()
    before = copy.deepcopy(model.state_dict())
    masters = MasterWeights(model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert not torch.equal(model.classifier.weight.float(), before["classifier.weight"])  # rounded
    with masters.exact():
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        model.load_state_dict({name: value * 2 if value.is_floating_point() else value for name, value in before.items()})
    assert torch.equal(model.classifier.weight, (before["classifier.weight"] * 2).to(torch.bfloat16))
    masters.close()
    assert torch.equal(model.classifier.weight, before["classifier.weight"] * 2)


def test_fit_learns_as_in_float32_and_gives_float32_back():
    losses = {}
    for precision in ("fp32", "bf16"):
        model = new_model()
        history = fit(model, tiny.loader(200), tiny.loader(60, shuffle=False), CONFIG.but(precision=precision, epochs=6), metrics=("accuracy",))
        assert history.precision == precision and history.best["accuracy"] > 0.95
        losses[precision] = torch.tensor([s["loss"] for s in history.steps])
        assert all(p.dtype == torch.float32 and p.grad is None for p in model.parameters())
        assert not any(p._post_accumulate_grad_hooks for p in model.parameters())
        weight = model.classifier.weight
        assert not torch.equal(weight, weight.to(torch.bfloat16).float())  # the masters, not their rounded copies
    assert not torch.equal(losses["fp32"], losses["bf16"])  # it did compute in bfloat16
    torch.testing.assert_close(losses["fp32"][:20], losses["bf16"][:20], rtol=0.03, atol=0.01)


def test_micro_batches_give_the_same_step():
    whole, pieces = new_model(), new_model()
    a = fit(whole, tiny.loader(40), config=CONFIG.but(epochs=1))
    b = fit(pieces, tiny.loader(40), config=CONFIG.but(epochs=1, micro_batch_size=3))
    assert [s["loss"] for s in a.steps] == pytest.approx([s["loss"] for s in b.steps], abs=0.01)


def test_resume_is_exact(tmp_path):
    straight, again = new_model(), new_model()
    first = fit(straight, tiny.loader(40), tiny.loader(20, shuffle=False), CONFIG, metrics=("accuracy",))
    calls = []

    def failing(logits, labels):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return training.default_loss()(logits, labels)

    broken = new_model()
    with pytest.raises(KeyboardInterrupt):
        fit(broken, tiny.loader(40), tiny.loader(20, shuffle=False), CONFIG, metrics=("accuracy",), out=tmp_path, loss_fn=failing)
    assert all(p.dtype == torch.float32 for p in broken.parameters())  # interrupted, and still usable
    second = fit(again, tiny.loader(40), tiny.loader(20, shuffle=False), CONFIG, metrics=("accuracy",), out=tmp_path, resume=True)
    assert [s["loss"] for s in first.steps] == [s["loss"] for s in second.steps]
    assert all(torch.equal(a, b) for a, b in zip(straight.state_dict().values(), again.state_dict().values()))


def test_who_is_trained_this_way(monkeypatch):
    assert can_hold_masters(new_model(), "bf16") and not can_hold_masters(new_model(), "fp32")
    assert not can_hold_masters(nn.Linear(2, 2), "bf16")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not can_hold_masters(new_model(), "bf16")
