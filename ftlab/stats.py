"""How sure a number is: intervals for a mean, a share or any score, and tests of whether one model beats another.

Two questions that are easily mixed up. Would another *seed* give the same score? Take `mean_interval` and `paired_test`
over seeds. Would other *examples* of the same kind give it? Take `proportion_interval`, `bootstrap_interval` and `mcnemar`
over the examples of the validation set. A claim of one model over another usually owes an answer to both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ftlab.errors import InputError, ShapeError

EXACT_UP_TO = 14  # paired differences: all 2^14 = 16,384 sign patterns take a few ms
SAMPLED = 20_000  # beyond that, this many random sign patterns: p is then good to about 0.003


@dataclass(frozen=True)
class Interval:
    """A number and how far off it may be, in the unit of the values.

    Args:
        mean: the estimate.
        low, high: ends of the interval.
        n: how many values it rests on.
        sd: their standard deviation (n - 1 in the denominator; NaN for one); for "bootstrap", that of the redrawn scores.
        level: 0.95: of many such intervals, about 95% hold the true value.
        method: "t", "wilson" or "bootstrap".
    Example:
        >>> print(Interval(0.861, 0.853, 0.869, n=3, sd=0.003))
        0.861 [0.853, 0.869], n=3

    Source: Neyman 1937. Checked against: coverage over 2,000 repeated draws (tests/test_stats.py).
    """

    mean: float
    low: float
    high: float
    n: int
    sd: float
    level: float = 0.95
    method: str = "t"

    def __str__(self) -> str:
        return format_interval(self)


def format_interval(interval: Interval, digits: int = 3, percent: bool = False) -> str:
    """An interval as text, in its own unit or in percent.

        mean [low, high], n=count

    Args:
        interval: what `mean_interval`, `proportion_interval` or `bootstrap_interval` returned.
        digits: decimals, of the value or of the percentage.
        percent: True writes 0.861 as 86.1%.
    Returns: str.
    Raises: nothing.
    Example:
        >>> format_interval(Interval(0.861, 0.853, 0.869, n=3, sd=0.003), digits=1, percent=True)
        '86.1% [85.3, 86.9], n=3'

    Source: Dror et al. 2018, section 4 (report the spread). Checked against: text written by hand (tests/test_stats.py).
    """
    scale, unit = (100, "%") if percent else (1, "")
    mean, low, high = (f"{scale * x + 0.0:.{digits}f}" for x in (interval.mean, interval.low, interval.high))
    ends = f"{low}, {high}" if math.isfinite(interval.low) else "no interval from one value"
    return f"{mean}{unit} [{ends}], n={interval.n}"


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of a few runs (seeds) with its t interval, in the unit of the values.

        mean ± t(1 - (1 - level)/2; n - 1) · sd / sqrt(n)

    With few runs the factor t is large: 4.30 for 3 seeds, 2.78 for 5, 2.09 for 20. One run has no interval: its ends are
    infinite, and it prints so.

    Args:
        values: float (n,), one score a run.
        level: share of such intervals that hold the true mean, between 0 and 1.
    Returns: Interval.
    Raises: InputError for no value, one that is not finite, or a level outside 0..1; ShapeError if not one row of values.
    Example:
        >>> print(mean_interval([0.85, 0.86, 0.87]))  # 0.86 ± 4.303 · 0.01 / sqrt(3)
        0.860 [0.835, 0.885], n=3

    Source: Student 1908; Dror et al. 2018 for its use on scores of models.
    Checked against: scipy.stats.ttest_1samp(...).confidence_interval (tests/test_stats.py).
    """
    from scipy.stats import t

    values, level = _values(values), _level(level)
    n, mean = len(values), float(values.mean())
    if n == 1:
        return Interval(mean, -math.inf, math.inf, n, math.nan, level)
    sd = float(values.std(ddof=1))
    half = float(t.ppf((1 + level) / 2, n - 1)) * sd / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n, sd, level)


def proportion_interval(k: int, n: int, level: float = 0.95) -> Interval:
    """Share of k right among n examples (accuracy, 0 to 1) with its Wilson interval.

        (p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n),   p = k/n, z = 1.96 for 95%

    It stays inside 0..1 and keeps a width at k = 0 and k = n, where the usual p ± z sqrt(p(1 - p)/n) has none.

    Args:
        k: int, examples that were right.
        n: int, examples.
        level: share of such intervals that hold the true share, between 0 and 1.
    Returns: Interval; sd is that of one right-or-wrong answer, sqrt(p(1 - p)).
    Raises: InputError unless 0 <= k <= n, n >= 1 and 0 < level < 1.
    Example:
        >>> print(proportion_interval(146, 277))  # RTE's majority class: 277 examples say little
        0.527 [0.468, 0.585], n=277

    Source: Wilson 1927; Brown, Cai & DasGupta 2001, section 3.
    Checked against: scipy.stats.binomtest(k, n).proportion_ci(method="wilson") (tests/test_stats.py).
    """
    from scipy.stats import norm

    level = _level(level)
    if not (0 <= k <= n and n >= 1) or k != int(k) or n != int(n):
        raise InputError(f"{k} right of {n}", wanted="whole numbers, 0 <= k <= n", cause="a share passed for a count")
    p, z = k / n, float(norm.ppf((1 + level) / 2))
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n))
    return Interval(p, max(low, 0.0), min(high, 1.0), int(n), math.sqrt(p * (1 - p)), level, "wilson")


