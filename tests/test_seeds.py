"""Variance components, power and the best of n: by hand, against scipy and textbooks, and by simulation."""

import doctest

import numpy as np
import pytest
from scipy import stats as scipy_stats

from ftlab import seeds
from ftlab.errors import InputError, ShapeError
from ftlab.seeds import VarianceComponents, expected_best, power, seeds_needed, variance_components


def test_examples_in_the_docstrings():
    assert doctest.testmod(seeds).failed == 0


def test_components_by_hand():
    """Rows 1, 2, 3 apart, columns alike: variance of the row means is 1, and nothing is left over."""
    found = variance_components([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    assert (found.rows, found.columns, found.rest) == pytest.approx((1.0, 0.0, 0.0))
    assert found.shares == pytest.approx({"rows": 1.0, "columns": 0.0, "rest": 0.0})
    square = variance_components([[1.0, 0.0], [0.0, 1.0]])  # pure interaction: means alike, MS_rest = 4 · 0.25 / 1
    assert square.rest == pytest.approx(1.0) and square.rows == pytest.approx(-0.5) and square.shares["rest"] == pytest.approx(1.0)


def test_components_sum_to_the_whole_sum_of_squares():
    y = np.random.default_rng(0).normal(0.8, 0.02, (5, 7))
    c = variance_components(y)
    ss = (c.rest + 7 * c.rows) * 4 + (c.rest + 5 * c.columns) * 6 + c.rest * 24  # each mean square times its degrees of freedom
    assert ss == pytest.approx(((y - y.mean()) ** 2).sum())
    assert (c.rest + 7 * c.rows) == pytest.approx(7 * y.mean(1).var(ddof=1))
    turned = variance_components(y.T)
    assert (turned.rows, turned.columns, turned.p_rows) == pytest.approx((c.columns, c.rows, c.p_columns))


def test_components_are_unbiased_and_the_test_keeps_its_level():
    rng = np.random.default_rng(1)
    found, false_alarms = [], 0
    for _ in range(2000):
        y = rng.normal(0, 2.0, (6, 1)) + rng.normal(0, 1.0, (6, 5))  # rows 4, columns 0, rest 1
        c = variance_components(y)
        found.append((c.rows, c.columns, c.rest))
        false_alarms += c.p_columns < 0.05
    assert np.mean(found, axis=0) == pytest.approx((4.0, 0.0, 1.0), abs=0.2)
    assert 0.035 < false_alarms / 2000 < 0.065


def test_components_refuse_and_print():
    with pytest.raises(ShapeError, match="table"):
        variance_components([0.8, 0.9])
    with pytest.raises(InputError, match="missing"):
        variance_components([[0.8, 0.9], [0.8, float("nan")]])
    assert "rows 25%" in str(VarianceComponents(1.0, -0.5, 3.0, 0.1, 0.9, (2, 2)))


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("n", [2, 5, 12])
def test_power_by_simulation(paired, n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(1.0, 1.0, (20_000, n)), rng.normal(0.0, 1.0, (20_000, n))
    if paired:
        p, sd = scipy_stats.ttest_rel(a, b, axis=1).pvalue, np.sqrt(2)
    else:
        p, sd = scipy_stats.ttest_ind(a, b, axis=1).pvalue, 1.0
    assert power(1.0, sd, n, paired) == pytest.approx((p < 0.05).mean(), abs=0.012)


def test_power_without_a_difference_is_alpha():
    assert power(0.0, 1.0, 10) == pytest.approx(0.05) and power(0.0, 1.0, 10, paired=True, alpha=0.01) == pytest.approx(0.01)
    assert power(5.0, 0.1, 50) == 1.0 and power(-1.0, 1.0, 10) == power(1.0, 1.0, 10)


@pytest.mark.parametrize("d, unpaired, paired", [(0.2, 394, 199), (0.5, 64, 34), (0.8, 26, 15), (1.0, 17, 10)])
def test_seeds_needed_is_the_textbooks(d, unpaired, paired):
    """Cohen 1988, table 2.4.1 (two samples) and the usual tables for one sample of differences."""
    assert seeds_needed(d, 1.0) == unpaired and seeds_needed(d, 1.0, paired=True) == paired


def test_seeds_needed_is_statsmodels():
    theirs = pytest.importorskip("statsmodels.stats.power")
    for d in (0.3, 0.7, 1.5):
        n = theirs.TTestIndPower().solve_power(d, power=0.9, alpha=0.05)
        assert seeds_needed(d, 1.0, 0.9) == int(np.ceil(n))


def test_seeds_needed_is_the_smallest():
    for paired in (False, True):
        n = seeds_needed(0.01, 0.015, 0.8, paired)
        assert power(0.01, 0.015, n, paired) >= 0.8 > power(0.01, 0.015, n - 1, paired)
    assert seeds_needed(100.0, 0.1) == 2


@pytest.mark.parametrize("bad", [dict(sd=0.0), dict(n_seeds=1), dict(alpha=1.0), dict(difference=float("nan")), dict(n_seeds=2.5)], ids=str)
def test_power_refuses(bad):
    with pytest.raises(InputError, match="wanted"):
        power(**{"difference": 0.01, "sd": 0.01, "n_seeds": 5, **bad})


def test_seeds_needed_refuses():
    with pytest.raises(InputError, match="seeds can show"):
        seeds_needed(0.0, 0.01)
    with pytest.raises(InputError, match="0.8"):
        seeds_needed(0.01, 0.01, wanted=80)


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_expected_best_by_simulation(n):
    rng = np.random.default_rng(n)
    scores = rng.normal(0.8, 0.02, 20)
    drawn = rng.choice(scores, (40_000, n)).max(1)
    assert expected_best(scores, n) == pytest.approx(drawn.mean(), abs=4 * 0.02 / 200)
    assert scores.mean() - 1e-12 <= expected_best(scores, n) <= scores.max()


def test_expected_best_edges():
    assert expected_best([0.8], 7) == 0.8 and expected_best([0.1, 0.2, 0.3], 1) == pytest.approx(0.2)
    assert expected_best([0.3, 0.1, 0.2], 1000) == pytest.approx(0.3)
    for bad in ([], [0.8, float("nan")]):
        with pytest.raises(InputError):
            expected_best(bad, 2)
    with pytest.raises(InputError):
        expected_best([0.8], 0)
    with pytest.raises(ShapeError):
        expected_best([[0.8]], 1)
