"""LoRA equals peft's, value for value; merging changes nothing; adapters travel between ftlab and peft."""

import json
import os
import stat
from pathlib import Path

import peft
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForCausalLM

import ftlab as ft
from ftlab.errors import InputError, ModelError
from ftlab.tuning import LoRALinear, add_lora, load_adapter, lora_off, merge_lora, save_adapter

IDS = torch.tensor([[5, 6, 7, 8], [9, 3, 2, 4]])


def llama(seed=0):
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=53, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=48,
        max_position_embeddings=40, initializer_range=0.3, bos_token_id=1, eos_token_id=1, pad_token_id=0)).eval()


def bert(seed=0):
    torch.manual_seed(seed)
    return BertForSequenceClassification(BertConfig(
        vocab_size=53, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, initializer_range=0.3,
        num_labels=3)).eval()


MODELS = {"llama": (llama, ("q_proj", "v_proj"), ()), "bert": (bert, ("query", "value"), ("classifier",))}


def stir(model, seed=1):
    """Give the trainable parameters values that training might have given."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                p.copy_(0.3 * torch.randn(p.shape, generator=generator))
    return model


def logits(model):
    return model(input_ids=IDS).logits


def both(name, rank=4, alpha=12.0):
    """Ours and peft's on the same weights, with the same A and B."""
    make, targets, also = MODELS[name]
    ours = stir(add_lora(make(), targets, rank, alpha, train_also=also))
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(targets), modules_to_save=list(also) or None, lora_dropout=0.0)
    theirs = peft.get_peft_model(make(), config).eval()
    trained = {n: p for n, p in ours.named_parameters() if p.requires_grad}
    values = {n.replace("lora_A", "lora_A.default.weight").replace("lora_B", "lora_B.default.weight"): p for n, p in trained.items()}
    values = {"base_model.model." + n.replace("classifier.", "classifier.modules_to_save.default."): p for n, p in values.items()}
    own = dict(theirs.named_parameters())
    assert set(values) == {n for n, p in own.items() if p.requires_grad}
    with torch.no_grad():
        for n, p in values.items():
            own[n].copy_(p)
    return ours, theirs, values, own


@pytest.mark.parametrize("name", MODELS)
def test_logits_and_gradients_are_pefts(name):
    ours, theirs, values, own = both(name)
    assert (logits(ours) - logits(MODELS[name][0]())).abs().max() > 0.1  # it does something
    assert torch.allclose(logits(ours), logits(theirs), atol=1e-5)
    for model in (ours, theirs):
        F.cross_entropy(logits(model).flatten(0, -2), torch.arange(logits(model).flatten(0, -2).shape[0]) % 3).backward()
    for n, p in values.items():
        assert torch.allclose(p.grad, own[n].grad, atol=1e-5), n


def test_the_same_trainable_count_as_peft():
    for name in MODELS:
        ours, theirs, *_ = both(name)
        assert ft.count_parameters(ours, trainable=True) == theirs.get_nb_trainable_parameters()[0]


@pytest.mark.parametrize("name", MODELS)
def test_at_first_nothing_changes_and_only_lora_trains(name):
    make, targets, also = MODELS[name]
    model = add_lora(make(), targets, rank=3, train_also=also)
    assert torch.equal(logits(model), logits(make()))
    trains = {n.split(".")[-2 if "lora_" not in n else -1] for n, p in model.named_parameters() if p.requires_grad}
    assert trains == {"lora_A", "lora_B", *also}
    logits(model).sum().backward()
    layers = [m for m in model.modules() if isinstance(m, LoRALinear)]
    assert len(layers) == 4 and all((m.lora_A.grad == 0).all() for m in layers)  # with B = 0 the first gradient goes to B alone
    assert any((m.lora_B.grad != 0).any() for m in layers)


@pytest.mark.parametrize("name", MODELS)
def test_merged_logits_are_equal(name):
    make, targets, also = MODELS[name]
    model = stir(add_lora(make(), targets, rank=5, alpha=7, train_also=also))
    before = logits(model)
    merged = merge_lora(model)
    assert torch.allclose(logits(merged), before, atol=1e-5) and not any(isinstance(m, LoRALinear) for m in merged.modules())
    assert set(merged.state_dict()) == set(make().state_dict())


def test_merged_is_pefts_merge():
    ours, theirs, *_ = both("llama")
    mine, other = merge_lora(ours).state_dict(), theirs.merge_and_unload().state_dict()
    assert mine.keys() == other.keys() and all(torch.allclose(mine[n], other[n], atol=1e-6) for n in mine)


