"""Intervals and tests against scipy, by hand, and by counting how often they hold."""

import doctest
import itertools
import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from ftlab import stats
from ftlab.errors import InputError, ShapeError
from ftlab.stats import (
    Interval, bootstrap_interval, format_interval, mcnemar, mean_interval, paired_test, proportion_interval,
)


def test_examples_in_the_docstrings():
    assert doctest.testmod(stats).failed == 0


@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_mean_interval_is_scipys(n, level):
    values = np.random.default_rng(n).normal(0.8, 0.02, n)
    ours, theirs = mean_interval(values, level), scipy_stats.ttest_1samp(values, 0).confidence_interval(level)
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=1e-12)
    assert (ours.mean, ours.sd, ours.n, ours.level) == (values.mean(), pytest.approx(values.std(ddof=1)), n, level)


def test_mean_interval_by_hand():
    interval = mean_interval([1, 2, 3])
    assert interval.high - interval.mean == pytest.approx(4.302653 / math.sqrt(3), abs=1e-5)
    assert mean_interval([0.5, 0.5, 0.5]) == Interval(0.5, 0.5, 0.5, 3, 0.0)


def test_one_value_has_no_interval():
    interval = mean_interval([0.861])
    assert (interval.low, interval.high) == (-math.inf, math.inf) and math.isnan(interval.sd)
    assert str(interval) == "0.861 [no interval from one value], n=1"


def test_text():
    interval = Interval(0.8614, 0.8531, 0.8697, n=3, sd=0.003)
    assert str(interval) == "0.861 [0.853, 0.870], n=3"
    assert format_interval(interval, digits=1, percent=True) == "86.1% [85.3, 87.0], n=3"
    assert format_interval(Interval(-0.00001, -0.1, 0.1, 3, 0.1), digits=2).count("-") <= 2
    assert str(paired_test([1.0, 2, 4], [2.0, 3, 4])).startswith("-0.667 [")


