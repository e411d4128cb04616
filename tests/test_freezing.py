"""What is frozen stays, bit for bit; what trains is what each method names; what is stored gives the tuned model back."""

import copy

import pytest
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, DistilBertConfig, DistilBertForSequenceClassification

import ftlab as ft
from ftlab.errors import InputError, ModelError
from ftlab.freezing import encoder_of, layers_of, stored_bytes, train_biases, train_head, train_last_layers, trained_state
from ftlab.tuning import add_lora

import tiny

METHODS = {
    "head": (train_head, lambda n: n.startswith("classifier")),
    "last layer": (lambda m: train_last_layers(m, 1), lambda n: n.startswith(("classifier", "bert.pooler", "bert.encoder.layer.1."))),
    "both layers": (lambda m: train_last_layers(m, 2), lambda n: "embeddings" not in n),
    "biases": (train_biases, lambda n: n.startswith("classifier") or n.endswith(".bias")),
    "lora": (lambda m: add_lora(m, ("query", "value"), rank=2, train_also=("classifier",)), lambda n: n.startswith("classifier") or "lora_" in n),
}


def model():
    torch.manual_seed(3)
    return ft.SequenceClassifier(tiny.encoder(), 2)


@pytest.mark.parametrize("name", METHODS)
def test_what_trains_moves_and_nothing_else(name):
    freeze, named = METHODS[name]
    tuned = freeze(model())
    trains = {n for n, p in tuned.named_parameters() if p.requires_grad}
    assert trains == {n for n, _ in tuned.named_parameters() if named(n)} and trains
    before = copy.deepcopy(tuned.state_dict())
    ft.fit(tuned, tiny.loader(), config=ft.TrainConfig(learning_rate=1e-2, epochs=2, precision="fp32", batch_size=8))
    moved = {n for n, value in tuned.state_dict().items() if not torch.equal(value, before[n])}
    keys = {n for n in trains if n.endswith("key.bias")}  # softmax does not see a constant added to every score of a row
    assert moved <= trains and trains - keys <= moved


@pytest.mark.parametrize("name", METHODS)
def test_what_is_stored_gives_the_tuned_model_back(name, tmp_path):
    freeze, _ = METHODS[name]
    tuned = freeze(model())
    ft.fit(tuned, tiny.loader(), config=ft.TrainConfig(learning_rate=1e-2, precision="fp32", batch_size=8))
    save_file(trained_state(tuned), tmp_path / "task.safetensors")
    assert (tmp_path / "task.safetensors").stat().st_size == stored_bytes(tuned)
    assert stored_bytes(tuned) >= 4 * ft.count_parameters(tuned, trainable=True)
    again = freeze(model())
    again.classifier.weight.data.normal_()
    _, unexpected = again.load_state_dict(trained_state(tuned), strict=False)
    batch = ft.inputs(next(iter(tiny.loader())))
    assert not unexpected and torch.equal(tuned.eval()(**batch), again.eval()(**batch))


def test_numbers_of_the_lite_encoder_by_hand():
    shape = dict(vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    bert = BertForSequenceClassification(BertConfig(**shape))
    bert.bert.pooler = None
    head, layer = 384 * 2 + 2, 4 * (384 * 384 + 384) + 2 * 384 * 1536 + 1536 + 384 + 4 * 384
    biases = 6 * (4 * 384 + 1536 + 384 + 2 * 384) + 384
    for freeze, wanted in ((train_head, head), (lambda m: train_last_layers(m, 2), head + 2 * layer), (train_biases, head + biases)):
        assert ft.count_parameters(freeze(bert), trainable=True) == wanted
    assert (layer, biases) == (1_774_464, 25_728)


def test_other_families_and_wrong_input():
    distil = DistilBertForSequenceClassification(DistilBertConfig(vocab_size=60, dim=16, n_layers=3, n_heads=2, hidden_dim=32))
    train_last_layers(distil, 1)
    trains = {n.split(".")[0] if "layer" not in n else n.split(".")[3] for n, p in distil.named_parameters() if p.requires_grad}
    assert trains == {"2", "pre_classifier", "classifier"}
    for bad in (0, 3, 1.0, True, "1"):
        with pytest.raises(InputError, match="n_layers is .*from 1 to 2"):
            train_last_layers(model(), bad)
    with pytest.raises(ModelError, match="not an encoder with a head"):
        train_head(tiny.encoder())
    with pytest.raises(ModelError, match="Linear is not"):
        train_biases(torch.nn.Linear(2, 2))
    with pytest.raises(InputError, match="no parameter is trainable"):
        stored_bytes(model().requires_grad_(False))
    assert encoder_of(model()).config.hidden_size == 16
    with pytest.raises(ModelError, match="no list of layers"):
        layers_of(torch.nn.Linear(2, 2))


def test_the_trained_state_is_a_copy():
    model = train_head(ft.SequenceClassifier(tiny.encoder(), 2))
    state = trained_state(model)
    with torch.no_grad():
        model.classifier.bias += 1
    assert not torch.equal(state["classifier.bias"], model.classifier.bias)
