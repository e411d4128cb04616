"""What seeds do to a score: which seed moves it, how many are needed to see a difference, and what the best of several is worth.

A seed is a nuisance with two halves: it draws the new head, and it draws the order of the examples. `variance_components` tells
the halves apart, `power` and `seeds_needed` plan an experiment before it is run, `expected_best` undoes "we report the best".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ftlab.errors import InputError, ShapeError

MOST_SEEDS = 100_000  # where `seeds_needed` gives up


@dataclass(frozen=True)
class VarianceComponents:
    """How much of the variance of scores goes with the row, with the column, and with neither (unit of the score, squared).

    Args:
        rows, columns: variance between rows and between columns. The estimate of a small one may come out below 0; read that as 0.
        rest: what row and column do not explain: their interaction, and chance within a cell.
        p_rows, p_columns: how often so large a variance comes up when there is none (F test), 0 to 1.
        shape: (rows, columns) of the design.
    Example:
        >>> print(VarianceComponents(rows=0.0004, columns=0.0, rest=0.0012, p_rows=0.01, p_columns=0.6, shape=(8, 8)))
        rows 25% (p=0.010), columns 0% (p=0.600), rest 75%, sd of one score 0.0400

    Source: Searle, Casella & McCulloch 1992, section 4.3. Checked against: simulation (tests/test_seeds.py).
    """

    rows: float
    columns: float
    rest: float
    p_rows: float
    p_columns: float
    shape: tuple[int, int]

    @property
    def total(self) -> float:
        """Variance of one score, with estimates below 0 counted as 0."""
        return max(self.rows, 0.0) + max(self.columns, 0.0) + self.rest

    @property
    def shares(self) -> dict[str, float]:
        """Each one's share of the total, 0 to 1."""
        parts = {"rows": max(self.rows, 0.0), "columns": max(self.columns, 0.0), "rest": self.rest}
        return {name: part / self.total if self.total else math.nan for name, part in parts.items()}

    def __str__(self) -> str:
        s = self.shares
        return (f"rows {s['rows']:.0%} (p={self.p_rows:.3f}), columns {s['columns']:.0%} (p={self.p_columns:.3f}), rest {s['rest']:.0%}, "
                f"sd of one score {math.sqrt(self.total):.4f}")


def variance_components(scores: ArrayLike) -> VarianceComponents:
    """Split the variance of a crossed design: each head seed (row) with each order seed (column), one score a cell.

        y_ij = mean + row_i + column_j + rest_ij
        MS_rows = J var(row means),   MS_columns = I var(column means),   MS_rest = sum of (y - row - column + mean)² / ((I-1)(J-1))
        rest = MS_rest,   rows = (MS_rows - MS_rest) / J,   columns = (MS_columns - MS_rest) / I

    The mean of a row still holds 1/J of the rest's variance; hence the subtraction.

    Args:
        scores: float (I, J), at least 2 x 2.
    Returns: VarianceComponents.
    Raises: ShapeError unless scores is a table of at least 2 x 2; InputError for a score that is missing.
    Example:
        >>> variance_components([[0.80, 0.82], [0.84, 0.86]]).rest < 1e-12  # rows and columns add up: nothing is left over
        True

    Source: Searle, Casella & McCulloch 1992, section 4.3 (two-way random model, ANOVA estimators).
    Checked against: simulation, and scipy's one-way F for the sums of squares (tests/test_seeds.py).
    """
    from scipy.stats import f

    y = np.asarray(scores, dtype=float)
    if y.ndim != 2 or min(y.shape) < 2:
        raise ShapeError(f"scores of shape {y.shape}", wanted="a table (I, J), at least 2 x 2", hint="one row a head seed, one column an order seed")
    if not np.isfinite(y).all():
        raise InputError("scores that are missing or not finite", wanted="one number in every cell", cause="a run that failed")
    i, j = y.shape
    row, column, mean = y.mean(1, keepdims=True), y.mean(0, keepdims=True), y.mean()  # (I, 1), (1, J), ()
    ms_rows, ms_columns = j * float(row.var(ddof=1)), i * float(column.var(ddof=1))
    df = (i - 1) * (j - 1)
    ms_rest = float(((y - row - column + mean) ** 2).sum()) / df
    p_rows, p_columns = (float(f.sf(ms / ms_rest, k - 1, df)) if ms_rest else math.nan for ms, k in ((ms_rows, i), (ms_columns, j)))
    return VarianceComponents((ms_rows - ms_rest) / j, (ms_columns - ms_rest) / i, ms_rest, p_rows, p_columns, (i, j))


