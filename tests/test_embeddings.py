import torch
from torch import nn

from ftlab import models
from ftlab.embeddings import CompactEmbedding, compact_embeddings
from ftlab.training import fit

import tiny
from test_training import FAST, new_model, same


def test_small_table_reads_like_the_full_one():
    full = nn.Embedding(10, 3)
    small = CompactEmbedding(full, torch.tensor([0, 4, 7]))
    ids = torch.tensor([[7, 0], [4, 4]])
    assert torch.equal(small(ids), full(ids)) and small.weight.shape == (3, 3)


def test_an_id_outside_the_table_is_an_error_not_a_wrong_row():
    small = CompactEmbedding(nn.Embedding(10, 3), torch.tensor([0, 4]))
    try:
        small(torch.tensor([[5]]))
    except IndexError:
        return
    raise AssertionError("id 5 is not in the table")


def test_training_with_and_without_gives_the_same_weights():
    a, b = new_model(), new_model()
    fit(a, tiny.loader(), config=FAST)
    fit(b, tiny.loader(), config=FAST.but(compact=False))
    assert same(a, b, atol=1e-4)


def test_the_model_is_whole_again_even_after_an_error():
    model = new_model()
    full = model.bert.get_input_embeddings()
    try:
        with compact_embeddings(model, [0, 7]):
            model.bert.get_input_embeddings().weight.data += 1
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert model.bert.get_input_embeddings() is full
    before = new_model().bert.get_input_embeddings().weight
    assert torch.equal(full.weight[[0, 7]], before[[0, 7]] + 1) and torch.equal(full.weight[1:7], before[1:7])


def test_tied_and_frozen_tables_are_left_alone():
    tied = models.MaskedLanguageModel(tiny.encoder())
    with compact_embeddings(tied, [0, 1]):
        assert type(tied.bert.get_input_embeddings()) is nn.Embedding
    frozen = new_model()
    frozen.bert.embeddings.requires_grad_(False)
    with compact_embeddings(frozen, [0, 1]):
        assert type(frozen.bert.get_input_embeddings()) is nn.Embedding
