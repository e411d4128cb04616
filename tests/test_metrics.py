"""Scores by hand and against scikit-learn and scipy; the degenerate results are recognised, healthy ones are not."""

import doctest
import warnings

import numpy as np
import pytest
import torch
from scipy import stats as scipy_stats
from sklearn import metrics as sklearn_metrics

from ftlab import metrics
from ftlab.errors import InputError, ShapeError
from ftlab.metrics import (
    accuracy, compute, degenerate, f1, matthews, mean_absolute_error, pearson, predictions_from_logits, spearman,
)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def logits_for(classes, n_classes=2, seed=0):
    """Random logits whose argmax is `classes`."""
    classes = np.asarray(classes)
    logits = np.random.default_rng(seed).normal(size=(len(classes), n_classes))
    logits[np.arange(len(classes)), classes] = logits.max(1) + 1
    return logits


def test_examples_in_the_docstrings():
    assert doctest.testmod(metrics).failed == 0


def test_by_hand():
    predictions, labels = [1, 1, 1, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0, 1, 0]  # TP 2, FP 2, FN 1, TN 3
    assert accuracy(predictions, labels) == 5 / 8
    assert f1(predictions, labels) == pytest.approx(4 / 7)
    assert matthews(predictions, labels) == pytest.approx((2 * 3 - 2 * 1) / (4 * 3 * 5 * 4) ** 0.5)
    assert mean_absolute_error([1.0, -2.0, 3.0], [0.0, 0.0, 0.0]) == 2
    assert pearson([0.0, 1.0, 2.0], [1.0, 3.0, 5.0]) == pytest.approx(1)
    assert pearson([0.0, 1.0, 5.0], [2.0, 1.0, 0.0]) == pytest.approx(-5 / (14 * 2) ** 0.5)
    assert spearman([0.0, 1.0, 5.0], [2.0, 1.0, 0.0]) == pytest.approx(-1)  # only the order counts
    ranks = pearson([1.5, 1.5, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])  # ties share their mean rank
    assert spearman([7.0, 7.0, 8.0, 9.0], [1.0, 2.0, 3.0, 4.0]) == pytest.approx(ranks)


@pytest.mark.parametrize("seed", range(5))
def test_against_the_libraries(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 80)
    logits = rng.normal(size=(80, 2)) + 0.8 * np.eye(2)[labels]
    scores = compute(["accuracy", "f1", "matthews"], logits, labels)
    predictions = (logits[:, 1] > logits[:, 0]).astype(int)
    assert list(scores) == ["accuracy", "f1", "matthews"] and all(type(v) is float for v in scores.values())
    assert scores["accuracy"] == sklearn_metrics.accuracy_score(labels, predictions)
    assert scores["f1"] == sklearn_metrics.f1_score(labels, predictions)
    assert scores["matthews"] == pytest.approx(sklearn_metrics.matthews_corrcoef(labels, predictions), abs=1e-12)
    assert scores["matthews"] == pytest.approx(np.corrcoef(labels, predictions)[0, 1])  # the same thing, for two classes
    values = rng.normal(size=80)
    wanted = values + rng.normal(size=80)
    scores = compute(("pearson", "spearman", "mean_absolute_error"), values[:, None], wanted)
    assert scores["pearson"] == pytest.approx(np.corrcoef(values, wanted)[0, 1])
    assert scores["spearman"] == pytest.approx(scipy_stats.spearmanr(values, wanted).statistic)
    assert scores["mean_absolute_error"] == pytest.approx(np.abs(values - wanted).mean())


def test_known_degenerate_scores():
    labels = np.array([1] * 279 + [0] * 129)  # MRPC's validation set
    scores = compute(["accuracy", "f1", "matthews"], logits_for(np.ones(408, int)), labels)
    assert round(scores["accuracy"], 3) == 0.684 and round(scores["f1"], 3) == 0.812 and scores["matthews"] == 0
    assert f1(np.zeros(408, int), labels) == 0


def test_a_constant_scores_zero_not_nan():
    wanted = [1.0, 2.0, 3.0]
    for constant in ([2.0, 2.0, 2.0], [0.1, 0.1, 0.1]):
        assert pearson(constant, wanted) == spearman(constant, wanted) == pearson(wanted, constant) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_tensors_of_any_kind(dtype):
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [0.5, 0.25]], dtype=dtype, requires_grad=True)
    labels = torch.tensor([0, 1, 1])
    assert compute("accuracy", logits, labels) == {"accuracy": 2 / 3}
    assert compute(["mean_absolute_error"], logits[:, :1], labels.float())["mean_absolute_error"] == pytest.approx(3.5 / 3)