@pytest.mark.parametrize("k, n", [(0, 10), (10, 10), (1, 1), (146, 277), (7, 9), (999, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_is_scipys(k, n, level):
    theirs = scipy_stats.binomtest(k, n).proportion_ci(level, method="wilson")
    ours = proportion_interval(k, n, level)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert ours.mean == k / n and ours.method == "wilson"


def test_bootstrap_is_close_to_scipys_and_repeats():
    values = np.random.default_rng(0).gamma(2.0, size=80)
    for stat in (np.mean, np.median):
        ours = bootstrap_interval(values, stat, seed=1, n_resamples=4000)
        theirs = scipy_stats.bootstrap(
            (values,), stat, method="percentile", n_resamples=4000, vectorized=False, rng=np.random.default_rng(2)
        )
        width = ours.high - ours.low
        assert abs(ours.low - theirs.confidence_interval.low) < 0.1 * width
        assert abs(ours.high - theirs.confidence_interval.high) < 0.1 * width
        assert ours.sd == pytest.approx(theirs.standard_error, rel=0.1)
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


def test_bootstrap_draws_rows_whole():
    x = np.random.default_rng(0).normal(size=60)
    exact = bootstrap_interval(np.stack([x, 2 * x], 1), lambda rows: np.corrcoef(rows.T)[0, 1])
    assert exact.low == pytest.approx(1) and exact.high == pytest.approx(1)


def test_intervals_hold_as_often_as_they_say():
    rng = np.random.default_rng(5)
    draws = rng.normal(0.8, 0.02, size=(2000, 3))
    held = np.mean([(i := mean_interval(row)).low <= 0.8 <= i.high for row in draws])
    normal = np.mean(np.abs(draws.mean(1) - 0.8) <= 1.96 * draws.std(1, ddof=1) / 3**0.5)
    assert abs(held - 0.95) < 0.02 and normal < 0.85  # 1.96 instead of 4.30: a common mistake with 3 seeds
    rights = rng.binomial(277, 0.95, size=2000)
    held = np.mean([(i := proportion_interval(int(k), 277)).low <= 0.95 <= i.high for k in rights])
    assert abs(held - 0.95) < 0.02


def brute_force(d):
    """p by writing out every pattern of signs."""
    sums = [abs(sum(s * x for s, x in zip(signs, d))) for signs in itertools.product((1, -1), repeat=len(d))]
    return sum(total >= abs(sum(d)) - 1e-12 for total in sums) / len(sums)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_paired_test_is_exact(n, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0.86, 0.01, n), rng.normal(0.85, 0.01, n)
    ours = paired_test(a, b)
    theirs = scipy_stats.permutation_test((a - b,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert ours.p == pytest.approx(theirs.pvalue) == pytest.approx(brute_force(list(a - b))) and ours.method == "exact"
    interval = scipy_stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (ours.difference.low, ours.difference.high) == pytest.approx((interval.low, interval.high))
    assert ours.difference.mean == pytest.approx(a.mean() - b.mean())
    assert paired_test(b, a).p == pytest.approx(ours.p)


def test_paired_test_by_hand():
    assert paired_test([2, 2, 2], [1, 1, 1]).p == 2 / 8  # three of three: not yet evidence
    assert paired_test([2] * 6, [1] * 6).p == 2 / 64  # six of six: the first that can reach 0.05
    assert paired_test([1, 2, 3], [1, 2, 3]).p == 1
    assert paired_test([0.3, 0.1], [0.1, 0.3]).p == 1  # ties by rounding still count


def test_paired_test_sampled():
    rng = np.random.default_rng(0)
    a = rng.normal(0.02, 0.05, 40)
    ours = paired_test(a, np.zeros(40))
    assert ours.method == "20,000 sampled" and ours.p == paired_test(a, np.zeros(40)).p
    assert abs(ours.p - scipy_stats.ttest_rel(a, np.zeros(40)).pvalue) < 0.02
    assert paired_test(np.ones(40), np.zeros(40)).p == pytest.approx(1 / 20_001)  # never 0


def test_pairing_matters():
    seeds = np.random.default_rng(0).normal(0, 0.05, 8)  # easy and hard seeds, the same for both
    a, b = 0.86 + seeds + 0.003, 0.86 + seeds + np.tile([0.001, -0.001], 4)
    assert paired_test(a, b).p < 0.05 < scipy_stats.ttest_ind(a, b).pvalue


@pytest.mark.parametrize("only_a, only_b", [(0, 0), (1, 0), (5, 1), (3, 3), (15, 5), (200, 150)])
def test_mcnemar_is_scipys(only_a, only_b):
    a = np.array([1] * only_a + [0] * only_b + [1] * 30 + [0] * 4)
    b = np.array([0] * only_a + [1] * only_b + [1] * 30 + [0] * 4)
    test = mcnemar(a == 1, b == 1)
    theirs = scipy_stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert (test.only_a, test.only_b, test.n) == (only_a, only_b, len(a))
    assert test.p == pytest.approx(theirs) and test.difference == pytest.approx(a.mean() - b.mean())


WRONG = {
    "no runs": (lambda: mean_interval([]), InputError, "at least one number"),
    "a failed run": (lambda: mean_interval([0.8, float("nan")]), InputError, "a run that failed"),
    "two rows": (lambda: mean_interval([[0.8], [0.9]]), ShapeError, r"\(2, 1\)"),
    "level in percent": (lambda: mean_interval([0.8, 0.9], level=95), InputError, "pass 0.95"),
    "more than all": (lambda: proportion_interval(11, 10), InputError, "11 right of 10"),
    "a share": (lambda: proportion_interval(0.86, 100), InputError, "a share passed"),
    "no examples": (lambda: proportion_interval(0, 0), InputError, "0 right of 0"),
    "no values": (lambda: bootstrap_interval([]), InputError, "at least one"),
    "few draws": (lambda: bootstrap_interval([1.0, 2.0], n_resamples=10), InputError, "n_resamples is 10"),
    "unpaired": (lambda: paired_test([1, 2, 3], [1, 2]), ShapeError, "same seeds"),
    "one pair": (lambda: paired_test([1], [2]), InputError, "run more seeds"),
    "two splits": (lambda: mcnemar([1, 0], [1]), ShapeError, "different splits"),
    "classes": (lambda: mcnemar([1, 2], [1, 0]), InputError, "predictions == labels"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_clear_line(name):
    call, error, words = WRONG[name]
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
