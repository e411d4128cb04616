"""Chapter 03, Loading BERT: exercises, quiz and recall questions."""

from __future__ import annotations

import json

import torch

from ftlab.teach.content import Case, Choice, Exercise, Mistake, Question, Recall

# 03.1 ---------------------------------------------------------------------------------------------------------------


def layer_parameters(hidden: int, intermediate: int) -> int:
    attention = 4 * (hidden * hidden + hidden)  # query, key, value, output
    feed_forward = (hidden * intermediate + intermediate) + (intermediate * hidden + hidden)  # up, down
    norms = 2 * (hidden + hidden)  # a scale and a shift each
    return attention + feed_forward + norms


def _no_biases(hidden: int, intermediate: int) -> int:
    return 4 * hidden * hidden + 2 * hidden * intermediate + 2 * 2 * hidden


def _three_projections(hidden: int, intermediate: int) -> int:
    return layer_parameters(hidden, intermediate) - (hidden * hidden + hidden)


def _no_norms(hidden: int, intermediate: int) -> int:
    return layer_parameters(hidden, intermediate) - 4 * hidden


def _one_norm(hidden: int, intermediate: int) -> int:
    return layer_parameters(hidden, intermediate) - 2 * hidden


def _bias_of_inputs(hidden: int, intermediate: int) -> int:
    return 4 * (hidden * hidden + hidden) + 2 * (hidden * intermediate + hidden) + 4 * hidden


def _matrices_only(hidden: int, intermediate: int) -> int:
    return 4 * hidden * hidden + 2 * hidden * intermediate


# 03.2 ---------------------------------------------------------------------------------------------------------------


def join_pair(first: list[int], second: list[int]) -> dict[str, list[int]]:
    input_ids = [101, *first, 102, *second, 102]  # [CLS] first [SEP] second [SEP]
    token_type_ids = [0] * (len(first) + 2) + [1] * (len(second) + 1)
    return {"input_ids": input_ids, "token_type_ids": token_type_ids, "attention_mask": [1] * len(input_ids)}


def _middle_sep_is_second(first: list[int], second: list[int]) -> dict[str, list[int]]:
    return {**join_pair(first, second), "token_type_ids": [0] * (len(first) + 1) + [1] * (len(second) + 2)}


def _no_last_sep(first: list[int], second: list[int]) -> dict[str, list[int]]:
    ids = [101, *first, 102, *second]
    return {"input_ids": ids, "token_type_ids": [0] * (len(first) + 2) + [1] * len(second), "attention_mask": [1] * len(ids)}


def _two_cls(first: list[int], second: list[int]) -> dict[str, list[int]]:
    ids = [101, *first, 102, 101, *second, 102]
    return {"input_ids": ids, "token_type_ids": [0] * (len(first) + 2) + [1] * (len(second) + 2), "attention_mask": [1] * len(ids)}


def _types_all_zero(first: list[int], second: list[int]) -> dict[str, list[int]]:
    pair = join_pair(first, second)
    return {**pair, "token_type_ids": [0] * len(pair["input_ids"])}


def _mask_is_types(first: list[int], second: list[int]) -> dict[str, list[int]]:
    pair = join_pair(first, second)
    return {**pair, "token_type_ids": pair["attention_mask"], "attention_mask": pair["token_type_ids"]}


def _no_middle_sep(first: list[int], second: list[int]) -> dict[str, list[int]]:
    ids = [101, *first, *second, 102]
    return {"input_ids": ids, "token_type_ids": [0] * (len(first) + 1) + [1] * (len(second) + 1), "attention_mask": [1] * len(ids)}


def _no_cls(first: list[int], second: list[int]) -> dict[str, list[int]]:
    ids = [*first, 102, *second, 102]
    return {"input_ids": ids, "token_type_ids": [0] * (len(first) + 1) + [1] * (len(second) + 1), "attention_mask": [1] * len(ids)}


# 03.3 ---------------------------------------------------------------------------------------------------------------


def word_ids(pieces: list[str]) -> list[int | None]:
    found, word = [], -1
    for piece in pieces:
        if piece in ("[CLS]", "[SEP]", "[PAD]"):
            found.append(None)
            continue
        if not piece.startswith("##"):
            word += 1
        found.append(word)
    return found


def _every_piece_a_word(pieces: list[str]) -> list[int | None]:
    found, word = [], -1
    for piece in pieces:
        if piece in ("[CLS]", "[SEP]", "[PAD]"):
            found.append(None)
        else:
            word += 1
            found.append(word)
    return found