def bootstrap_interval(
    values: ArrayLike,
    stat: Callable[[NDArray], float] = np.mean,
    seed: int = 0,
    level: float = 0.95,
    n_resamples: int = 2000,
) -> Interval:
    """Any score with its percentile bootstrap interval, in the unit of the score.

        draw n of the n examples with replacement, score them; repeat; cut off (1 - level)/2 of the scores at each end

    For scores without a formula, such as F1 or a correlation. It needs some tens of examples: with 3 values it is far too
    narrow (use `mean_interval`).

    Args:
        values: float (n,) or (n, k); rows are drawn whole, so pass predictions and labels side by side as two columns.
        stat: function of the drawn rows to a number; the mean by default.
        seed: of the draws: the same seed gives the same interval.
        level: share of the scores kept, between 0 and 1.
        n_resamples: number of draws; 2,000 put the ends within a few percent of the width.
    Returns: Interval; mean is stat of the values themselves, sd the standard deviation of the redrawn scores (its error).
    Raises: InputError for no value, one that is not finite, a level outside 0..1, or fewer than 100 draws.
    Example:
        >>> print(bootstrap_interval([1.0] * 86 + [0.0] * 14))  # 86 of 100 right; Wilson: 0.779 to 0.915
        0.860 [0.790, 0.930], n=100

    Source: Efron & Tibshirani 1993, section 13.3. Checked against: scipy.stats.bootstrap(method="percentile").
    """
    rows, level = np.asarray(values, dtype=float), _level(level)
    if rows.ndim == 0 or len(rows) == 0 or not np.isfinite(rows).all():
        raise InputError("values that are missing or not finite", wanted="at least one number")
    if n_resamples < 100:
        raise InputError(f"n_resamples is {n_resamples}", wanted="100 or more, usually 2,000")
    rng = np.random.default_rng(seed)
    scores = np.array([stat(rows[rng.integers(len(rows), size=len(rows))]) for _ in range(n_resamples)])
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    sd = float(scores.std(ddof=1))
    return Interval(float(stat(rows)), float(low), float(high), len(rows), sd, level, "bootstrap")


@dataclass(frozen=True)
class PairedTest:
    """Whether a beats b on the same seeds (or examples): the mean difference in their unit, its interval and p.

    Args:
        difference: Interval of a - b.
        p: how often differences at least as large come up when which is a and which b does not matter, 0 to 1.
        method: "exact" (every sign pattern) or "sampled".
    Example:
        >>> print(PairedTest(Interval(0.012, 0.002, 0.022, n=6, sd=0.01), p=0.03125, method="exact"))
        +0.012 [0.002, 0.022], n=6, p=0.031 (exact)

    Source: Dror et al. 2018, section 3.2. Checked against: scipy (tests/test_stats.py).
    """

    difference: Interval
    p: float
    method: str

    def __str__(self) -> str:
        sign = "+" if self.difference.mean >= 0 else ""
        return f"{sign}{self.difference}, p={self.p:.3f} ({self.method})"


