"""Top layers drawn anew: only they change, the draw is the library's, and it follows its seed."""

import pytest
import torch
from torch import nn
from transformers import BertModel

from ftlab import errors, models
from ftlab.reinit import reinitialise_top

import tiny


def make(seed=3):
    model = models.SequenceClassifier(tiny.encoder(seed=seed), 2)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)  # as if trained: nothing is left at its first value
    return model


@pytest.mark.parametrize("n_layers", [0, 1, 2])
def test_only_the_top_changes(n_layers):
    model, before = make(), {n: p.clone() for n, p in make().named_parameters()}
    drawn = reinitialise_top(model, n_layers)
    changed = [n for n, p in model.named_parameters() if not torch.equal(p, before[n])]
    tops = tuple(f"bert.encoder.layer.{i}." for i in range(2 - n_layers, 2))
    assert sorted(changed) == sorted(drawn) == sorted(n for n in before if n.startswith((*tops, "bert.pooler.")))
    assert len(drawn) == 16 * n_layers + 2


def test_the_draw_is_the_librarys():
    config = tiny.encoder().config
    config.hidden_size, config.intermediate_size, config.initializer_range = 128, 256, 0.02
    theirs = BertModel._from_config(config)
    ours = models.SequenceClassifier(BertModel._from_config(config), 2)
    with torch.no_grad():
        for p in ours.parameters():
            p.fill_(7.0)
    drawn = reinitialise_top(ours, 2)
    library = {f"bert.{n}": p for n, p in theirs.named_parameters()}
    for name, p in ours.named_parameters():
        if name in drawn:
            assert p.mean().item() == pytest.approx(library[name].mean().item(), abs=1e-3), name
            assert p.std().item() == pytest.approx(library[name].std().item(), abs=1e-3), name


def test_seed_and_generator():
    a, b, c = make(), make(), make()
    state = torch.get_rng_state()
    for model, seed in ((a, 1), (b, 1), (c, 2)):
        reinitialise_top(model, 1, seed=seed)
    assert torch.equal(torch.get_rng_state(), state)
    pick = lambda m: m.bert.encoder.layer[-1].output.dense.weight
    assert torch.equal(pick(a), pick(b)) and not torch.equal(pick(a), pick(c))


def test_refusals():
    for bad in (3, -1, True, 1.0):
        with pytest.raises(errors.InputError, match="n_layers"):
            reinitialise_top(make(), bad)
    with pytest.raises(errors.InputError, match="BERT"):
        reinitialise_top(nn.Linear(2, 2), 1)
