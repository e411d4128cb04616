"""Scores of predictions against labels, and the warning signs of a score that means nothing.

Every score goes through scikit-learn or scipy. What is decided here is only what they leave open: how logits
become predictions, and what a constant prediction scores (0, not NaN).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ftlab.errors import InputError, ShapeError


def predictions_from_logits(logits: ArrayLike, kind: str) -> NDArray:
    """What the model says, from its scores: a class number, or a value in label units.

        classification: argmax over c of logits[n, c]        regression: logits[n, 0]

    Taking the argmax of a regression head is a known trap: over one column it is 0 for every example.

    Args:
        logits: float (N, C), or (N, 1) or (N,) for regression; a tensor or an array.
        kind: "classification" or "regression".
    Returns: int64 (N,) class numbers, or float64 (N,) values.
    Raises:
        ShapeError: fewer than two columns to choose from, or more than one value to regress.
        InputError: an unknown kind, no example, or logits that are NaN.
    Example:
        >>> predictions_from_logits([[0.1, 2.0], [3.0, -1.0]], "classification").tolist()
        [1, 0]

    Source: Wang et al. 2019, GLUE, section 3 (classification everywhere but STS-B).
    Checked against: the argmax in transformers' run_glue example, by hand (tests/test_metrics.py).
    """
    if kind not in ("classification", "regression"):
        raise InputError(f"kind {kind!r}", wanted='"classification" or "regression"')
    scores = _array(logits)
    if scores.size == 0:
        raise InputError("no logits", wanted="at least one example", cause="an empty split")
    if np.isnan(scores).any():
        raise InputError("logits that are NaN", wanted="numbers", cause="training diverged", hint="lower learning_rate")
    if kind == "classification":
        if scores.ndim != 2 or scores.shape[1] < 2:
            raise ShapeError(f"logits {scores.shape}", wanted="(N, C) with C of 2 or more", cause="a regression head")
        return scores.argmax(axis=1)  # (N,)
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]  # (N,)
    if scores.ndim != 1:
        raise ShapeError(f"logits {scores.shape}", wanted="(N, 1) or (N,)", cause="a classification head")
    return scores


def accuracy(predictions: ArrayLike, labels: ArrayLike) -> float:
    """Share of examples whose predicted class is right, 0 to 1.

        accuracy = #(predictions = labels) / N

    Args:
        predictions: int (N,), predicted classes.
        labels: int (N,), right classes.
    Returns: float, 0 to 1.
    Raises: ShapeError if the lengths differ; InputError if there is no example.
    Example:
        >>> accuracy([1, 0, 1, 1], [1, 1, 1, 0])
        0.5

    Source: Wang et al. 2019, GLUE, section 3 (SST-2, MNLI, QNLI, RTE, WNLI).
    Checked against: counting by hand, and scikit-learn, which it calls (tests/test_metrics.py).
    """
    from sklearn.metrics import accuracy_score

    predictions, labels = _pair(predictions, labels)
    return float(accuracy_score(labels, predictions))


def f1(predictions: ArrayLike, labels: ArrayLike) -> float:
    """F1 of class 1 against class 0: the harmonic mean of precision and recall, 0 to 1.

        F1 = 2 TP / (2 TP + FP + FN),   positive class 1

    Always answering class 1 scores well where class 1 is common (0.812 on MRPC), always answering class 0 scores 0.

    Args:
        predictions: int (N,), each 0 or 1.
        labels: int (N,), each 0 or 1.
    Returns: float, 0 to 1; 0 where nothing was found.
    Raises: ShapeError if the lengths differ; InputError if there is no example or a third class.
    Example:
        >>> round(f1([1, 0, 1, 1], [1, 1, 1, 0]), 4)  # 2 right, 1 false alarm, 1 missed
        0.6667

    Source: Wang et al. 2019, GLUE, section 3.2 (MRPC, QQP).
    Checked against: 2 TP / (2 TP + FP + FN) by hand, and scikit-learn, which it calls (tests/test_metrics.py).
    """
    from sklearn.metrics import f1_score

    predictions, labels = _pair(predictions, labels)
    classes = np.union1d(predictions, labels)
    if not np.isin(classes, (0, 1)).all():
        raise InputError(f"classes {classes.tolist()}", wanted="0 and 1", cause="f1 is for yes/no", hint="use accuracy")
    return float(f1_score(labels, predictions, zero_division=0.0))


def matthews(predictions: ArrayLike, labels: ArrayLike) -> float:
    """Matthews correlation of predicted and right classes, -1 to 1; 0 is no better than chance.

        MCC = (TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)),   the general form for more than two classes

    Unlike accuracy it does not reward the majority class: one class for every example scores exactly 0.

    Args:
        predictions: int (N,), predicted classes.
        labels: int (N,), right classes.
    Returns: float, -1 to 1; 0 where predictions or labels are all one class.
    Raises: ShapeError if the lengths differ; InputError if there is no example.
    Example:
        >>> round(matthews([1, 1, 0, 0], [1, 1, 1, 0]), 4)  # (2·1 - 0·1) / sqrt(2·3·1·2)
        0.5774

    Source: Matthews 1975; Warstadt et al. 2019, CoLA, section 4.
    Checked against: the formula by hand, and scikit-learn, which it calls (tests/test_metrics.py).
    """
    from sklearn.metrics import matthews_corrcoef

    predictions, labels = _pair(predictions, labels)
    return float(matthews_corrcoef(labels, predictions))


def pearson(predictions: ArrayLike, labels: ArrayLike) -> float:
    """Pearson correlation, -1 to 1: how straight the line between predicted and right values is.

        r = cov(predictions, labels) / (sd(predictions) sd(labels))

    A constant has no correlation (0/0, NaN). It scores 0 here, as a constant classifier scores 0 in Matthews
    correlation, so that means over seeds stay numbers; `degenerate` says that it happened.

    Args:
        predictions: float (N,), predicted values.
        labels: float (N,), right values.
    Returns: float, -1 to 1; 0 where either is constant.
    Raises: ShapeError if the lengths differ; InputError if there are fewer than two examples.
    Example:
        >>> round(pearson([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]), 4)
        0.982

    Source: Cer et al. 2017, SemEval STS, section 4; Wang et al. 2019, GLUE, section 3.2.
    Checked against: the formula by hand, and scipy, which it calls (tests/test_metrics.py).
    """
    from scipy.stats import pearsonr

    return _correlation(pearsonr, predictions, labels)


def spearman(predictions: ArrayLike, labels: ArrayLike) -> float:
    """Spearman correlation, -1 to 1: Pearson correlation of the ranks, so only the order counts.

        rho = r(rank(predictions), rank(labels)),   ties share their mean rank

    Args:
        predictions: float (N,), predicted values.
        labels: float (N,), right values.
    Returns: float, -1 to 1; 0 where either is constant (as in `pearson`).
    Raises: ShapeError if the lengths differ; InputError if there are fewer than two examples.
    Example:
        >>> round(spearman([1.0, 2.0, 9.0, 8.0], [1.0, 2.0, 3.0, 4.0]), 4)  # two neighbours swapped
        0.8

    Source: Wang et al. 2019, GLUE, section 3.2 (STS-B).
    Checked against: Pearson of hand-made ranks, and scipy, which it calls (tests/test_metrics.py).
    """
    from scipy.stats import spearmanr

    return _correlation(spearmanr, predictions, labels)


def mean_absolute_error(predictions: ArrayLike, labels: ArrayLike) -> float:
    """Mean distance between predicted and right value, in label units; 0 is perfect.

        MAE = (1/N) sum over n of |predictions[n] - labels[n]|

    Args:
        predictions: float (N,), predicted values.
        labels: float (N,), right values.
    Returns: float, 0 or more, in label units.
    Raises: ShapeError if the lengths differ; InputError if there is no example.
    Example:
        >>> mean_absolute_error([1.0, 2.0], [0.0, 4.0])
        1.5

    Source: Willmott & Matsuura 2005 (why it reads more plainly than squared error).
    Checked against: the mean by hand, and scikit-learn, which it calls (tests/test_metrics.py).
    """
    from sklearn.metrics import mean_absolute_error as sklearn_mean_absolute_error

    predictions, labels = _pair(predictions, labels)
    return float(sklearn_mean_absolute_error(labels, predictions))


#: name -> (the kind of predictions it takes, function of predictions and labels)
METRICS: dict[str, tuple[str, Callable[[ArrayLike, ArrayLike], float]]] = {
    "accuracy": ("classification", accuracy),
    "f1": ("classification", f1),
    "matthews": ("classification", matthews),
    "pearson": ("regression", pearson),
    "spearman": ("regression", spearman),
    "mean_absolute_error": ("regression", mean_absolute_error),
}


def compute(names: Iterable[str], logits: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Scores of a whole split by name (0 to 1, correlations -1 to 1, errors in label units).

        scores[name] = metric(predictions_from_logits(logits, kind of the metric), labels)

    Args:
        names: of "accuracy", "f1", "matthews", "pearson", "spearman", "mean_absolute_error"; a single name will do.
        logits: float (N, C), or (N, 1) or (N,) for regression; tensor (any float dtype, any device) or array.
        labels: int (N,) classes or float (N,) values.
    Returns: dict of name to float, in the order of `names`, each over all N at once (a mean of scores of batches is
        another number).
    Raises: InputError for an unknown name; what the metric and `predictions_from_logits` raise.
    Example:
        >>> compute(["accuracy", "f1"], [[0.0, 1.0], [2.0, 0.0], [0.0, 3.0]], [1, 0, 0])["accuracy"]
        0.6666666666666666

    Source: Wang et al. 2019, GLUE, section 3 (which metric for which task).
    Checked against: scikit-learn and scipy called directly (tests/test_metrics.py).
    """
    scores = {}
    for name in [names] if isinstance(names, str) else names:
        if name not in METRICS:
            raise InputError(f"metric {name!r}", wanted="one of " + ", ".join(METRICS))
        kind, metric = METRICS[name]
        scores[name] = metric(predictions_from_logits(logits, kind), labels)
    return scores


