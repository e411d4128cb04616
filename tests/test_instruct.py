"""Prompts in the template, labels on the answer alone, answers equal to our own generation; training makes it answer."""

import pytest
import torch
import torch.nn.functional as F
from transformers import LlamaConfig, LlamaForCausalLM

import ftlab as ft
from ftlab import assets
from ftlab.batching import pad
from ftlab.decoder import train_tokenizer
from ftlab.errors import InputError, TaskError
from ftlab.generation import beam_search, generate
from ftlab.instruct import chat_prompt, chat_rows, encode_chat, shorten, write

TEMPLATE = (
    "{% for m in messages %}{{ '[' + m['role'] + '] ' + m['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant] ' }}{% endif %}"
)
PROMPTS, ANSWERS = ["a film?", "is it good, this film?", "so?"], ["a good film.", "no.", "not a good film at all"]


@pytest.fixture(scope="module")
def tokenizer():
    tokenizer = train_tokenizer((PROMPTS + ANSWERS) * 3, 290)
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def llama(tokenizer, seed=0):
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=48,
        max_position_embeddings=120, initializer_range=0.3, pad_token_id=0, bos_token_id=1, eos_token_id=tokenizer.eos_token_id)).eval()


def test_the_template_is_the_librarys(tokenizer):
    message = [{"role": "user", "content": "a film?"}]
    ids = tokenizer.apply_chat_template(message, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert tokenizer(chat_prompt(tokenizer, "a film?"), add_special_tokens=False)["input_ids"] == ids
    assert chat_prompt(tokenizer, "a film?").endswith("[assistant] ")


def test_labels_are_the_answer_and_its_end(tokenizer):
    encoded = encode_chat(PROMPTS, [f"  {a}\n" for a in ANSWERS], tokenizer)
    for row, prompt, reply in zip(encoded.rows, PROMPTS, ANSWERS):
        n = row["labels"].count(-100)
        assert row["labels"][:n] == [-100] * n and row["labels"][n:] == row["input_ids"][n:]
        assert tokenizer.decode(row["input_ids"][:n]) == chat_prompt(tokenizer, prompt)
        assert tokenizer.decode(row["labels"][n:-1]) == reply and row["labels"][-1] == tokenizer.eos_token_id
    batch = pad(encoded.rows, encoded.pad_id)
    assert (batch["labels"] != -100).sum() == sum(len(r["labels"]) - r["labels"].count(-100) for r in encoded.rows)
    assert chat_rows(tokenizer, PROMPTS[0], ANSWERS[0])[-1] == (tokenizer.eos_token, tokenizer.eos_token_id)


def test_the_end_counts_even_if_padding_is_the_end(tokenizer):
    """Many checkpoints pad with the end token (SmolLM2 does): the true end must keep its label, the padding must not have one."""
    encoded = encode_chat(PROMPTS, ANSWERS, tokenizer)
    batch = pad(encoded.rows, tokenizer.eos_token_id)
    for row, labels, mask in zip(encoded.rows, batch["labels"].tolist(), batch["attention_mask"].tolist()):
        assert labels[len(row["labels"]) - 1] == tokenizer.eos_token_id and set(labels[len(row["labels"]):]) <= {-100}
        assert sum(mask) == len(row["input_ids"])


def test_the_loss_is_that_of_the_answer_by_hand(tokenizer):
    model, encoded = llama(tokenizer), encode_chat(PROMPTS, ANSWERS, tokenizer)
    batch = pad(encoded.rows, encoded.pad_id)
    with torch.no_grad():
        ours = ft.clm_loss(model(**ft.inputs(batch)).logits, batch["labels"])
        nats, n = 0.0, 0
        for row in encoded.rows:
            log_p = F.log_softmax(model(torch.tensor([row["input_ids"]])).logits[0], -1)
            start = row["labels"].count(-100)
            for t in range(start, len(row["input_ids"])):
                nats, n = nats - log_p[t - 1, row["input_ids"][t]].item(), n + 1
        library = model(**ft.inputs(batch), labels=batch["labels"]).loss
    assert ours.item() == pytest.approx(nats / n, abs=1e-4) and library.item() == pytest.approx(ours.item(), abs=1e-5)


def test_answers_are_our_own_generation(tokenizer):
    model = llama(tokenizer)
    greedy = write(model, tokenizer, PROMPTS, max_new_tokens=9, batch_size=2)
    beams = write(model, tokenizer, PROMPTS, max_new_tokens=9, n_beams=3, batch_size=3)
    for prompt, one, several in zip(PROMPTS, greedy, beams):
        ids = torch.tensor([tokenizer(chat_prompt(tokenizer, prompt), add_special_tokens=False)["input_ids"]])
        end = tokenizer.eos_token_id
        ours = generate(model, ids, 9, end_id=end)[0, ids.shape[1]:]
        assert tokenizer.decode(ours, skip_special_tokens=True).strip() == one
        best = beam_search(model, ids, 9, 3, end_id=end)[0].ids
        assert tokenizer.decode(best, skip_special_tokens=True).strip() == several
    assert write(model, tokenizer, PROMPTS[0], max_new_tokens=9) == greedy[:1]


def test_writing_gives_a_frozen_output_matrix_whole_rows(tokenizer):
    """Of a strided slice torch would copy the matrix once a row: 2.6 GiB for 48 prompts to SmolLM2."""
    model, seen = llama(tokenizer).requires_grad_(False), []
    head = model.get_output_embeddings()
    head.register_forward_hook(lambda head, args, out: seen.append((args[0].shape[1], args[0].is_contiguous())))
    write(model, tokenizer, PROMPTS, 3, batch_size=2)
    assert set(seen) == {(1, True)} and not head._forward_pre_hooks


def test_draws_repeat_and_leave_the_generator_alone(tokenizer):
    model = llama(tokenizer).train()
    torch.manual_seed(4)
    wanted = torch.rand(1)
    torch.manual_seed(4)
    draw = lambda seed: write(model, tokenizer, PROMPTS * 3, 8, temperature=1.0, top_p=0.9, seed=seed)  # noqa: E731
    assert draw(1) == draw(1) != draw(2) and model.training
    assert torch.equal(torch.rand(1), wanted)


def test_fit_teaches_it_to_answer_and_to_stop(tokenizer):
    torch.manual_seed(0)
    model = llama(tokenizer)
    encoded = encode_chat(PROMPTS, ANSWERS, tokenizer)
    config = ft.TrainConfig(learning_rate=1e-2, epochs=60, batch_size=3, precision="fp32", keep_best=False)
    ft.fit(model, ft.batches(encoded, 3), config=config, loss_fn=ft.clm_loss)
    assert write(model, tokenizer, PROMPTS, 30) == ANSWERS
    other = llama(tokenizer)
    for row in encoded.rows:
        row["labels"] = [-100] * (len(row["labels"]) - 1) + row["labels"][-1:]  # nothing but the end is asked for
    ft.fit(other, ft.batches(encoded, 3), config=config.but(epochs=3), loss_fn=ft.clm_loss)
    assert write(other, tokenizer, PROMPTS, 30) != ANSWERS


def test_shorten(tokenizer):
    count = lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])  # noqa: E731
    text = "a good film at all, " * 5000
    short = shorten(text, tokenizer, 50)
    assert 40 <= count(short) <= 50 and text.startswith(short) and text[len(short)] in " ,"
    assert shorten("a film", tokenizer, 50) == "a film" and shorten("", tokenizer, 5) == ""
    assert count(shorten("x" * 100_000, tokenizer, 7)) <= 7


