"""Exercises, quiz and recall questions of chapter 10: tuning fewer parameters."""

from __future__ import annotations

import copy

import torch
from torch import nn

from .content import Case, Choice, Exercise, Mistake, Question, Recall

# 10.1 ---------------------------------------------------------------------------------------------------------------


def lora_numbers() -> int:
    layers, matrices, rank, hidden, classes = 6, 2, 4, 384, 2
    return layers * matrices * (rank * hidden + hidden * rank) + classes * hidden + classes


# 10.2 ---------------------------------------------------------------------------------------------------------------


def bitfit(names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".bias") or name.startswith("classifier.")]


def _no_norms(names: list[str]) -> list[str]:
    return [name for name in bitfit(names) if "LayerNorm" not in name]


def _no_head(names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".bias")]


def _norm_weights_too(names: list[str]) -> list[str]:
    return [name for name in names if name in bitfit(names) or "LayerNorm" in name]


def _bias_anywhere(names: list[str]) -> list[str]:
    return [name for name in names if "bias" in name or name.startswith("classifier.")]


def _the_rest(names: list[str]) -> list[str]:
    return [name for name in names if name not in bitfit(names)]


NAMES = [
    "bert.embeddings.word_embeddings.weight", "bert.embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.bias",
    "bert.encoder.layer.0.attention.self.query.weight", "bert.encoder.layer.0.attention.self.query.bias",
    "bert.encoder.layer.0.attention.output.LayerNorm.weight", "bert.encoder.layer.0.attention.output.LayerNorm.bias",
    "bert.encoder.layer.0.output.dense.weight", "bert.encoder.layer.0.output.dense.bias", "classifier.weight", "classifier.bias",
]
ODD = ["bert.relative_attention_bias.weight", "bert.encoder.layer.3.intermediate.dense.bias", "bert.encoder.layer.3.intermediate.dense.weight",
       "bert.encoder.layer.3.output.LayerNorm.bias", "classifier.weight"]

# 10.3 ---------------------------------------------------------------------------------------------------------------