def test_predictions():
    assert predictions_from_logits([[0.1, 0.3, 0.2], [9.0, 1.0, 3.0]], "classification").tolist() == [1, 0]
    assert predictions_from_logits([[0.1], [3.0]], "regression").tolist() == [0.1, 3.0]
    assert predictions_from_logits([0.1, 3.0], "regression").tolist() == [0.1, 3.0]


# ---- degenerate results

LABELS = np.array([1] * 146 + [0] * 131)  # RTE's validation set
NAMES = ("not_entailment", "entailment")


def test_one_class_predicted():
    assert degenerate(logits_for(np.ones(277, int)), LABELS, NAMES) == (
        "every prediction is class 1 (entailment): accuracy 0.527 is the majority share")
    line = degenerate(logits_for(np.zeros(277, int)), LABELS)
    assert line == "every prediction is class 0: accuracy 0.473 is its share, the majority's is 0.527"


def test_majority_score_with_both_classes_predicted():
    rng = np.random.default_rng(0)
    line = degenerate(logits_for((rng.random(277) < 0.93).astype(int)), LABELS, NAMES)
    assert line is not None and "no better than always answering class 1 (entailment) (0.527)" in line
    three = np.array([2] * 50 + [0] * 30 + [1] * 20)
    line = degenerate(logits_for(rng.permutation(three), 3), three)
    assert "always answering class 2 (0.500)" in line


def test_swapped_labels():
    line = degenerate(logits_for(1 - LABELS), LABELS)
    assert "-1.000" in line and "swapped" in line


def test_constant_regression():
    rng = np.random.default_rng(0)
    labels = rng.normal(0, 1.5, 200)
    line = degenerate((0.3 + 0.001 * rng.normal(size=200))[:, None], labels)
    assert line.startswith("every prediction is about 0.3 (standard deviation 0.00")
    assert "every label is 2" in degenerate(rng.normal(size=20), np.full(20, 2.0))


def test_one_class_of_labels():
    assert "every label is class 1" in degenerate(logits_for(np.ones(20, int)), np.ones(20, int))


def test_healthy_results_are_left_alone():
    rng = np.random.default_rng(1)
    for share_right in (0.6, 0.75, 0.95, 1.0):
        predictions = np.where(rng.random(277) < share_right, LABELS, 1 - LABELS)
        assert degenerate(logits_for(predictions), LABELS) is None
    labels = rng.normal(size=100)
    assert degenerate((labels + rng.normal(size=100))[:, None], labels) is None
    assert degenerate(0.1 * labels[:, None], labels) is None  # small but not constant
    rare = np.array([1] * 10 + [0] * 190)  # accuracy below the majority's, yet it finds the rare class
    found = np.array([1] * 8 + [0] * 2 + [1] * 12 + [0] * 178)
    assert accuracy(found, rare) < 0.95 and degenerate(logits_for(found), rare) is None
    assert degenerate(logits_for([1] * 9), [1, 0] * 4 + [1]) is None  # too few to say


# ---- wrong input

WRONG = {
    "unknown metric": (lambda: compute(["acuracy"], [[0.0, 1.0]], [1]), InputError, "'acuracy'.*matthews"),
    "unknown kind": (lambda: predictions_from_logits([[0.0, 1.0]], "ranking"), InputError, "'ranking'"),
    "argmax of a regression": (lambda: compute(["accuracy"], [[0.3], [0.4]], [0, 1]), ShapeError, "regression head"),
    "values of a classifier": (lambda: compute(["pearson"], np.eye(3), [0, 1, 2]), ShapeError, "classification head"),
    "lengths": (lambda: accuracy([1, 0], [1]), ShapeError, r"\(2,\).*\(1,\)"),
    "logits for predictions": (lambda: accuracy([[1.0, 0.0]], [1]), ShapeError, r"\(1, 2\)"),
    "empty split": (lambda: compute(["accuracy"], np.zeros((0, 2)), []), InputError, "empty split"),
    "nothing": (lambda: f1([], []), InputError, "empty split"),
    "diverged": (lambda: compute(["accuracy"], [[float("nan"), 0.0]], [1]), InputError, "NaN.*learning_rate"),
    "f1 of three classes": (lambda: f1([0, 1, 2], [0, 1, 2]), InputError, r"\[0, 1, 2\]"),
    "one value": (lambda: pearson([1.0], [1.0]), InputError, "at least two"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line(name):
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