@pytest.mark.parametrize("name", MODELS)
def test_an_adapter_of_ours_loads_into_peft_and_into_ours(name, tmp_path):
    make, targets, also = MODELS[name]
    model = stir(add_lora(make(), targets, rank=4, alpha=6, train_also=also))
    folder = save_adapter(model, tmp_path / "adapter", "a model")
    theirs = peft.PeftModel.from_pretrained(make(), folder).eval()
    assert torch.allclose(logits(theirs), logits(model), atol=1e-5)
    again = load_adapter(make(), folder)
    assert torch.equal(logits(again), logits(model))
    assert ft.count_parameters(again, trainable=True) == ft.count_parameters(model, trainable=True)
    assert sorted(p.name for p in folder.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]


@pytest.mark.parametrize("name", MODELS)
def test_an_adapter_of_peft_loads_into_ours(name, tmp_path):
    ours, theirs, *_ = both(name)
    theirs.save_pretrained(tmp_path)
    loaded = load_adapter(MODELS[name][0](), tmp_path)
    assert torch.allclose(logits(loaded), logits(ours), atol=1e-6) and torch.allclose(logits(loaded), logits(theirs), atol=1e-5)


def test_lora_off_is_the_plain_model_for_a_while():
    model = stir(add_lora(llama()))
    tuned = logits(model)
    with pytest.raises(ZeroDivisionError), lora_off(model) as plain:
        assert torch.equal(logits(plain), logits(llama()))
        1 / 0
    assert torch.equal(logits(model), tuned)


def test_by_hand():
    base = nn.Linear(2, 1, bias=False)
    nn.init.ones_(base.weight)
    layer = LoRALinear(base, rank=1, alpha=3)
    with torch.no_grad():
        layer.lora_A.copy_(torch.tensor([[1.0, 2.0]]))
        layer.lora_B.copy_(torch.tensor([[0.5]]))
    assert layer(torch.tensor([1.0, 1.0])).item() == 1 + 1 + 3 * 0.5 * 3  # alpha / rank · B · (A x)
    assert layer.correction().tolist() == [[1.5, 3.0]]


def test_alpha_over_rank_keeps_the_size():
    sizes = []
    for rank in (2, 8, 32):
        torch.manual_seed(0)
        layer = LoRALinear(nn.Linear(64, 64), rank, alpha=16)
        nn.init.ones_(layer.lora_B)
        sizes.append(layer.correction().norm().item() * rank**0.5)
    assert max(sizes) / min(sizes) < 1.3  # a sum of r independent rows grows as sqrt(r), over r


def test_it_learns_through_fit_and_in_half_precision():
    model = add_lora(llama().bfloat16(), rank=4, seed=3)
    rows = [{"input_ids": ids, "labels": [-100, *ids[1:]]} for ids in IDS.tolist()]
    loader = ft.batches(ft.batching.Encoded(rows), 2)
    before = model.state_dict()["model.layers.0.self_attn.q_proj.base.weight"].clone()
    config = ft.TrainConfig(learning_rate=2e-2, epochs=30, batch_size=2, precision="fp32", warmup_ratio=0.0)
    history = ft.fit(model, loader, config=config, loss_fn=ft.clm_loss)
    assert history.steps[-1]["loss"] < 0.7 * history.steps[0]["loss"]
    assert torch.equal(model.state_dict()["model.layers.0.self_attn.q_proj.base.weight"], before)
    assert all(p.dtype == torch.float32 for p in model.parameters() if p.requires_grad)


def test_the_seed_draws_a_and_nothing_else():
    torch.manual_seed(5)
    a, b, c = (add_lora(llama(), seed=s).state_dict()["model.layers.0.self_attn.q_proj.lora_A"] for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)
    torch.manual_seed(5)
    wanted = torch.rand(1)
    model = llama()
    torch.manual_seed(5)
    add_lora(model)
    assert torch.equal(torch.rand(1), wanted)


def fails(*args, **kwargs):
    raise KeyboardInterrupt


def writes_half(weights, path, metadata):
    Path(path).write_bytes(b"half")
    raise KeyboardInterrupt