def _specials_count(pieces: list[str]) -> list[int | None]:
    found, word = [], -1
    for piece in pieces:
        word += not piece.startswith("##")
        found.append(None if piece in ("[CLS]", "[SEP]", "[PAD]") else word)
    return found


def _from_one(pieces: list[str]) -> list[int | None]:
    return [None if w is None else w + 1 for w in word_ids(pieces)]


def _unknown_is_special(pieces: list[str]) -> list[int | None]:
    found, word = [], -1
    for piece in pieces:
        if piece.startswith("["):
            found.append(None)
            continue
        word += not piece.startswith("##")
        found.append(word)
    return found


def _any_hash_goes_on(pieces: list[str]) -> list[int | None]:
    found, word = [], -1
    for piece in pieces:
        if piece in ("[CLS]", "[SEP]", "[PAD]"):
            found.append(None)
            continue
        word += "#" not in piece
        found.append(word)
    return found


# 03.4 ---------------------------------------------------------------------------------------------------------------


def pooler(last_hidden_state: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    first = last_hidden_state[:, 0]  # (B, H): the vector of [CLS]
    return torch.tanh(first @ weight.T + bias)  # (B, H)


def _pooler_no_tanh(last_hidden_state: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return last_hidden_state[:, 0] @ weight.T + bias


def _pooler_not_transposed(last_hidden_state: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return torch.tanh(last_hidden_state[:, 0] @ weight + bias)


def _pooler_of_mean(last_hidden_state: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return torch.tanh(last_hidden_state.mean(1) @ weight.T + bias)


def _pooler_first_row(last_hidden_state: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return torch.tanh(last_hidden_state[0] @ weight.T + bias)


def _pooler_cases() -> tuple[Case, ...]:
    g = torch.Generator().manual_seed(3)
    by_hand = torch.tensor([[[1.0, 2.0], [9.0, 9.0], [5.0, 0.0]]])  # one sentence, three tokens
    weight, bias = torch.tensor([[0.0, 0.5], [0.0, 0.0]]), torch.tensor([0.0, 0.5])
    made = [(torch.randn(b, t, h, generator=g), torch.randn(h, h, generator=g), torch.randn(h, generator=g)) for b, t, h in ((2, 5, 3), (4, 3, 6))]
    return (
        Case((by_hand, weight, bias), torch.tensor([[0.761594, 0.462117]]), "by hand: tanh(1) and tanh(0.5)"),
        Case(made[0], name="two sentences"),
        Case(made[1], name="four sentences of three tokens"),
    )


# 03.5 ---------------------------------------------------------------------------------------------------------------


def max_pool(last_hidden_state: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    padding = attention_mask.unsqueeze(-1) == 0  # (B, T, 1)
    return last_hidden_state.masked_fill(padding, float("-inf")).max(dim=1).values  # (B, H)


def _max_over_padding(last_hidden_state: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    return last_hidden_state.max(dim=1).values


def _max_zero_padding(last_hidden_state: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    return (last_hidden_state * attention_mask.unsqueeze(-1)).max(dim=1).values


def _max_over_features(last_hidden_state: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    return last_hidden_state.max(dim=2).values


def _mean_instead(last_hidden_state: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    mask = attention_mask.unsqueeze(-1).to(last_hidden_state.dtype)
    return (last_hidden_state * mask).sum(1) / mask.sum(1)


def _positions_instead(last_hidden_state: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    padding = attention_mask.unsqueeze(-1) == 0
    return last_hidden_state.masked_fill(padding, float("-inf")).max(dim=1).indices


def _values_and_indices(last_hidden_state: torch.Tensor, attention_mask: torch.Tensor) -> tuple:
    padding = attention_mask.unsqueeze(-1) == 0
    return last_hidden_state.masked_fill(padding, float("-inf")).max(dim=1)


def _padding_on_the_right(last_hidden_state: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    lengths = attention_mask.sum(1).tolist()
    return torch.stack([row[:n].max(dim=0).values for row, n in zip(last_hidden_state, lengths)])


_HIDDEN = torch.tensor([[[1.0, -3.0], [2.0, -5.0], [9.0, 9.0]], [[-1.0, -2.0], [-4.0, 0.5], [-0.5, -7.0]]])

# 03.6 ---------------------------------------------------------------------------------------------------------------


def read_header(data: bytes) -> dict[str, list[int]]:
    length = int.from_bytes(data[:8], "little")  # bytes of the header that follows
    header = json.loads(data[8 : 8 + length])
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}


def _header_with_metadata(data: bytes) -> dict:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return {name: entry.get("shape", []) for name, entry in header.items()}


def _header_places(data: bytes) -> dict[str, list[int]]:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return {name: entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"}


def _header_kinds(data: bytes) -> dict[str, str]:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return {name: entry["dtype"] for name, entry in header.items() if name != "__metadata__"}


def _header_everything(data: bytes) -> dict:
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


def _header_one_byte(data: bytes) -> dict[str, list[int]]:
    return {name: entry["shape"] for name, entry in json.loads(data[8 : 8 + data[0]]).items() if name != "__metadata__"}


def _header_to_last_brace(data: bytes) -> dict[str, list[int]]:
    return {name: entry["shape"] for name, entry in json.loads(data[8 : data.rfind(b"}") + 1]).items() if name != "__metadata__"}


def _header_one_short(data: bytes) -> dict[str, list[int]]:
    header = json.loads(data[8 : 7 + int.from_bytes(data[:8], "little")])
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}


def _header_big_endian(data: bytes) -> dict[str, list[int]]:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "big")])
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}


def _header_without_first(data: bytes) -> dict[str, list[int]]:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return {name: entry["shape"] for name, entry in list(header.items())[1:]}


def _header_cases() -> tuple[Case, ...]:
    from safetensors.torch import save

    one = save({"weight": torch.zeros(2, 3)})
    two = save({"pooler.dense.bias": torch.ones(4), "pooler.dense.weight": torch.ones(4, 4)}, metadata={"format": "pt"})
    three = save({"a": torch.zeros(1, 2, 3, dtype=torch.int64), "b": torch.zeros(5, dtype=torch.float16)}, metadata={"format": "pt", "made": "here"})
    braces = save({"codes": torch.full((4,), 125, dtype=torch.uint8)})  # 125 is the byte of "}"
    long = save({f"layer.{i}.bias": torch.zeros(i + 1) for i in range(6)}, metadata={"format": "pt"})
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    text = json.dumps({"a": entry, "__metadata__": {"format": "pt"}, "b": {**entry, "shape": [1, 1], "data_offsets": [4, 8]}}).encode()
    by_hand = len(text).to_bytes(8, "little") + text + bytes(8)  # no blanks at the end of the header
    return (
        Case(one, {"weight": [2, 3]}, "one tensor"),
        Case(two, {"pooler.dense.bias": [4], "pooler.dense.weight": [4, 4]}, "two tensors and a note of the writer"),
        Case(three, {"a": [1, 2, 3], "b": [5]}, "other kinds of numbers"),
        Case(long, {f"layer.{i}.bias": [i + 1] for i in range(6)}, "a header of more than 255 bytes"),
        Case(braces, {"codes": [4]}, "numbers whose bytes look like }"),
        Case(by_hand, {"a": [1], "b": [1, 1]}, "__metadata__ in the middle, and no blanks after the header"),
    )


EXERCISES = (
    Exercise(
        id="03.1", title="Parameters of one layer", level=1, signature="my_layer_parameters(hidden, intermediate)",
        solution=layer_parameters,
        cases=(
            Case((2, 3), 49, "H = 2, inner size 3: small enough to count on paper", tolerance=0),
            Case((384, 1536), 1_774_464, "the lite encoder", tolerance=0),
            Case((768, 3072), name="BERT-base", tolerance=0),
        ),
        hints=(
            "A linear layer from n to m numbers has a weight for each of the n × m connections and a bias for each of its m outputs.",
            "Count four linear layers H to H (query, key, value, attention output), one H to inner, one inner to H, and two layer norms.",
            "A layer norm has a scale and a shift for each of H entries: `2 * (hidden + hidden)` for the two of them.",
        ),
        reasoning="Attention has four square linear layers, the feed-forward block one up and one down, and each of the two blocks ends in a "
                  "layer norm. The number of heads does not matter: heads share out the same H columns. Nor does the length T of the text.",
        mistakes=(
            Mistake("no biases", _no_biases, "you counted the weights and left out the biases: each linear layer has one bias for each output"),
            Mistake("three projections", _three_projections, "you counted query, key and value; a fourth linear layer, H to H, mixes the heads' results again (attention.output.dense)"),
            Mistake("no layer norms", _no_norms, "4 · H too few: either the two layer norms (a scale and a shift for each of the H entries, in each of them) or the biases of the four attention layers are missing"),
            Mistake("one layer norm", _one_norm, "2 · H too few: there are two layer norms, one after each block, and each has both a scale and a shift (if yours do, look for missing biases)"),
            Mistake("biases of the inputs", _bias_of_inputs, "a bias belongs to an output: the layer that goes up to the inner size has `intermediate` of them"),
            Mistake("matrices only", _matrices_only, "the six matrices are right; each linear layer has biases too, one for each output, and the two layer norms are missing"),
        )),
    Exercise(
        id="03.2", title="Put a pair together", level=1, signature="my_pair(first, second)",
        solution=join_pair,
        cases=(
            Case(([7], [8, 9]), {"input_ids": [101, 7, 102, 8, 9, 102], "token_type_ids": [0, 0, 0, 1, 1, 1], "attention_mask": [1] * 6}, "one token and two"),
            Case(([2204, 2143, 1012], [2025]), name="three tokens and one"),
            Case(([5, 5], [5, 5]), name="twice the same text"),
        ),
        hints=(
            "Write the row on paper first: which special token stands where?",
            "[CLS] first [SEP] second [SEP]. Everything up to and with the middle [SEP] is of type 0.",
            "Lengths: type 0 takes `len(first) + 2` places, type 1 takes `len(second) + 1`; nothing is padding, so the mask is all ones.",
        ),
        reasoning="[SEP] closes a text, so the middle one belongs to the first text and the last one to the second. The mask says which tokens are "
                  "real, the types say which text they are from: two different questions, two different rows.",
        mistakes=(
            Mistake("middle [SEP] in the second text", _middle_sep_is_second, "the middle [SEP] closes the first text, so its type is 0: type 0 covers `len(first) + 2` places"),
            Mistake("no last [SEP]", _no_last_sep, "the second text is not closed: a [SEP] (102) ends it too"),
            Mistake("no middle [SEP]", _no_middle_sep, "nothing separates the two texts: a [SEP] (102) closes the first one too, and is of type 0"),
            Mistake("no [CLS]", _no_cls, "the row does not begin with [CLS] (101); it counts to the first text, type 0"),
            Mistake("two [CLS]", _two_cls, "only the very first token is [CLS]; the second text begins right after the middle [SEP]"),
            Mistake("types all 0", _types_all_zero, "token_type_ids says which text a token is from: the second text and its [SEP] are of type 1"),
            Mistake("mask and types swapped", _mask_is_types, "you swapped two rows: attention_mask marks real tokens (all of them here), token_type_ids tells the texts apart"),
        )),
    Exercise(
        id="03.3", title="Which word is this piece of?", level=2, signature="my_word_ids(pieces)",
        solution=word_ids,
        cases=(
            Case(["[CLS]", "un", "##put", "##down", "##able", "film", "[SEP]", "[PAD]"], [None, 0, 0, 0, 0, 1, None, None], "a split word, a whole word, padding"),
            Case(["over", "##long", "but", "clever"], [0, 0, 1, 2], "no special tokens"),
            Case(["[CLS]", "a", "[UNK]", "film", "over", "##long", "[SEP]"], [None, 0, 1, 2, 3, 3, None], "an unknown word"),
            Case(["[CLS]", "a", "#", "film", ".", "[SEP]"], [None, 0, 1, 2, 3, None], "a # of the text, and a full stop"),
        ),
        hints=(
            "Walk through the pieces and keep a count of the words begun so far.",
            "A piece that starts with ## goes on with the word before it; any other piece begins a new word.",
            "[CLS], [SEP] and [PAD] get None and begin no word. [UNK] stands for a real word, so it counts.",
        ),
        reasoning="The marks ## are enough to find the words again. Chapter 06 uses this list to give a label of a word to its pieces. "
                  "For a single text it is the library's own `tokenizer(text).word_ids()`; for a pair the library begins at 0 again with the second text.",
        mistakes=(
            Mistake("every piece a word", _every_piece_a_word, "you began a new word at each piece: one that starts with ## goes on with the word before it"),
            Mistake("special tokens counted", _specials_count, "special tokens begin no word: skip them before you count, so that the first real word is 0"),
            Mistake("counts from 1", _from_one, "the first word is number 0, as everywhere in Python"),
            Mistake("[UNK] taken for a special token", _unknown_is_special, "[UNK] stands in the place of a real word: it is counted. Only [CLS], [SEP] and [PAD] are None"),
            Mistake("any # goes on", _any_hash_goes_on, "a lone # is a piece like any other: only a piece that begins with two of them goes on with the word before"),
        )),
    Exercise(
        id="03.4", title="The pooler by hand", level=2, signature="my_pooler(last_hidden_state, weight, bias)",
        solution=pooler, cases=_pooler_cases, differentiable=True,
        hints=(
            "The pooler reads one token only. Which?",
            "Take the first token of each sentence, (B, H); apply the linear layer; then squash each entry into -1 to 1.",
            "A linear layer stores its weight as (out, in), so it is `x @ weight.T + bias`; the squashing is `torch.tanh`.",
        ),
        reasoning="pooler_output is tanh(W h + b) with h the last hidden state of [CLS]. That is all there is to it: every other token can only speak "
                  "through what [CLS] has gathered by attention.",
        mistakes=(
            Mistake("no tanh", _pooler_no_tanh, "the linear layer is right; the pooler ends with a tanh, which keeps every entry between -1 and 1"),
            Mistake("weight not transposed", _pooler_not_transposed, "torch stores a linear layer's weight as (out, in): multiply by its transpose"),
            Mistake("mean of the tokens", _pooler_of_mean, "you averaged the tokens: the pooler reads only the first one, [CLS]"),
            Mistake("first sentence", _pooler_first_row, "`[0]` is the first sentence with all its tokens; `[:, 0]` is the first token of every sentence"),
        )),
    Exercise(
        id="03.5", title="Max pooling without the padding", level=2, signature="my_max_pool(last_hidden_state, attention_mask)",
        solution=max_pool, differentiable=True,
        cases=(
            Case((_HIDDEN, torch.tensor([[1, 1, 0], [1, 1, 1]])), torch.tensor([[2.0, -3.0], [-0.5, 0.5]]), "one row with padding, worked out by hand"),
            Case((_HIDDEN[:, :2], torch.tensor([[1, 0], [1, 0]])), torch.tensor([[1.0, -3.0], [-1.0, -2.0]]), "a single real token"),
            Case((torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(5)) - 2, torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]])), name="three rows"),
            Case((_HIDDEN.flip(1), torch.tensor([[0, 1, 1], [1, 1, 1]])), torch.tensor([[2.0, -3.0], [-0.5, 0.5]]), "padding on the left"),
        ),
        hints=(
            "For each of the H entries: the largest value among the real tokens.",
            "Padding must never win. What number can never be a maximum?",
            "`last_hidden_state.masked_fill(padding, float('-inf'))`, then `.max(dim=1).values`.",
        ),
        reasoning="A mean can be masked with zeros, since a zero adds nothing to a sum. A maximum cannot: zero is larger than every negative number. "
                  "Minus infinity is to a maximum what zero is to a sum, and the attention inside BERT masks its scores for the same reason with a very negative number.",
        mistakes=(
            Mistake("over padding", _max_over_padding, "padding took part: set its vectors to something that can never be the maximum"),
            Mistake("zeros for padding", _max_zero_padding, "multiplying by the mask makes padding 0, and 0 beats every negative number: use minus infinity there"),
            Mistake("over features", _max_over_features, "you took the maximum over the H entries of a token: it goes over the tokens, dim=1"),
            Mistake("mean", _mean_instead, "this is mean pooling: for each entry, take the largest value among the real tokens"),
            Mistake("positions", _positions_instead, "these are the places of the maxima: `.max(dim=1)` gives values and indices, take `.values`"),
            Mistake("values and indices", _values_and_indices, "you are nearly there: `.max(dim=1)` returns two things, values and indices; return its `.values`"),
            Mistake("padding on the right", _padding_on_the_right, "you took the first tokens, as many as are real: padding may stand on the left too, so go by where the mask is 1"),
        )),
    Exercise(
        id="03.6", title="Read a safetensors header", level=3, signature="my_header(data)",
        solution=read_header, cases=_header_cases,
        hints=(
            "Print the first 100 bytes of a file: what do you see after the first eight?",
            "The first 8 bytes are a whole number, little-endian: the length of the JSON text that follows.",
            "`json.loads(data[8 : 8 + length])` gives name -> {dtype, shape, data_offsets}; leave `__metadata__` out.",
        ),
        reasoning="A safetensors file is a length, a JSON text and raw numbers. Reading it runs no code of the file's author, so a file from a stranger "
                  "can at worst be wrong, never act. And the header alone tells what a model is, without loading it.",
        mistakes=(
            Mistake("metadata kept", _header_with_metadata, "`__metadata__` is a note of the writer, not a tensor: leave it out"),
            Mistake("offsets", _header_places, "data_offsets says where a tensor's bytes are; its size along each axis is under `shape`"),
            Mistake("dtypes", _header_kinds, "this is the kind of number of each tensor; the sizes are under `shape`"),
            Mistake("one byte of the length", _header_one_byte, "the length is a number of all 8 bytes, not of the first alone, which holds at most 255"),
            Mistake("up to the last }", _header_to_last_brace, "a byte of the numbers can look like } too: go by the length in the first 8 bytes"),
            Mistake("one byte short", _header_one_short, "the last byte of the header is cut off: it begins at byte 8 and has `length` bytes, so it ends before byte 8 + length"),
            Mistake("big-endian", _header_big_endian, "the length is little-endian: its first byte counts ones; read the other way it is far too large, and the numbers are taken for text"),
            Mistake("first entry dropped", _header_without_first, "you dropped the first entry: `__metadata__` may stand anywhere, or be absent: go by the name"),
            Mistake("whole entries", _header_everything, "you returned the header as it stands: keep the `shape` of each tensor only, and leave `__metadata__` out"),
        )),
)

QUIZ = (
    Question("Two sentences of 7 and 12 tokens (special tokens included) go into the lite encoder as one padded batch. What is the shape of last_hidden_state?", (
        Choice("(2, 384)", "That is pooler_output, one vector a sentence. last_hidden_state has one a token."),
        Choice("(2, 12, 384)", "B sentences, T of the longest, H numbers a token; the five padding places have vectors too.", right=True),
        Choice("(19, 384)", "A batch is a rectangle; the shorter sentence is padded to 12."),
        Choice("(2, 12, 30522)", "Scores for words (V) need a masked-language-model head, which this checkpoint does not have."))),
    Question("You write `encoder(*tokenizer(texts, padding=True, return_tensors=\"pt\").values())`. What happens?", (
        Choice("It stops with an error about shapes.", "Both tensors are int64 of shape (B, T), so nothing can complain. That is the trap."),
        Choice("It works: the library sorts the arguments out.", "Positional arguments have no names to sort by."),
        Choice("It runs, with token_type_ids in the place of attention_mask, and gives wrong vectors.", "The tokenizer's second key is token_type_ids, the model's second argument is attention_mask. Pass by name: `encoder(**batch)`.", right=True))),
    Question("Greedy WordPiece splits `uninspired` into un ##ins ##pired. Why not un ##inspired?", (
        Choice("##inspired is not in the vocabulary (inspired, as the start of a word, is).", "Only pieces with ## can go on with a word, and the longest one in the vocabulary is ##ins.", right=True),
        Choice("The tokenizer knows that `pired` is a stem.", "It knows no grammar. It takes the longest piece in its list, left to right."),
        Choice("Pieces have at most five letters.", "`filmmaking` is one piece of ten letters."))),
    Question("What shows best that the pooler of this checkpoint is as it was drawn, untrained?", (
        Choice("Its outputs lie between -1 and 1.", "A tanh does that to every pooler, trained or not."),
        Choice("A classifier on it does worse than one on mean pooling.", "That shows it is of little use here, but a trained pooler could be, too."),
        Choice("It has fewer parameters than a layer.", "Size says nothing about training."),
        Choice("Its 384 biases are exactly 0 and its weights are spread like random numbers.", "Training moves every bias off exactly 0 and gives the weights a structure, as in all other matrices of the file.", right=True))),
    Question("Why does the package read an encoder's weights from safetensors only?", (
        Choice("Pickle files cannot hold tensors larger than 2 GiB.", "They can. Size is not the reason."),
        Choice("Opening a pickle can run code that its author put there; a safetensors file is a header and numbers.", "A pickle is a small program. A checkpoint from a stranger should not be one.", right=True),
        Choice("safetensors checks that the weights are good.", "It checks that sizes and places fit together. Whether it is the file you mean is for the SHA-256 to say."))),
)

RECALL = (
    Recall("01", "Which positions count in the masked-language-model loss, and how are the others marked?", "Only the positions chosen for prediction; all others have the label -100 and are left out of the mean."),
    Recall("01", "Why did the chapter put a new head on the encoder before it could guess masked words?", "The lite checkpoint is an encoder alone: it gives a vector for each token, and no scores for words."),
    Recall("02", "What may a position see in a causal model, and what in BERT?", "In a causal model itself and what is to its left; in BERT every real token on both sides. Only padding is hidden."),
)