def degenerate(logits: ArrayLike, labels: ArrayLike, label_names: Sequence[str] | None = None) -> str | None:
    """One line if the model has learned nothing (shares 0 to 1), None if it has learned something.

        one class predicted · accuracy <= majority share with Matthews < 0.1 · sd(predictions) < 0.02 sd(labels)

    Each is a failed fine-tuning that a score alone can hide: MRPC 0.684 accuracy and RTE 0.527 are these.

    Args:
        logits: float (N, C) for classification, (N, 1) or (N,) for regression.
        labels: int (N,) classes or float (N,) values.
        label_names: C names to say beside the class numbers.
    Returns: str or None; None also for fewer than 10 examples, where one predicted class is no surprise.
    Raises: what `predictions_from_logits` raises; ShapeError if the lengths differ.
    Example:
        >>> degenerate([[0.0, 1.0]] * 20, [1] * 12 + [0] * 8, ["no", "yes"])
        'every prediction is class 1 (yes): accuracy 0.600 is the majority share'

    Source: Dodge et al. 2020, section 3; Mosbach et al. 2021, section 4 (failed runs score the majority).
    Checked against: collapsed, majority, swapped and healthy predictions made by hand (tests/test_metrics.py).
    """
    scores = _array(logits)
    kind = "classification" if scores.ndim == 2 and scores.shape[1] > 1 else "regression"
    predictions, labels = _pair(predictions_from_logits(scores, kind), labels)
    if len(labels) < 10:
        return None
    if kind == "regression":
        return _degenerate_values(predictions, labels)
    return _degenerate_classes(predictions, labels, label_names)