def merge(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    rank = A.shape[0]
    return W + alpha / rank * (B @ A)  # (out, rank) (rank, in) -> (out, in)


def _no_scale(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return W + B @ A


def _alpha_alone(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return W + alpha * (B @ A)


def _by_width(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return W + alpha / A.shape[1] * (B @ A)


def _root(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return W + alpha / A.shape[0] ** 0.5 * (B @ A)


def _transposed(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return W + alpha / A.shape[0] * (B @ A).T


def _instead(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return alpha / A.shape[0] * (B @ A)


def _scale_upside_down(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return W + A.shape[0] / alpha * (B @ A)


def _all_scaled(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return alpha / A.shape[0] * (W + B @ A)


def _taken_away(W: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    return W - alpha / A.shape[0] * (B @ A)


def _merge_cases() -> tuple[Case, ...]:
    g = torch.Generator().manual_seed(0)

    def some(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=g)

    one = (torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0], [0.5]]), 2.0)
    return (
        Case(one, torch.tensor([[1.0, 0.0], [1.0, 3.0]]), "2 x 2, rank 1, by hand"),  # 2/1 · [0, 0.5]^T [1, 2]
        Case((some(5, 5), some(2, 5), some(5, 2), 16.0), name="square, rank 2"),
        Case((some(3, 6), some(4, 6), some(3, 4), 1.0), name="3 out, 6 in, rank 4, alpha 1"),
    )


# 10.4 ---------------------------------------------------------------------------------------------------------------


def layer_rates(names: list[str], learning_rate: float, decay: float, n_layers: int) -> dict[str, float]:
    rates = {}
    for name in names:
        parts = name.split(".")
        if "embeddings" in parts:
            above = n_layers  # all layers lie above the embeddings
        elif "layer" in parts:
            above = n_layers - 1 - int(parts[parts.index("layer") + 1])
        else:
            above = 0  # the head, and whatever else sits on top
        rates[name] = learning_rate * decay**above
    return rates


def _upside_down(names: list[str], learning_rate: float, decay: float, n_layers: int) -> dict[str, float]:
    wanted = layer_rates(names, 1.0, decay, n_layers)
    return {n: learning_rate * decay**n_layers / v if n.startswith("bert.") and "pooler" not in n else learning_rate for n, v in wanted.items()}


def _by_the_number(names: list[str], learning_rate: float, decay: float, n_layers: int) -> dict[str, float]:
    rates = layer_rates(names, learning_rate, decay, n_layers)
    return {n: learning_rate * decay ** int(n.split(".layer.")[1].split(".")[0]) if ".layer." in n else v for n, v in rates.items()}


def _counted_from_1(names: list[str], learning_rate: float, decay: float, n_layers: int) -> dict[str, float]:
    return {n: v * decay if ".layer." in n else v for n, v in layer_rates(names, learning_rate, decay, n_layers).items()}


def _top_already_slower(names: list[str], learning_rate: float, decay: float, n_layers: int) -> dict[str, float]:
    return {n: v * (decay if n.startswith("bert.") and "pooler" not in n else 1) for n, v in layer_rates(names, learning_rate, decay, n_layers).items()}


def _embeddings_like_the_head(names: list[str], learning_rate: float, decay: float, n_layers: int) -> dict[str, float]:
    return {n: learning_rate if "embeddings" in n else v for n, v in layer_rates(names, learning_rate, decay, n_layers).items()}


def _embeddings_like_the_first(names: list[str], learning_rate: float, decay: float, n_layers: int) -> dict[str, float]:
    return {n: learning_rate * decay ** (n_layers - 1) if "embeddings" in n else v
            for n, v in layer_rates(names, learning_rate, decay, n_layers).items()}


def _one_digit(names: list[str], learning_rate: float, decay: float, n_layers: int) -> dict[str, float]:
    rates = layer_rates(names, learning_rate, decay, n_layers)
    for name in names:
        if ".layer." in name:
            rates[name] = learning_rate * decay ** (n_layers - 1 - int(name.split(".layer.")[1][0]))
    return rates


def _in_a_line(names: list[str], learning_rate: float, decay: float, n_layers: int) -> dict[str, float]:
    shares = layer_rates(names, 1.0, 2.0, n_layers)
    return {n: learning_rate * (1 - (1 - decay) * (int(s).bit_length() - 1)) for n, s in shares.items()}


SIX = ["bert.embeddings.word_embeddings.weight", "bert.encoder.layer.0.output.dense.weight", "bert.encoder.layer.4.output.dense.bias",
       "bert.encoder.layer.5.attention.self.key.weight", "classifier.weight"]
TWELVE = ["bert.embeddings.LayerNorm.bias", "bert.encoder.layer.1.output.dense.weight", "bert.encoder.layer.10.output.dense.weight",
          "bert.encoder.layer.11.output.dense.weight", "bert.pooler.dense.weight", "classifier.bias"]

# 10.5 ---------------------------------------------------------------------------------------------------------------


def training_bytes(sizes: list[int], trains: list[bool]) -> int:
    trainable = sum(size for size, train in zip(sizes, trains) if train)
    weights, gradients, moments = 4 * sum(sizes), 4 * trainable, 2 * 4 * trainable
    return weights + gradients + moments


def _everything(sizes: list[int], trains: list[bool]) -> int:
    return 16 * sum(sizes)


def _moments_of_all(sizes: list[int], trains: list[bool]) -> int:
    return 4 * sum(sizes) + 4 * sum(s for s, t in zip(sizes, trains) if t) + 8 * sum(sizes)


def _one_moment(sizes: list[int], trains: list[bool]) -> int:
    return 4 * sum(sizes) + 8 * sum(s for s, t in zip(sizes, trains) if t)


def _weight_twice(sizes: list[int], trains: list[bool]) -> int:
    return 4 * sum(sizes) + 16 * sum(s for s, t in zip(sizes, trains) if t)


def _gradients_of_all(sizes: list[int], trains: list[bool]) -> int:
    return 8 * sum(sizes) + 8 * sum(s for s, t in zip(sizes, trains) if t)


def _no_weights(sizes: list[int], trains: list[bool]) -> int:
    return 12 * sum(s for s, t in zip(sizes, trains) if t)


def _no_moments(sizes: list[int], trains: list[bool]) -> int:
    return 4 * sum(sizes) + 4 * sum(s for s, t in zip(sizes, trains) if t)


def _no_frozen_weights(sizes: list[int], trains: list[bool]) -> int:
    return 16 * sum(s for s, t in zip(sizes, trains) if t)


def _counted_not_weighed(sizes: list[int], trains: list[bool]) -> int:
    return training_bytes(sizes, trains) // 4


# 10.6 ---------------------------------------------------------------------------------------------------------------


def features(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    was_training = encoder.training
    encoder.eval()  # no dropout, and batch norms (if any) keep their own averages
    with torch.no_grad():
        vectors = encoder(x)
    encoder.train(was_training)
    return vectors


def _as_it_is(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return encoder(x)


def _left_in_evaluation(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return encoder.eval()(x)


def _always_training_after(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    vectors = _left_in_evaluation(encoder, x)
    encoder.train()
    return vectors


def _with_graph(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    was_training = encoder.training
    vectors = encoder.eval()(x)
    encoder.train(was_training)
    return vectors


def _frozen_for_good(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    encoder.requires_grad_(False)
    was_training = encoder.training
    vectors = encoder.eval()(x)
    encoder.train(was_training)
    return vectors


def _plain_call(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return encoder(x)


def _frozen_only(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return encoder.requires_grad_(False)(x)


def _inference_mode(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    was_training = encoder.training
    with torch.inference_mode():
        vectors = encoder.eval()(x)
    encoder.train(was_training)
    return vectors


def _encoder(kind: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        last = {"dropout": nn.Dropout(0.5), "batch norm": nn.BatchNorm1d(3), "plain": nn.Tanh(), "not training": nn.Dropout(0.5)}[kind]
        return nn.Sequential(nn.Linear(4, 3), last).train(kind != "not training")


def _ask(answer, kind: str, x: torch.Tensor) -> dict:
    """What an answer gives for a small encoder, and what it leaves behind."""
    encoder = _encoder(kind)
    before = copy.deepcopy(encoder.state_dict())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        vectors = answer(encoder, x)
    return {
        "vectors": vectors.detach() if isinstance(vectors, torch.Tensor) else vectors,
        "in training mode afterwards": encoder.training,
        "vectors hold a graph": bool(getattr(vectors, "requires_grad", False)),
        "a head can learn from them": not (isinstance(vectors, torch.Tensor) and vectors.is_inference()),
        "weights still trainable": all(p.requires_grad for p in encoder.parameters()),
        "state unchanged": all(torch.equal(before[n], v) for n, v in encoder.state_dict().items()),
    }


def _feature_cases() -> tuple[Case, ...]:
    x = torch.tensor([[1.0, -1.0, 0.5, 2.0], [0.0, 1.0, 1.0, -1.0], [2.0, 0.5, -0.5, 0.0]])
    clean = {"vectors hold a graph": False, "a head can learn from them": True, "weights still trainable": True, "state unchanged": True}
    with torch.no_grad():
        by_hand = _encoder("dropout")[0](x)  # without its dropout, the linear layer alone
    return (
        Case(("dropout", x), {"vectors": by_hand, "in training mode afterwards": True, **clean}, "an encoder with dropout, in training mode"),
        Case(("batch norm", x), name="an encoder with a batch norm, in training mode"),
        Case(("not training", x), name="an encoder that is in evaluation mode already"),
        Case(("plain", x), name="neither dropout nor batch norm"),
    )


EXERCISES = (
    Exercise(
        id="10.1", title="Count LoRA's numbers", level=1, signature="a number", asks="value", solution=lora_numbers,
        cases=(Case(wanted=37_634, tolerance=0),),
        hints=(
            "What sizes have A and B for one matrix of 384 x 384?",
            "A is (4, 384), B is (384, 4). There are two matrices in each of six layers, and then the head.",
            "`6 * 2 * (4 * 384 + 384 * 4) + 384 * 2 + 2`",
        ),
        reasoning="Each corrected matrix adds rank · (in + out) numbers, whatever its own size. With rank 4 that is 36,864 in twelve matrices; the head has 770.",
        mistakes=(
            Mistake("no head", 36_864, "that is LoRA alone: the new head trains too, or the model cannot answer"),
            Mistake("one factor", 19_202, "you counted one of the two thin matrices: A (4, 384) and B (384, 4) both train"),
            Mistake("one matrix a layer", 19_202 - 770, "you counted half of LoRA and no head: two matrices a layer, and the head"),
            Mistake("the matrices themselves", 6 * 2 * 384 * 384 + 770, "that is full tuning of the twelve matrices: W stays frozen, only A and B train"),
            Mistake("one layer", 2 * 2 * 4 * 384 + 770, "that is one layer: there are six"),
            Mistake("twice as many", 74_498, "that is rank 8, or four matrices a layer: rank 4, query and value"),
            Mistake("the head's bias", 37_632, "nearly: the head has two biases as well"),
        )),
    Exercise(
        id="10.2", title="Choose for BitFit", level=1, signature="my_bitfit(names)", solution=bitfit,
        cases=(
            Case((NAMES,), [NAMES[i] for i in (2, 4, 6, 8, 9, 10)], "a layer, the embeddings and the head"),
            Case((ODD,), [ODD[i] for i in (1, 3, 4)], "a table of position biases, which is a weight"),
            Case((["classifier.weight", "bert.pooler.dense.bias", "bert.pooler.dense.weight"],), name="with a pooler"),
        ),
        hints=(
            "Which last part of a name says that it is a bias? And what is new, and must train whatever the method?",
            "Keep names that end in `.bias`, wherever they are, and all of `classifier`.",
            "`[n for n in names if n.endswith('.bias') or n.startswith('classifier.')]`",
        ),
        reasoning="Every vector that is added somewhere trains: of linear layers and of layer norms. So does the whole head, which knows nothing yet. "
                  "The norms' weights multiply, so they are not biases.",
        mistakes=(
            Mistake("no layer norms", _no_norms, "you left the layer norms out: what they add at the end is a bias like any other"),
            Mistake("no head", _no_head, "the head's weight is missing: it is new, so it trains whatever the method"),
            Mistake("norm weights too", _norm_weights_too, "the weights of the layer norms multiply: they are no biases, and stay frozen"),
            Mistake("bias anywhere in the name", _bias_anywhere, "you looked for \"bias\" anywhere in the name: one of these is a weight; ask for the last part"),
            Mistake("the others", _the_rest, "these are the ones to freeze: give those that train"),
        )),
    Exercise(
        id="10.3", title="Merge LoRA", level=2, signature="my_merge(W, A, B, alpha)", solution=merge, cases=_merge_cases,
        hints=(
            "What does the layer with LoRA compute for an input x? Write it as one matrix times x.",
            "W x + s B (A x) = (W + s B A) x. What is s, and where do you find the rank?",
            "`W + alpha / A.shape[0] * (B @ A)`, a new tensor",
        ),
        reasoning="Matrix products can be grouped as one likes, so the two paths are one matrix. The scale alpha / rank belongs to the correction and must be merged with it.",
        mistakes=(
            Mistake("no scale", _no_scale, "the scale is missing: training used alpha / rank times B A, so merge that much"),
            Mistake("alpha alone", _alpha_alone, "you multiplied by alpha, not by alpha / rank: the rank is the number of rows of A"),
            Mistake("by the width", _by_width, "you divided alpha by the width of the input: the rank is A.shape[0]"),
            Mistake("root of the rank", _root, "you divided by the root of the rank: that is another method (rsLoRA); here it is alpha / rank"),
            Mistake("scale upside down", _scale_upside_down, "the scale is alpha / rank, not rank / alpha"),
            Mistake("all of it scaled", _all_scaled, "you scaled W as well: the scale belongs to the correction B A alone"),
            Mistake("transposed", _transposed, "the correction lies the wrong way round: W is (out, in), and so is B A"),
            Mistake("instead of W", _instead, "that is the correction alone: the pretrained matrix must stay in it"),
            Mistake("taken away", _taken_away, "you took the correction away: that is how to unmerge"),
        )),
    Exercise(
        id="10.4", title="A rate for each layer", level=2, signature="my_rates(names, learning_rate, decay, n_layers)", solution=layer_rates,
        cases=(
            Case((SIX, 1.0, 0.5, 6), dict(zip(SIX, (1 / 64, 1 / 32, 1 / 2, 1.0, 1.0))), "six layers, decay 0.5"),
            Case((TWELVE, 2e-5, 0.9, 12), name="twelve layers, and a pooler", tolerance=1e-9),
            Case((SIX, 3e-4, 1.0, 6), dict.fromkeys(SIX, 3e-4), "decay 1: no difference", 1e-9),
        ),
        hints=(
            "How many encoder layers lie above a parameter? That many times its rate is multiplied by the decay.",
            "Above layer i of n lie n - 1 - i layers; above the embeddings all n; above head and pooler none.",
            "`parts = name.split('.')`, then `int(parts[parts.index('layer') + 1])` is the layer's number.",
        ),
        reasoning="The rate falls by the same factor from layer to layer, like interest. Numbers of two digits must be read whole: layer 10 is not layer 1.",
        mistakes=(
            Mistake("by its number", _by_the_number, "decay to the power of the layer's number makes the bottom fastest: count the layers above it, n - 1 - i"),
            Mistake("counted from 1", _counted_from_1, "layers count from 0: above layer i of n lie n - 1 - i"),
            Mistake("upside down", _upside_down, "the bottom moves fastest in yours: lower layers hold what all tasks share, so they get the smaller rates"),
            Mistake("top already slower", _top_already_slower, "you are one factor too low everywhere in the encoder: no layer lies above the top one, so it gets the whole rate"),
            Mistake("embeddings like the head", _embeddings_like_the_head, "the embeddings got the full rate: they lie below all layers, so they get the smallest"),
            Mistake("embeddings like the first layer", _embeddings_like_the_first, "the embeddings have one layer more above them than layer 0 has"),
            Mistake("one digit", _one_digit, "you read one digit of the layer's number: layer 10 is taken for layer 1"),
            Mistake("in a line", _in_a_line, "you took away the same amount for each layer: multiply by the decay instead, once for each layer above"),
        )),
    Exercise(
        id="10.5", title="Bytes while training", level=2, signature="my_bytes(sizes, trains)", solution=training_bytes,
        cases=(
            Case(([10, 100], [True, False]), 4 * 110 + 4 * 10 + 8 * 10, "a head of 10 on a frozen 100"),
            Case(([5, 7], [True, True]), 16 * 12, "everything trains"),
            Case(([22_565_376, 73_728, 770], [False, True, True]), name="LoRA of rank 8"),
            Case(([9], [False]), 36, "nothing trains"),
        ),
        hints=(
            "Which three kinds of numbers does AdamW keep beside the weights, and for which weights?",
            "A gradient and two moments for each number that trains, 4 bytes each. All weights are there, trained or not.",
            "`4 * sum(sizes) + 12 * sum(s for s, t in zip(sizes, trains) if t)`",
        ),
        reasoning="A frozen weight costs its own 4 bytes. One that trains costs 16: weight, gradient and two moments. What is kept of the forward pass comes on top.",
        mistakes=(
            Mistake("all of them", _everything, "you counted 16 bytes for every weight: a frozen one has no gradient and no moments"),
            Mistake("the optimiser holds the frozen", _moments_of_all, "your optimiser holds moments of frozen weights: freeze first, and hand it only what trains"),
            Mistake("gradient or moment forgotten", _one_moment, "4 bytes a trained weight are missing: it has a gradient and *two* moments"),
            Mistake("weight twice", _weight_twice, "you counted a trained weight itself twice: 4 bytes for it, and 12 for gradient and moments"),
            Mistake("gradients of all", _gradients_of_all, "you counted gradients of frozen weights: they have none"),
            Mistake("no weights", _no_weights, "the weights themselves are missing: 4 bytes each, trained or not"),
            Mistake("no moments", _no_moments, "AdamW's two moments are missing: 8 bytes for each trained weight"),
            Mistake("no frozen weights", _no_frozen_weights, "the frozen weights are missing: they do not train, but they must be there for the forward pass"),
            Mistake("numbers, not bytes", _counted_not_weighed, "that is how many numbers: each takes 4 bytes in float32"),
        )),
    Exercise(
        id="10.6", title="Frozen features", level=3, signature="my_features(encoder, x)", solution=features, cases=_feature_cases, call=_ask,
        hints=(
            "Call yours twice on the same x: are the vectors the same? What mode is the encoder in, before and after?",
            "Evaluation mode for the call, no gradient, and then the mode in which you found it.",
            "`was = encoder.training`, `encoder.eval()`, `with torch.no_grad(): …`, `encoder.train(was)`",
        ),
        reasoning="Frozen weights do not switch dropout off, and a batch norm in training mode even changes its averages: the mode is a matter of its own. "
                  "A borrowed model is given back as it was found.",
        mistakes=(
            Mistake("plain call", _plain_call, "dropout (or a batch norm) acted, and the vectors hang on a graph: evaluation mode, and torch.no_grad()"),
            Mistake("frozen only", _frozen_only, "freezing does not switch dropout off: encoder.eval() does; and the weights stay frozen after yours"),
            Mistake("inference mode", _inference_mode, "no head can be trained on vectors from inference mode: use torch.no_grad()"),
            Mistake("training mode", _as_it_is, "the encoder was in training mode during the call: dropout (or a batch norm) acted on vectors that should be fixed"),
            Mistake("left in evaluation mode", _left_in_evaluation, "the vectors are right, but the encoder is left in evaluation mode: put back the mode it was in"),
            Mistake("always training afterwards", _always_training_after, "you switch training mode on afterwards even where it was off: remember the mode, then restore it"),
            Mistake("graph kept", _with_graph, "the vectors still hang on their graph, which keeps the encoder's activations in memory: use torch.no_grad()"),
            Mistake("frozen for good", _frozen_for_good, "you froze the encoder's weights for good: torch.no_grad() around the call is enough"),
        )),
)

QUIZ = (
    Question("LoRA's B starts at zero. What would a random B do?", (
        Choice("nothing: it is trained anyway", "It is, but from where? The first logits are those of a disturbed encoder."),
        Choice("change the model before it has seen an example", "B A is then a random matrix, added to what was pretrained.", right=True),
        Choice("double the trainable numbers", "Their count has nothing to do with their values."))),
    Question("LoRA trains 0.3% of the numbers. Why is its step not 300 times cheaper?", (
        Choice("because the gradient must still travel through all layers to reach the lowest correction",
               "What is saved is the frozen matrices' own gradients, a third of the work at most, and the optimiser's part.", right=True),
        Choice("because A and B must be kept in full precision, while the frozen matrices could be rounded", "They are tiny, whatever their precision."),
        Choice("because the corrections must be merged into the large matrices before each step", "Merging is one small product for each matrix, once, after training."))),
    Question("Two methods are compared at one common learning rate, 2e-4. What is wrong with that?", (
        Choice("nothing: with the rate equal for both, any difference must come from the method itself", "The rate that is good for all weights is far too small for a head or for biases alone."),
        Choice("the rate should be the smallest that works for both", "Each would still be judged at a rate that may not be its own."),
        Choice("2e-4 is the usual rate of full fine-tuning of this encoder, so that method is favoured",
               "Give each the same number of tries, and choose on validation.", right=True))),
    Question("One run a rate chose 3e-3 for the last layer on the hard task; five seeds at that rate then gave 0.50 to 0.65. What went wrong?", (
        Choice("the test split is harder than validation", "At 1e-3 the same seeds, judged on the same split, gave 0.61 to 0.65."),
        Choice("one lucky search run chose a rate next to a cliff", "Three runs a rate chose 1e-3, and nine of ten seeds learned.", right=True),
        Choice("five seeds are too few to see what the rate can do", "More seeds measure the failures better; they do not prevent them."))),
    Question("You serve fifty tasks from one encoder. What does LoRA spare you, compared with fifty fine-tuned models?", (
        Choice("disk and memory: one encoder and fifty small files", "That, more than training time, is what it is for.", right=True),
        Choice("the fifty heads", "Each task still has its own."),
        Choice("the forward pass of the encoder, which the tasks then share",
               "Only frozen features share it: with LoRA each task changes the encoder from the first layer on."))),
)

RECALL = (
    Recall("04", "A learning rate of 2e-5 was too small for this encoder, 1e-3 too large. What was used?",
           "2e-4: in a few dozen steps 2e-5 gets nowhere, and 1e-3 spoils what was pretrained."),
    Recall("05", "What does AdamW keep for each weight that it moves?",
           "Two running means, of the gradient and of its square: 8 bytes in float32."),
    Recall("08", "What does LoRA add to a frozen matrix W, and why does it change nothing at first?",
           "alpha / rank times B A, two thin matrices; B starts at zero."),
)