def power(difference: float, sd: float, n_seeds: int, paired: bool = False, alpha: float = 0.05) -> float:
    """How often a two-sided t test will see a true difference, 0 to 1.

        P(|T| > t),   T noncentral t with   paired: n - 1 degrees, shift d sqrt(n) / sd;   unpaired: 2n - 2, shift d sqrt(n / 2) / sd

    Args:
        difference: d, the true difference of the two means, in the unit of the scores.
        sd: standard deviation of the runs of one method (unpaired), or of the differences on the same seed (paired).
        n_seeds: runs of each method.
        paired: whether the two methods share their seeds, and the test uses it.
        alpha: the p below which one says "different".
    Returns: float, 0 to 1.
    Raises: InputError unless sd > 0, n_seeds >= 2 and 0 < alpha < 1.
    Example:
        >>> round(power(0.01, 0.01, 5), 2)  # one point apart, one point of spread, five seeds each
        0.29

    Source: Cohen 1988, chapter 2. Checked against: simulation, and textbook sample sizes (tests/test_seeds.py).
    """
    from scipy.stats import nct, t

    if not sd > 0 or not math.isfinite(difference) or isinstance(n_seeds, bool) or n_seeds != int(n_seeds) or n_seeds < 2 or not 0 < alpha < 1:
        raise InputError(f"difference {difference}, sd {sd}, {n_seeds} seeds, alpha {alpha}", wanted="sd above 0, 2 seeds or more, alpha between 0 and 1")
    df = n_seeds - 1 if paired else 2 * n_seeds - 2
    shift = abs(difference) / sd * math.sqrt(n_seeds if paired else n_seeds / 2)
    limit = float(t.ppf(1 - alpha / 2, df))
    if shift > 35:  # certain, and beyond what the noncentral t can be computed for
        return 1.0
    return float(nct.sf(limit, df, shift) + nct.cdf(-limit, df, shift))


def seeds_needed(difference: float, sd: float, wanted: float = 0.8, paired: bool = False, alpha: float = 0.05) -> int:
    """The fewest seeds of each method with which a true difference is seen often enough.

        smallest n with power(difference, sd, n) >= wanted;   about 2 · (1.96 + 0.84)² · (sd / difference)² unpaired, half of it paired

    Args:
        difference: the true difference to be seen.
        sd: as in `power`.
        wanted: the power, 0.8 by custom: one true difference in five is still missed.
        paired, alpha: as in `power`.
    Returns: int, seeds of each of the two methods.
    Raises: InputError as in `power`, or if more than 100,000 were needed.
    Example:
        >>> seeds_needed(0.01, 0.01), seeds_needed(0.01, 0.02)  # half the effect in units of sd: four times the seeds
        (17, 64)

    Source: Cohen 1988, section 2.4. Checked against: his table (d = 0.5 needs 64), and simulation (tests/test_seeds.py).
    """
    if not 0 < wanted < 1:
        raise InputError(f"power {wanted}", wanted="between 0 and 1, usually 0.8")
    if difference == 0 or power(difference, sd, MOST_SEEDS, paired, alpha) < wanted:
        raise InputError(f"a difference of {difference} with sd {sd}", wanted=f"one that {MOST_SEEDS:,} seeds can show")
    low, high = 1, 2  # power rises with n: double, then halve the bracket
    while power(difference, sd, high, paired, alpha) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(difference, sd, middle, paired, alpha) >= wanted else (middle, high)
    return high


def expected_best(scores: ArrayLike, n: int) -> float:
    """What the best of n runs is expected to score, from N runs that were made (unit of the scores).

        sum over i of v_i · ((i/N)^n - ((i-1)/N)^n),   v sorted upwards

    It is the expectation when n runs are drawn with replacement from the N; for n near N it is a little low.

    Args:
        scores: float (N,), all runs, none left out.
        n: how many runs somebody tries before reporting the best.
    Returns: float.
    Raises: ShapeError if scores is not one row; InputError if it is empty, holds a NaN, or n is below 1.
    Example:
        >>> round(expected_best([0.80, 0.82, 0.84], 2), 4)  # 5/9 of the best, 3/9, 1/9
        0.8289

    Source: Dodge et al. 2019, Show Your Work, section 3.1; used for seeds in Dodge et al. 2020.
    Checked against: simulation (tests/test_seeds.py).
    """
    v = np.sort(np.asarray(scores, dtype=float))
    if v.ndim != 1:
        raise ShapeError(f"scores of shape {v.shape}", wanted="one row of numbers (N,)")
    if len(v) == 0 or not np.isfinite(v).all() or isinstance(n, bool) or n != int(n) or n < 1:
        raise InputError(f"{len(v)} scores, best of {n!r}", wanted="at least one finite score, and n of 1 or more")
    i = np.arange(1, len(v) + 1)
    return float((v * ((i / len(v)) ** n - ((i - 1) / len(v)) ** n)).sum())