def _degenerate_classes(predictions: NDArray, labels: NDArray, label_names: Sequence[str] | None) -> str | None:
    def called(c: int) -> str:
        return f"class {c} ({label_names[c]})" if label_names and 0 <= c < len(label_names) else f"class {c}"

    classes, counts = np.unique(labels, return_counts=True)
    majority, share = int(classes[counts.argmax()]), counts.max() / len(labels)
    score = accuracy(predictions, labels)
    if len(classes) == 1:
        return f"every label is {called(majority)}: accuracy {score:.3f} says nothing about other classes"
    if (predictions == predictions[0]).all():
        whose = "the majority share" if np.isclose(score, share) else f"its share, the majority's is {share:.3f}"
        return f"every prediction is {called(int(predictions[0]))}: accuracy {score:.3f} is {whose}"
    correlation = matthews(predictions, labels)
    if correlation < -0.3:
        return f"Matthews correlation is {correlation:.3f}, far below chance: are two labels swapped?"
    if score <= share and correlation < 0.1:
        return f"accuracy {score:.3f} is no better than always answering {called(majority)} ({share:.3f})"
    return None


def _degenerate_values(predictions: NDArray, labels: NDArray) -> str | None:
    spread, wanted = predictions.std(), labels.std()
    if wanted == 0:
        return f"every label is {labels[0]:.3g}: no correlation can be measured"
    if spread < 0.02 * wanted:
        mean = f"every prediction is about {predictions.mean():.3g}"
        return f"{mean} (standard deviation {spread:.2g}, of the labels {wanted:.2g}): the text is not used"
    return None


def _correlation(function: Callable, predictions: ArrayLike, labels: ArrayLike) -> float:
    """r of scipy's function, 0 where either side is constant."""
    predictions, labels = _pair(predictions, labels)
    if len(labels) < 2:
        raise InputError(f"{len(labels)} example", wanted="at least two, for a correlation")
    if np.ptp(predictions) == 0 or np.ptp(labels) == 0:
        return 0.0
    return float(function(predictions, labels).statistic)


def _array(values: ArrayLike) -> NDArray:
    """A numpy array of a list, an array, or a tensor of any dtype (numpy knows no bf16) on any device."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.double() if values.is_floating_point() else values
    return np.asarray(values)


def _pair(predictions: ArrayLike, labels: ArrayLike) -> tuple[NDArray, NDArray]:
    """Both as arrays (N,), once they match and are not empty."""
    predictions, labels = _array(predictions), _array(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]  # (N,)
    if predictions.ndim != 1 or predictions.shape != labels.shape:
        raise ShapeError(f"predictions {predictions.shape} and labels {labels.shape}", wanted="both (N,)")
    if len(labels) == 0:
        raise InputError("no predictions", wanted="at least one example", cause="an empty split")
    return predictions, labels