@pytest.mark.parametrize("place,stand_in", [("safetensors.torch.save_file", writes_half), ("pathlib.Path.write_text", fails)])
def test_an_interrupted_save_leaves_what_was_there(place, stand_in, tmp_path, monkeypatch):
    old, other = stir(add_lora(llama()), seed=1), stir(add_lora(llama()), seed=2)
    save_adapter(old, tmp_path / "old")
    with monkeypatch.context() as patched:
        patched.setattr(place, stand_in)
        for name in ("old", "new"):
            with pytest.raises(KeyboardInterrupt):
                save_adapter(other, tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["old"], "no folder half written, no scratch"
    assert torch.equal(logits(load_adapter(llama(), tmp_path / "old")), logits(old))
    assert sorted(p.name for p in (tmp_path / "old").iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]


def test_a_second_save_replaces_the_adapter_and_keeps_other_files(tmp_path):
    save_adapter(stir(add_lora(llama()), seed=1), tmp_path)
    (tmp_path / "README.md").write_text("mine")
    new = stir(add_lora(llama(), rank=4), seed=2)
    assert torch.equal(logits(load_adapter(llama(), save_adapter(new, tmp_path))), logits(new))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["README.md", "adapter_config.json", "adapter_model.safetensors"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_an_adapter_is_as_readable_as_any_new_file(umask, tmp_path):
    before = os.umask(umask)
    try:
        folder = save_adapter(add_lora(llama()), tmp_path / "a")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o666 & ~umask}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777 & ~umask


def odd(folder, **changes):
    save_adapter(add_lora(llama()), folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    return folder


def damaged(folder, name, text):
    save_adapter(add_lora(llama()), folder)
    (folder / name).write_text(text)
    return folder


def file(folder):
    (folder / "a file").write_text("")
    return folder / "a file"


WRONG = {
    "rank": (lambda p: add_lora(llama(), rank=0), InputError, "rank is 0"),
    "alpha": (lambda p: add_lora(llama(), alpha=0), InputError, "alpha is 0"),
    "dropout": (lambda p: add_lora(llama(), dropout=1.0), InputError, "dropout 1.0"),
    "one name": (lambda p: add_lora(llama(), "q_proj"), InputError, "list of names"),
    "a file": (lambda p: save_adapter(add_lora(llama()), file(p)), InputError, "is a file"),
    "no JSON": (lambda p: load_adapter(llama(), damaged(p, "adapter_config.json", "{")), ModelError, "damaged adapter"),
    "no targets": (lambda p: load_adapter(llama(), damaged(p, "adapter_config.json", "{}")), ModelError, "damaged.*target"),
    "weights": (lambda p: load_adapter(llama(), damaged(p, "adapter_model.safetensors", "abc")), ModelError, "damaged adapter"),
    "names": (lambda p: add_lora(llama(), targets=("query",)), InputError, "no layer is called query.*q_proj"),
    "head": (lambda p: add_lora(llama(), train_also=("classifier",)), InputError, "no layer is called classifier"),
    "twice": (lambda p: add_lora(add_lora(llama())), InputError, "LoRA already"),
    "merge": (lambda p: merge_lora(llama()), InputError, "no LoRA"),
    "off": (lambda p: lora_off(llama()).__enter__(), InputError, "no LoRA"),
    "save": (lambda p: save_adapter(llama(), p), InputError, "no LoRA"),
    "nothing there": (lambda p: load_adapter(llama(), p / "x"), ModelError, "no adapter"),
    "another kind": (lambda p: load_adapter(llama(), odd(p, use_dora=True)), ModelError, "another kind.*use_dora"),
    "another method": (lambda p: load_adapter(llama(), odd(p, peft_type="IA3")), ModelError, "another kind.*IA3"),
    "another model": (lambda p: load_adapter(bert(), odd(p)), ModelError, "does not fit"),
    "another size": (lambda p: load_adapter(llama(), odd(p, r=4)), ModelError, "does not fit"),
    "fewer layers": (lambda p: load_adapter(llama(), odd(p, target_modules=["q_proj"])), ModelError, "over"),
    "more layers": (lambda p: load_adapter(llama(), odd(p, target_modules=["q_proj", "v_proj", "k_proj"])), ModelError, "lacks"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line(name, tmp_path):
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words) as caught:
        call(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_model_that_was_refused_is_as_it_was(tmp_path):
    folder = save_adapter(add_lora(llama(), rank=4), tmp_path / "a")
    for call in (lambda m: add_lora(m, rank=0), lambda m: add_lora(m, dropout=1.0), lambda m: load_adapter(m, odd(tmp_path / "b", r=4)),
                 lambda m: load_adapter(m, odd(tmp_path / "c", target_modules=["q_proj"]))):
        model = llama()
        with pytest.raises(InputError):
            call(model)
        assert all(p.requires_grad for p in model.parameters()) and not any(isinstance(m, LoRALinear) for m in model.modules())
        load_adapter(model, folder)
