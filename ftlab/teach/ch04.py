"""Chapter 04, Adding a head: its exercises, quiz and recall questions."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from .content import Case, Choice, Exercise, Mistake, Question, Recall


def cross_entropy(logits, labels):
    log_p = logits - torch.logsumexp(logits, dim=-1, keepdim=True)  # (B, C)
    rows = torch.arange(len(labels))  # (B,)
    return -log_p[rows, labels].mean()  # ()


def _raw(logits, labels):
    return -logits[torch.arange(len(labels)), labels].mean()


def _summed(logits, labels):
    return F.cross_entropy(logits, labels, reduction="sum")


def _over_batch(logits, labels):
    return -torch.log_softmax(logits, 0)[torch.arange(len(labels)), labels].mean()


def _over_classes_too(logits, labels):
    one_hot = F.one_hot(labels, logits.shape[1])
    return -(one_hot * torch.log_softmax(logits, -1)).mean()


def _softmax_twice(logits, labels):
    return F.cross_entropy(torch.softmax(logits, -1), labels)


def _naive_powers(logits, labels):
    powers = logits.exp()
    return -(powers / powers.sum(-1, keepdim=True))[torch.arange(len(labels)), labels].log().mean()


def _log_of_softmax(logits, labels):
    return -torch.softmax(logits, -1).log()[torch.arange(len(labels)), labels].mean()


def _no_log(logits, labels):
    return -torch.softmax(logits, -1)[torch.arange(len(labels)), labels].mean()


def head_parameters():
    hidden, tags = 384, 9
    return hidden * tags + tags


def squared_error(logits, labels):
    values = logits.squeeze(-1)  # (B, 1) -> (B,)
    return ((values - labels) ** 2).mean()  # ()


def _broadcast(logits, labels):
    return ((logits - labels) ** 2).mean()


def _summed_squares(logits, labels):
    return ((logits.squeeze(-1) - labels) ** 2).sum()


def _absolute(logits, labels):
    return (logits.squeeze(-1) - labels).abs().mean()


def _root(logits, labels):
    return ((logits.squeeze(-1) - labels) ** 2).mean().sqrt()


def rate_of_each(names, learning_rate, head_learning_rate):
    return {name: learning_rate if name.startswith("bert.") else head_learning_rate for name in names}


def _only_classifier(names, learning_rate, head_learning_rate):
    return {name: head_learning_rate if name.startswith("classifier") else learning_rate for name in names}


def _pooler_too(names, learning_rate, head_learning_rate):
    return {name: learning_rate if name.startswith("bert.") and "pooler" not in name else head_learning_rate for name in names}


def _swapped(names, learning_rate, head_learning_rate):
    return {name: head_learning_rate if name.startswith("bert.") else learning_rate for name in names}


def _anywhere(names, learning_rate, head_learning_rate):
    return {name: learning_rate if "bert" in name else head_learning_rate for name in names}


def blind_loss(labels, n_classes):
    share = torch.bincount(labels, minlength=n_classes) / len(labels)  # (C,)
    present = share[share > 0]  # 0 log 0 counts as 0
    return float(-(present * present.log()).sum())


def _uniform(labels, n_classes):
    return math.log(n_classes)


def _bits(labels, n_classes):
    return blind_loss(labels, n_classes) / math.log(2)


def _error(labels, n_classes):
    return 1 - float(torch.bincount(labels, minlength=n_classes).max()) / len(labels)


def _commonest_only(labels, n_classes):
    return -math.log(float(torch.bincount(labels, minlength=n_classes).max()) / len(labels))


def _without_guard(labels, n_classes):
    share = torch.bincount(labels, minlength=n_classes) / len(labels)
    return float(-(share * share.log()).sum())


def encoder_gradient(logits, labels, weight):
    error = torch.softmax(logits, dim=-1)  # (B, C)
    error[torch.arange(len(labels)), labels] -= 1  # p - one-hot
    return error @ weight / len(labels)  # (B, C) (C, H) -> (B, H)


def _no_mean(logits, labels, weight):
    return encoder_gradient(logits, labels, weight) * len(labels)


def _probabilities_only(logits, labels, weight):
    return torch.softmax(logits, -1) @ weight / len(labels)


def _right_row_only(logits, labels, weight):
    return -weight[labels] / len(labels)


def _at_the_logits(logits, labels, weight):
    return (torch.softmax(logits, -1) - F.one_hot(labels, logits.shape[1])) / len(labels)


def _logits_for_probabilities(logits, labels, weight):
    return (logits - F.one_hot(labels, logits.shape[1])) @ weight / len(labels)


EXERCISES = (
    Exercise(
        id="04.1", title="Cross-entropy from logits", level=1, signature="my_loss(logits, labels)", solution=cross_entropy, differentiable=True,
        cases=(
            Case((torch.tensor([[0.0, 0.0]]), torch.tensor([1])), math.log(2), "two equal logits"),
            Case((torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]]), torch.tensor([1, 0])), (math.log(4 / 3) + math.log(2)) / 2, "two examples"),
            Case((torch.tensor([[2.0, 0.5, -1.0], [1.0, 3.0, 0.2], [-0.5, 0.1, 0.7]]), torch.tensor([1, 1, 0])), name="three classes"),
            Case((torch.tensor([[900.0, 0.0, -900.0]]), torch.tensor([0])), 0.0, "a very large logit"),
            Case((torch.tensor([[900.0, 0.0, -900.0]]), torch.tensor([2])), 1800.0, "a very large logit, and another class is right"),
        ),
        hints=("The loss of one example is minus the log of the probability of its right class.",
               "log softmax is `logits - logsumexp(logits)`: no `exp` of a large number needed.",
               "`log_p[torch.arange(B), labels]` picks one entry of each row; then minus, then mean."),
        reasoning="Only the right class's log-probability is picked, so the other classes count only through the sum under the "
                  "softmax. `logsumexp` takes the largest logit out first, which is why a logit of 900 does no harm, and a loss of 1,800 is still a number.",
        mistakes=(
            Mistake("no softmax", _raw, "you picked the logits themselves: turn them into log-probabilities first"),
            Mistake("sum", _summed, "you added up over the batch: take the mean, so that the loss does not grow with the batch"),
            Mistake("softmax over the batch", _over_batch, "your softmax runs down the batch: it belongs over the classes, dim=-1"),
            Mistake("mean over classes", _over_classes_too, "you divided by B times C: only one entry a row counts, so divide by B"),
            Mistake("softmax twice", _softmax_twice, "softmax was taken twice: `F.cross_entropy` wants logits, not probabilities"),
            Mistake("powers overflow", _naive_powers, "the power of a large logit is infinite: use `logsumexp`, which takes the largest logit out first"),
            Mistake("log of a rounded probability", _log_of_softmax,
                    "a tiny probability was rounded to 0 before its logarithm: work out the logarithm from the logits, without the probability"),
            Mistake("no logarithm", _no_log, "that is minus the probability: the loss is minus its logarithm"),
        )),
    Exercise(
        id="04.2", title="How many new weights?", level=1, signature="a number", asks="value", solution=head_parameters,
        cases=(Case(wanted=3465, tolerance=0),),
        hints=("A linear layer has a matrix and something else.", "The matrix is (9, 384).", "384 · 9, and one bias for each tag."),
        reasoning="One row of 384 weights and one bias for each of 9 tags: 3,456 + 9. The length T of the sentence does not occur: "
                  "the same layer reads every token.",
        mistakes=(
            Mistake("no biases", 3456, "that is the matrix alone: a linear layer also has one bias for each output"),
            Mistake("biases of the input", 3840, "you counted 384 biases: there is one for each output, not for each input"),
            Mistake("a head a token", 3465 * 128, "you counted the layer once for each token: all tokens share one layer"),
            Mistake("two classes", 770, "that is the head for two classes: here there are nine tags"),
        )),
    Exercise(
        id="04.3", title="A regression loss that cannot broadcast", level=1, signature="my_regression_loss(logits, labels)",
        solution=squared_error, differentiable=True,
        cases=(
            Case((torch.tensor([[1.0], [2.0]]), torch.tensor([0.0, 4.0])), 2.5, "two examples"),
            Case((torch.tensor([[3.0]]), torch.tensor([1.0])), 4.0, "one example"),
            Case((torch.tensor([[0.5], [-1.0], [2.0]]), torch.tensor([1.5, 0.0, -1.0])), 11 / 3, "three examples"),
        ),
        hints=("Write down the two shapes.", "(B, 1) minus (B,) is (B, B).", "`logits.squeeze(-1)` is (B,)."),
        reasoning="With the column dropped first, example b is compared with label b and with no other.",
        mistakes=(
            Mistake("broadcast", _broadcast, "every prediction was compared with every label, (B, B): drop the column of the logits first"),
            Mistake("sum", _summed_squares, "you added the squares up: take their mean"),
            Mistake("absolute error", _absolute, "you took absolute differences: square them"),
            Mistake("root", _root, "you took the root at the end: the loss is the mean square itself"),
        )),
    Exercise(
        id="04.4", title="A learning rate for the head", level=2, signature="my_rates(names, learning_rate, head_learning_rate)",
        solution=rate_of_each,
        cases=(
            Case((["bert.encoder.layer.0.output.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"], 2e-5, 2e-3),
                 {"bert.encoder.layer.0.output.dense.weight": 2e-5, "bert.pooler.dense.bias": 2e-5, "classifier.weight": 2e-3, "classifier.bias": 2e-3},
                 "a sequence classifier"),
            Case((["bert.embeddings.word_embeddings.weight", "qa_outputs.weight"], 1e-4, 1e-3),
                 {"bert.embeddings.word_embeddings.weight": 1e-4, "qa_outputs.weight": 1e-3}, "a span extractor"),
            Case((["bert.embeddings.LayerNorm.weight", "head_on_bert.weight"], 3e-5, 3e-4),
                 {"bert.embeddings.LayerNorm.weight": 3e-5, "head_on_bert.weight": 3e-4}, "a head with bert in its name"),
        ),
        hints=("What do all names of the encoder begin with?", "Not every head is called classifier.", "`name.startswith(\"bert.\")`"),
        reasoning="What is pretrained is known for sure: everything under `bert.`. Whatever else there is must be new, whatever it is called.",
        mistakes=(
            Mistake("classifier only", _only_classifier, "a head that is not called classifier got the encoder's rate: ask what is pretrained, not what is new"),
            Mistake("the pooler too", _pooler_too, "the pooler got the head's rate: it belongs to the checkpoint"),
            Mistake("the wrong way round", _swapped, "the two rates are the wrong way round: the random part is the one that has far to go"),
            Mistake("bert anywhere", _anywhere, "a head with bert inside its name was taken for the encoder: look at how the name begins"),
        )),
    Exercise(
        id="04.5", title="The loss of a blind model", level=3, signature="my_blind_loss(labels, n_classes)", solution=blind_loss,
        cases=(
            Case((torch.tensor([0, 1, 1, 0]), 2), math.log(2), "half and half"),
            Case((torch.tensor([0, 0, 0, 1]), 2), 0.75 * math.log(4 / 3) + 0.25 * math.log(4), "three to one"),
            Case((torch.tensor([0, 0, 1, 2, 0]), 4), name="four classes, one of them absent"),
            Case((torch.tensor([2, 2, 2]), 3), 0.0, "one class alone"),
        ),
        hints=("The best constant probabilities are the shares of the classes in the batch.",
               "Its loss is the mean of -log share over the examples: share by share, each -share · log share.",
               "`torch.bincount(labels, minlength=n_classes) / len(labels)`; leave shares of 0 out."),
        reasoning="A model that gives every example the same probabilities q has the mean loss -sum share log q, smallest at q = share: "
                  "the entropy of the labels. A model that cannot get below it on one small batch sees nothing of its input.",
        mistakes=(
            Mistake("uniform", _uniform, "log C is the loss of a uniform guess: a blind model can still learn how common each class is"),
            Mistake("bits", _bits, "that is in bits: take the natural logarithm"),
            Mistake("error rate", _error, "that is the share of wrong answers: the loss is a mean of -log p"),
            Mistake("commonest class only", _commonest_only, "you scored the examples of the commonest class alone: the others cost their own -log share"),
            Mistake("0 log 0", _without_guard, "an absent class made 0 · log 0, which is nan: leave shares of 0 out"),
        )),
    Exercise(
        id="04.6", title="The gradient that reaches the encoder", level=3, signature="my_gradient(logits, labels, weight)",
        solution=encoder_gradient,
        cases=(
            Case((torch.tensor([[0.0, 0.0]]), torch.tensor([0]), torch.tensor([[1.0, 0.0, 2.0], [0.0, 4.0, 0.0]])), torch.tensor([[-0.5, 2.0, -1.0]]), "one example"),
            Case((torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]]), torch.tensor([1, 0]), torch.tensor([[4.0], [0.0]])), torch.tensor([[0.5], [-1.0]]), "two examples"),
            Case((torch.tensor([[2.0, 0.5, -1.0], [0.3, 0.1, -0.2]]), torch.tensor([2, 0]), torch.tensor([[0.1, -0.2, 0.3, 1.0], [0.5, 0.4, -0.1, 0.2], [0.0, 0.7, 0.2, -0.3]])), name="three classes"),
        ),
        hints=("First the gradient at the logits: softmax minus one-hot, over B.",
               "logits = pooled · weightᵀ + b. How does a logit change with pooled?",
               "(B, C) times (C, H): `error @ weight`."),
        reasoning="Logit c grows by weight[c] for each unit of pooled, so by the chain rule the errors of the classes come back "
                  "weighted by their rows of weights. A head of small weights sends the encoder a small gradient.",
        mistakes=(
            Mistake("no mean", _no_mean, "the loss is a mean over the batch: its gradient carries the factor 1/B"),
            Mistake("no one-hot", _probabilities_only, "you sent back the probabilities: the right class's must have 1 taken away first"),
            Mistake("right class only", _right_row_only, "only the right class sent something back: the others pull as well, by their probabilities"),
            Mistake("stopped at the logits", _at_the_logits, "that is the gradient at the logits, (B, C): one more step through the weights to (B, H)"),
            Mistake("no softmax", _logits_for_probabilities, "you used the logits where their probabilities belong: softmax first"),
        )),
)

QUIZ = (
    Question("The three tensors of a tokenizer, for single sentences, are handed to `BertModel` by place. What does the model see?", (
        Choice("everything: the names are only for the reader", "The tokenizer's second tensor is `token_type_ids`, the model's second argument `attention_mask`."),
        Choice("nothing of the words: all positions are masked", "The segments of a single sentence are all 0, and 0 in the mask means padding.", right=True),
        Choice("the words, with padding among them", "That would need a mask of ones. It gets the zeros of the segments."))),
    Question("What is the gradient of the cross-entropy at the logit of a wrong class with probability 0.2 (batch of one)?", (
        Choice("-0.8", "That would be the right class at probability 0.2, p - 1."),
        Choice("0", "Only a class of probability 0 has no gradient."),
        Choice("1.61", "That is -log 0.2, a loss."),
        Choice("+0.2", "P minus one-hot, and the one-hot entry of a wrong class is 0.", right=True))),
    Question("A new model's loss on one batch of 16 examples stays at 0.69 for 50 steps (two classes, 8 of each). The likeliest reason?", (
        Choice("the input does not reach the logits, or the gradient does not come back", "0.69 = log 2 is the best that constant logits can do with 8 of each.", right=True),
        Choice("16 examples are too few to learn from", "Few examples are easier to memorise, not harder. That is the point of the test."),
        Choice("the model overfits", "Then the loss on this very batch would be near 0."))),
    Question("A regression head has one output, and the loss is `F.cross_entropy(logits, labels)` with all labels 0. What happens?", (
        Choice("it trains, but slowly", "There is no gradient at all."),
        Choice("the loss is 0 from the start and nothing is learnt", "The softmax of a single number is always 1, and -log 1 = 0.", right=True),
        Choice("the loss is nan", "It is exactly 0, which looks like a triumph."))),
    Question("Why can the new head do with a larger learning rate than the encoder?", (
        Choice("it has fewer weights", "AdamW moves each weight by about the learning rate, however many there are."),
        Choice("its gradients are smaller", "AdamW divides by the size of the gradients, so this hardly matters."),
        Choice("it starts from random weights, with nothing in them to lose", "The encoder's weights are already close to useful ones; the head's are noise.", right=True))),
)

RECALL = (
    Recall("01", "What does the label -100 mean, and which chapter-01 labels have it?",
           "Left out of the loss and of its count. In masked language modelling, every position that was not chosen."),
    Recall("02", "A causal decoder is to classify a whole sentence. From which token's vector, and why?",
           "The last real one: only it has seen all the tokens before it."),
    Recall("03", "What is `pooler_output`, and what is odd about it in this checkpoint?",
           "tanh of a linear layer on the vector of [CLS], (B, H). This checkpoint's pooler was never trained for next-sentence prediction."),
)