def paired_test(a: ArrayLike, b: ArrayLike, level: float = 0.95, seed: int = 0) -> PairedTest:
    """Test of a against b on the same seeds, folds or examples: mean of a - b (in their unit), and p (0 to 1).

        d = a - b;   p = share of the 2^n sign patterns s in which |mean(s d)| >= |mean(d)|

    If a and b were the same, each difference might as well have had the other sign. No bell curve is assumed. It follows
    that p is at least 2 / 2^n: 0.25 for 3 seeds, 0.0625 for 5. Six is the fewest that can reach 0.05.

    Args:
        a: float (n,), scores of the one, seed by seed.
        b: float (n,), scores of the other, in the same order.
        level: of the t interval of the mean difference.
        seed: of the random sign patterns where n is above 14 and 2^n are too many.
    Returns: PairedTest.
    Raises: ShapeError if the lengths differ; InputError for fewer than two pairs or a value that is not finite.
    Example:
        >>> print(paired_test([0.87, 0.86, 0.88], [0.85, 0.85, 0.85]))  # all three up, and still p = 2/8
        +0.020 [-0.005, 0.045], n=3, p=0.250 (exact)

    Source: Fisher 1935, section 21; Dror et al. 2018, section 3.2.2.
    Checked against: scipy.stats.permutation_test(permutation_type="samples"); the interval against ttest_rel.
    """
    a, b = _values(a), _values(b)
    if a.shape != b.shape:
        raise ShapeError(f"{len(a)} and {len(b)} scores", wanted="pairs", cause="a run is missing", hint="use the same seeds")
    if len(a) < 2:
        raise InputError("one pair", wanted="two or more, six to reach p = 0.05", hint="run more seeds")
    d = a - b  # (n,)
    if len(d) <= EXACT_UP_TO:
        patterns = np.arange(2 ** len(d))[:, None] >> np.arange(len(d)) & 1  # (2^n, n) of 0 and 1: counting in binary
        sums = np.abs((1 - 2 * patterns) @ d)  # (2^n,)
        p, method = float((sums >= abs(d.sum()) * (1 - 1e-9)).mean()), "exact"
    else:
        patterns = np.random.default_rng(seed).integers(0, 2, size=(SAMPLED, len(d)), dtype=np.int8)  # (S, n)
        sums = np.abs((1 - 2 * patterns) @ d)  # (S,)
        p = float((1 + (sums >= abs(d.sum()) * (1 - 1e-9)).sum()) / (1 + SAMPLED))  # the pattern seen counts as one
        method = f"{SAMPLED:,} sampled"
    return PairedTest(mean_interval(d, level), p, method)


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same examples: where only one of them is right (counts), and p (0 to 1).

    Args:
        only_a: examples that a has right and b wrong.
        only_b: examples that b has right and a wrong.
        n: all examples.
        p: how often a split of those at least as uneven comes up by tossing a fair coin for each.
    Example:
        >>> print(McNemar(only_a=15, only_b=5, n=200, p=0.0414))
        +0.050 (15 right only by a, 5 only by b, n=200), p=0.041

    Source: McNemar 1947. Checked against: scipy (tests/test_stats.py).
    """

    only_a: int
    only_b: int
    n: int
    p: float

    @property
    def difference(self) -> float:
        """Accuracy of a minus accuracy of b, -1 to 1."""
        return (self.only_a - self.only_b) / self.n

    def __str__(self) -> str:
        return f"{self.difference:+.3f} ({self.only_a} right only by a, {self.only_b} only by b, n={self.n}), p={self.p:.3f}"


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> McNemar:
    """Exact McNemar test of two classifiers on the same examples: counts of disagreement, and p (0 to 1).

        p = min(1, 2 P(X <= min(only_a, only_b))),   X binomial with only_a + only_b tosses of a fair coin

    Examples that both have right, or both wrong, say nothing about which is better and drop out.

    Args:
        correct_a: bool (n,), whether a is right on each example.
        correct_b: bool (n,), whether b is, in the same order.
    Returns: McNemar.
    Raises: ShapeError if the lengths differ; InputError for no example, or entries other than 0/1 or False/True.
    Example:
        >>> print(mcnemar([1, 1, 1, 1, 0, 1, 0, 1], [1, 0, 0, 0, 1, 0, 0, 0]))  # 5 against 1: 2 · 7/64
        +0.500 (5 right only by a, 1 only by b, n=8), p=0.219

    Source: McNemar 1947; Dietterich 1998, section 3.1 (for comparing two classifiers).
    Checked against: scipy.stats.binomtest(only_a, only_a + only_b) (tests/test_stats.py).
    """
    a, b = _values(correct_a), _values(correct_b)
    if a.shape != b.shape:
        raise ShapeError(f"{len(a)} and {len(b)} examples", wanted="the same ones", cause="two different splits")
    if not np.isin([a, b], (0, 1)).all():
        raise InputError("entries other than 0 and 1", wanted="predictions == labels", cause="raw predictions passed")
    only_a, only_b = int((a > b).sum()), int((b > a).sum())
    tosses, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(tosses, k) for k in range(fewer + 1)) / 2**tosses
    return McNemar(only_a, only_b, len(a), min(1.0, 2 * tail))


def _values(values: ArrayLike) -> NDArray:
    """Values as float (n,), once they are one row of at least one finite number."""
    row = np.asarray(values, dtype=float)
    if row.ndim != 1:
        raise ShapeError(f"values of shape {row.shape}", wanted="one row of numbers (n,)")
    if len(row) == 0 or not np.isfinite(row).all():
        raise InputError("values that are missing or not finite", wanted="at least one number", cause="a run that failed")
    return row


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise InputError(f"level is {level}", wanted="between 0 and 1", cause="a percentage", hint="pass 0.95")
    return level