def test_the_writing_box(capsys):
    asked = []

    def write(prompt, temperature, top_p, seed):
        asked.append((prompt, temperature, top_p, seed))
        return "A film with a < b."

    ft.widgets.write_box(write, {"negative": "Be harsh.", "positive": "Be kind."}, judge=lambda text: 0.25)
    said = capsys.readouterr().out
    assert asked == [("Be harsh.", 0.7, 0.9, 0)] and "written: A film with a < b." in said and "judged positive: ≈0.25" in said
    ft.widgets.write_box(write, {"negative": "Be harsh."}, shown="An old one.")
    assert len(asked) == 1 and "written: An old one." in capsys.readouterr().out


def in_cache(name):
    known = assets.manifest()[name]
    return all((known.folder / file).is_file() for file in known.files)


@pytest.mark.slow
@pytest.mark.skipif(not in_cache("smollm2-135m"), reason="smollm2-135m is not in the cache")
def test_the_real_model_answers():
    model, tokenizer = ft.load_causal_lm()
    assert "Paris" in write(model, tokenizer, "What is the capital of France?", 30)[0]
    assert [label for _, label in chat_rows(tokenizer, "Hello?", "Yes.")][-3:] == [10539, 30, 2]
    assert tokenizer.pad_token_id == tokenizer.eos_token_id  # the trap that the chapter speaks of


def test_shortening_never_cuts_a_character_or_keeps_too_much(tokenizer):
    for text in ("\U0001F600" * 5, "日本語テキスト", "\U0001F600", "naïve café " * 9, "word " * 20):
        for n in (1, 2, 3, 7):
            short = shorten(text, tokenizer, n)
            assert text.startswith(short) and len(tokenizer(short, add_special_tokens=False)["input_ids"]) <= n


WRONG = {
    "no template": (lambda t: chat_prompt(train_tokenizer(PROMPTS * 3, 280), "a"), InputError, "chat template"),
    "blank prompt": (lambda t: chat_prompt(t, "  "), InputError, "prompt is"),
    "blank answer": (lambda t: encode_chat(PROMPTS, ["", "b", "c"], t), InputError, "an answer is ''"),
    "missing answer": (lambda t: encode_chat(PROMPTS, ["a", None, "c"], t), InputError, "an answer is None"),
    "lengths": (lambda t: encode_chat(PROMPTS, ANSWERS[:2], t), InputError, "3 prompts and 2 answers"),
    "no lists": (lambda t: encode_chat("ab", "cd", t), InputError, "one text"),
    "none": (lambda t: encode_chat([], [], t), TaskError, "no examples"),
    "too long": (lambda t: encode_chat(["a " * 50_000], ["b"], t), InputError, "shorten"),
    "mixed": (lambda t: write(llama(t), t, "a", temperature=1.0, n_beams=2), InputError, "one of the two"),
    "batch": (lambda t: write(llama(t), t, "a", batch_size=0), InputError, "batch_size 0"),
    "top_p": (lambda t: write(llama(t), t, "a", temperature=1.0, top_p=2.0), InputError, "top_p is 2.0"),
    "temperature": (lambda t: write(llama(t), t, "a", temperature=float("nan")), InputError, "temperature is nan"),
    "beams": (lambda t: write(llama(t), t, "a", n_beams=0), InputError, "n_beams 0"),
    "long prompt": (lambda t: write(llama(t), t, "a " * 50_000), InputError, "no more positions"),
    "no text": (lambda t: shorten(None, t, 3), InputError, "text is a NoneType"),
    "shorten": (lambda t: shorten("a", t, 0), InputError, "max_tokens is 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line(tokenizer, name):
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words) as caught:
        call(tokenizer)
    assert "\n" not in str(caught.value)
