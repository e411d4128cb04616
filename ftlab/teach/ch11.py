"""Exercises, quiz and recall questions of chapter 11: stability."""

from __future__ import annotations

import itertools
import math

from .content import Case, Choice, Exercise, Mistake, Question, Recall


def report(scores: list[float], t: float) -> list[float]:
    n = len(scores)
    mean = sum(scores) / n
    variance = sum((s - mean) ** 2 for s in scores) / (n - 1)  # n - 1: the mean was fitted to the same scores
    return [mean, t * math.sqrt(variance / n)]  # of the mean, not of one run


def _spread_of_runs(scores: list[float], t: float) -> list[float]:
    mean, half = report(scores, t)
    return [mean, half * math.sqrt(len(scores))]


def _n_not_n_minus_1(scores: list[float], t: float) -> list[float]:
    mean, half = report(scores, t)
    return [mean, half * math.sqrt((len(scores) - 1) / len(scores))]


def _by_n_not_root(scores: list[float], t: float) -> list[float]:
    mean, half = report(scores, t)
    return [mean, half / math.sqrt(len(scores))]


def _best_seed(scores: list[float], t: float) -> list[float]:
    return [max(scores), report(scores, t)[1]]


def _without_t(scores: list[float], t: float) -> list[float]:
    mean, half = report(scores, t)
    return [mean, half / t]


def _fixed_196(scores: list[float], t: float) -> list[float]:
    mean, half = report(scores, t)
    return [mean, half / t * 1.96]


def first_step() -> float:
    m, v = 0.1, 0.001  # (1 - 0.9) g and (1 - 0.999) g², with g = 1
    return m / math.sqrt(v)


def p_value(a: list[float], b: list[float]) -> float:
    d = [x - y for x, y in zip(a, b)]  # seed by seed
    seen = abs(sum(d))
    patterns = list(itertools.product((1, -1), repeat=len(d)))
    as_far = [abs(sum(s * x for s, x in zip(signs, d))) >= seen - 1e-12 for signs in patterns]  # in either direction
    return sum(as_far) / len(patterns)


def _one_sided(a: list[float], b: list[float]) -> float:
    d = [x - y for x, y in zip(a, b)]
    patterns = list(itertools.product((1, -1), repeat=len(d)))
    return sum(sum(s * x for s, x in zip(signs, d)) >= sum(d) - 1e-12 for signs in patterns) / len(patterns)


def _one_sided_abs(a: list[float], b: list[float]) -> float:
    d = [x - y for x, y in zip(a, b)]
    patterns = list(itertools.product((1, -1), repeat=len(d)))
    return sum(sum(s * x for s, x in zip(signs, d)) >= abs(sum(d)) - 1e-12 for signs in patterns) / len(patterns)


def _unpaired(a: list[float], b: list[float]) -> float:
    both, n = a + b, len(a)
    seen = abs(sum(a) - sum(b))
    picks = list(itertools.combinations(range(2 * n), n))
    return sum(abs(2 * sum(both[i] for i in pick) - sum(both)) >= seen - 1e-12 for pick in picks) / len(picks)


def _strictly_further(a: list[float], b: list[float]) -> float:
    d = [x - y for x, y in zip(a, b)]
    patterns = list(itertools.product((1, -1), repeat=len(d)))
    return sum(abs(sum(s * x for s, x in zip(signs, d))) > abs(sum(d)) + 1e-12 for signs in patterns) / len(patterns)


def _wins_only(a: list[float], b: list[float]) -> float:
    return p_value([float(x > y) for x, y in zip(a, b)], [float(x < y) for x, y in zip(a, b)])


def seeds(difference: float, sd: float) -> int:
    return math.ceil(2 * (1.96 + 0.84) ** 2 * (sd / difference) ** 2)


def _one_sample(difference: float, sd: float) -> int:
    return math.ceil((1.96 + 0.84) ** 2 * (sd / difference) ** 2)


def _not_squared(difference: float, sd: float) -> int:
    return math.ceil(2 * (1.96 + 0.84) ** 2 * sd / difference)


def _rounded_down(difference: float, sd: float) -> int:
    return math.floor(2 * (1.96 + 0.84) ** 2 * (sd / difference) ** 2)


def _no_power(difference: float, sd: float) -> int:
    return math.ceil(2 * 1.96**2 * (sd / difference) ** 2)


def _upside_down(difference: float, sd: float) -> int:
    return math.ceil(2 * (1.96 + 0.84) ** 2 * (difference / sd) ** 2)


def best_of(scores: list[float], n: int) -> float:
    v = sorted(scores)
    total = len(v)
    return sum(x * ((i / total) ** n - ((i - 1) / total) ** n) for i, x in enumerate(v, start=1))


def _best_of_all(scores: list[float], n: int) -> float:
    return max(scores)


def _best_of_first(scores: list[float], n: int) -> float:
    return max(scores[:n])


def _unsorted(scores: list[float], n: int) -> float:
    total = len(scores)
    return sum(x * ((i / total) ** n - ((i - 1) / total) ** n) for i, x in enumerate(scores, start=1))


def _worst_of(scores: list[float], n: int) -> float:
    return -best_of([-x for x in scores], n)


def _mean_of(scores: list[float], n: int) -> float:
    return sum(scores) / len(scores)


def _not_put_back(scores: list[float], n: int) -> float:
    groups = list(itertools.combinations(scores, min(n, len(scores))))
    return sum(max(group) for group in groups) / len(groups)


def components(table: list[list[float]]) -> list[float]:
    n_rows, n_columns = len(table), len(table[0])
    row = [sum(r) / n_columns for r in table]
    column = [sum(c) / n_rows for c in zip(*table)]
    mean = sum(row) / n_rows
    left_over = [table[i][j] - row[i] - column[j] + mean for i in range(n_rows) for j in range(n_columns)]
    rest = sum(x**2 for x in left_over) / ((n_rows - 1) * (n_columns - 1))
    between_rows = sum((r - mean) ** 2 for r in row) / (n_rows - 1)
    between_columns = sum((c - mean) ** 2 for c in column) / (n_columns - 1)
    return [between_rows - rest / n_columns, between_columns - rest / n_rows, rest]


def _not_subtracted(table: list[list[float]]) -> list[float]:
    rows, columns, rest = components(table)
    return [rows + rest / len(table[0]), columns + rest / len(table), rest]


def _swapped_counts(table: list[list[float]]) -> list[float]:
    rows, columns, rest = components(table)
    i, j = len(table), len(table[0])
    return [rows + rest / j - rest / i, columns + rest / i - rest / j, rest]


def _whole_variance(table: list[list[float]]) -> list[float]:
    flat = [x for r in table for x in r]
    mean = sum(flat) / len(flat)
    rest = sum((x - mean) ** 2 for x in flat) / (len(flat) - 1)
    rows, columns, own = components(table)
    i, j = len(table), len(table[0])
    return [rows + (own - rest) / j, columns + (own - rest) / i, rest]


def _divided_by_cells(table: list[list[float]]) -> list[float]:
    rows, columns, rest = components(table)
    i, j = len(table), len(table[0])
    other = rest * (i - 1) * (j - 1) / (i * j - 1)
    return [rows + (rest - other) / j, columns + (rest - other) / i, other]


def _means_by_n(table: list[list[float]]) -> list[float]:
    rows, columns, rest = components(table)
    i, j = len(table), len(table[0])
    return [(rows + rest / j) * (i - 1) / i - rest / j, (columns + rest / i) * (j - 1) / j - rest / i, rest]


def _rows_for_columns(table: list[list[float]]) -> list[float]:
    rows, columns, rest = components(table)
    return [columns, rows, rest]


EXERCISES = (
    Exercise(
        id="11.1", title="What to report", level=1, signature="my_report(scores, t)", solution=report,
        cases=(
            Case(([0.80, 0.82, 0.84], 4.303), [0.82, 4.303 * 0.02 / math.sqrt(3)], "three seeds"),  # sd 0.02
            Case(([1.0, 3.0], 12.706), [2.0, 12.706], "two seeds: sd sqrt(2), divided by sqrt(2)"),
            Case(([0.81, 0.79, 0.83, 0.50, 0.82], 2.776), name="one run collapsed, and counts"),
            Case(([0.7, 0.7, 0.7, 0.7], 3.182), [0.7, 0.0], "all alike"),
        ),
        hints=(
            "How far may the *mean* be off? Less than one run is: it is made of several.",
            "The standard deviation of the runs (with n - 1), divided by the root of n, times t.",
            "`variance = sum((s - mean) ** 2 for s in scores) / (n - 1)`, then `[mean, t * (variance / n) ** 0.5]`",
        ),
        reasoning="The spread of the runs says where the next run may land; divided by the root of n it says how well the mean is known. n - 1 makes up for the "
                  "mean having been fitted to the same scores, and t for the spread itself being an estimate.",
        mistakes=(
            Mistake("spread of the runs", _spread_of_runs,
                    "that is the spread of single runs: the mean of n runs is known better, by the root of n"),
            Mistake("n instead of n - 1", _n_not_n_minus_1,
                    "you divided the squares by n: the mean lies closer to its own scores than the true mean does, and n - 1 makes up for it"),
            Mistake("by n, not its root", _by_n_not_root, "you divided by n instead of its root: variances shrink with n, spreads with its root"),
            Mistake("best seed", _best_seed, "you reported the best seed: the more seeds one tries, the better it gets, with the very same method"),
            Mistake("without t", _without_t, "that is the standard error alone: times t it becomes the half-width of an interval"),
            Mistake("1.96 for all", _fixed_196, "you took 1.96 for t: that holds for many runs; with few, their spread is uncertain too, and t is larger"),
        )),
    Exercise(
        id="11.2", title="The first step without correction", level=1, signature="a number", asks="value", solution=first_step,
        cases=(Case(wanted=math.sqrt(10), tolerance=0.005),),
        hints=(
            "After one gradient g, what are m and v, if both began at 0?",
            "m = 0.1 g and v = 0.001 g². The corrected step would be g / |g| = 1.",
            "`0.1 / 0.001 ** 0.5`",
        ),
        reasoning="Both averages are too small at first, but v far more so, and the step divides by its root. So the step is 3.16 times too long, not too short.",
        mistakes=(
            Mistake("only m", 0.1, "that is m alone; v is too small as well, and by more"),
            Mistake("no root", 100.0, "AdamW divides by the root of v"),
            Mistake("upside down", math.sqrt(0.1), "upside down: the step is m divided by the root of v"),
            Mistake("corrected", 1.0, "that is the step *with* the correction"),
        )),
    Exercise(
        id="11.3", title="A paired test", level=2, signature="my_p(a, b)", solution=p_value,
        cases=(
            Case(([0.87, 0.86, 0.88], [0.85, 0.85, 0.85]), 0.25, "three seeds, all up: 2 of 8"),
            Case(([0.80, 0.82, 0.90, 0.85], [0.81, 0.80, 0.84, 0.82]), 0.25, "one seed down"),  # sums of |d| >= 0.10: 4 of 16
            Case(([0.50, 0.60, 0.70, 0.80, 0.90, 1.0], [0.49, 0.59, 0.69, 0.79, 0.89, 0.99]), 2 / 64, "far apart seeds, the same small step"),
            Case(([0.84, 0.80, 0.83, 0.79, 0.85], [0.80, 0.81, 0.85, 0.83, 0.86]), name="a is the worse one"),
            Case(([0.7, 0.8], [0.7, 0.8]), 1.0, "no difference at all"),
        ),
        hints=(
            "If a and b were the same, which of the two is called a would be a coin toss, seed by seed.",
            "Take the differences. For each of the 2^n patterns of signs, how far is their sum from 0, in either direction?",
            "`itertools.product((1, -1), repeat=n)`; count `abs(sum) >= abs(sum seen)` (minus 1e-12 for rounding), divide by 2 ** n.",
        ),
        reasoning="The pattern seen counts among those as far as it, so p is at least 1 in 2^n, and its mirror image makes it 2: with five seeds never below 0.0625. "
                  "What all runs of a seed have in common drops out of the differences.",
        mistakes=(
            Mistake("one-sided", _one_sided, "that is one-sided: it asks only for sums as large, but before looking, b might as well have been the better one"),
            Mistake("one-sided after looking", _one_sided_abs,
                    "you looked which side is ahead and then counted that side only: count both ends, or the error is twice what you say"),
            Mistake("unpaired", _unpaired, "you shuffled all scores between a and b: these come in pairs of one seed; swap only within a pair"),
            Mistake("strictly further", _strictly_further, "you counted only sums *further* off: the one seen counts too, or p could be 0"),
            Mistake("wins only", _wins_only, "you counted who wins, not by how much: that throws away the sizes of the differences"),
        )),
    Exercise(
        id="11.4", title="How many seeds?", level=2, signature="my_seeds(difference, sd)", solution=seeds,
        cases=(
            Case((0.01, 0.01), 16, "a difference as large as the spread"),  # 15.68
            Case((0.01, 0.02), 63, "twice the spread"),  # 62.7
            Case((0.02, 0.01), 4, "twice the difference"),  # 3.92
            Case((0.005, 0.013), name="half a point"),
        ),
        hints=(
            "Two means of n runs each: what is the variance of their difference?",
            "2 sd² / n. The difference must be 1.96 + 0.84 of its roots away from 0: 1.96 for p < 0.05, 0.84 so that this happens 80% of the time.",
            "Solve `difference = (1.96 + 0.84) * sd * (2 / n) ** 0.5` for n and round up.",
        ),
        reasoning="A difference half as large needs four times the seeds. The exact count, with t instead of the normal, is one or two more (`ft.seeds_needed`).",
        mistakes=(
            Mistake("one sample", _one_sample, "you let only one of the two means vary: both are estimated, so the variance is 2 sd² / n"),
            Mistake("not squared", _not_squared, "the ratio of spread to difference must be squared: errors shrink with the *root* of n"),
            Mistake("rounded down", _rounded_down, "round up: with fewer runs the power is below 80%"),
            Mistake("no power", _no_power,
                    "with that many, the difference seen would be just at the edge of p = 0.05, so it is missed half the time: add the 0.84 for 80%"),
            Mistake("upside down", _upside_down, "upside down: the larger the spread, the more seeds"),
        )),
    Exercise(
        id="11.5", title="The best of n", level=3, signature="my_best_of(scores, n)", solution=best_of,
        cases=(
            Case(([0.80, 0.82, 0.84], 2), 0.82 + 0.08 / 9, "three runs, best of two"),  # (5 · 0.84 + 3 · 0.82 + 0.80) / 9
            Case(([0.84, 0.80, 0.82], 1), 0.82, "best of one"),
            Case(([0.9, 0.1, 0.5, 0.7], 3), name="not in order"),
            Case(([0.6, 0.6, 0.8], 2), name="two alike"),
            Case(([0.7, 0.8], 4), 0.7 / 16 + 0.8 * 15 / 16, "more tries than runs"),
        ),
        hints=(
            "Draw n of the N scores, each draw from all of them. When is the i-th smallest the largest one drawn?",
            "When all n are among the i smallest, but not all among the i - 1 smallest.",
            "Sort upwards; the i-th (from 1) has the chance `(i / N) ** n - ((i - 1) / N) ** n`.",
        ),
        reasoning="The chance that all n draws are among the i smallest is (i/N)^n. Take differences and you have the chance of each score being the best.",
        mistakes=(
            Mistake("best of all", _best_of_all, "that is the best of *all* runs: somebody with n tries gets less, on average"),
            Mistake("best of the first", _best_of_first, "that is one draw, the first n runs: the mean over all draws is asked for"),
            Mistake("unsorted", _unsorted, "the scores must be sorted upwards first: their place is their rank"),
            Mistake("worst", _worst_of, "that is the expected *worst* of n: sort upwards"),
            Mistake("mean", _mean_of, "that is the mean, the best of one"),
            Mistake("not put back", _not_put_back, "you drew without putting back: here each try is drawn from all N runs again"),
        )),
    Exercise(
        id="11.6", title="Split the variance", level=3, signature="my_components(table)", solution=components,
        cases=(
            Case(([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]],), [1.0, 0.0, 0.0], "only the rows differ"),
            Case(([[1.0, 0.0], [0.0, 1.0]],), [-0.5, -0.5, 1.0], "neither rows nor columns: all is left over"),
            Case(([[0.80, 0.83, 0.79, 0.82], [0.84, 0.85, 0.83, 0.90], [0.78, 0.80, 0.80, 0.75]],), name="three rows, four columns"),
            Case(([[0.6, 0.9], [0.7, 0.8], [0.5, 0.9], [0.6, 0.7]],), name="columns far apart"),
        ),
        hints=(
            "What would a cell be if only its row and its column mattered? What it differs from that by is the rest.",
            "Rest: squares of (cell - row mean - column mean + mean), over (rows - 1)(columns - 1). A row's mean still holds rest / columns.",
            "rows = variance of the row means (n - 1) minus rest / number of columns; columns the other way round.",
        ),
        reasoning="The mean of a row averages the rest over its columns, so its variance is that of the rows plus rest / columns; subtract it. An estimate below 0 "
                  "says: no more than the rest alone would give.",
        mistakes=(
            Mistake("not subtracted", _not_subtracted,
                    "that is the variance of the means: it still holds a share of the rest, which must be subtracted"),
            Mistake("swapped counts", _swapped_counts, "a row's mean averages over the *columns*: subtract rest / columns from the rows, not rest / rows"),
            Mistake("whole variance", _whole_variance, "you took the variance of all scores for the rest: subtract row and column first"),
            Mistake("degrees of freedom", _divided_by_cells,
                    "the rest has (rows - 1)(columns - 1) degrees of freedom: row and column means were fitted to the same cells"),
            Mistake("n for the means", _means_by_n, "you divided the squares of the means by n: use n - 1"),
            Mistake("rows for columns", _rows_for_columns, "rows and columns are swapped"),
        )),
)

QUIZ = (
    Question("Five seeds score 0.81, 0.82, 0.80, 0.82 and 0.50. What do you report?", (
        Choice("0.82, the best", "The best of five is what luck gave; nobody who trains once gets it."),
        Choice("0.81, the mean of the four that worked",
               "That hides one failure in five, which whoever uses the recipe will meet. Report it beside the mean of all, if you like, and say so."),
        Choice("the mean of all five with its interval, all five scores, and that one collapsed",
               "The failure is a property of the recipe.", right=True),
        Choice("0.81, and rerun the seed that failed until it works", "Rerunning only what one dislikes is choosing by score."))),
    Question("Two methods run with the same ten seeds each. Their scores are uncorrelated from seed to seed. What does the paired test gain?", (
        Choice("half the variance", "Only if the pairs had half their variance in common."),
        Choice("next to nothing: sharing a seed helps only as far as both methods react to it alike",
               "The variance of a difference is 2 sd² (1 - correlation).", right=True),
        Choice("it becomes valid", "With independent runs the unpaired test is valid too."),
        Choice("it needs no second method", "There is nothing to pair, then."))),
    Question("Why does leaving out AdamW's bias correction hurt short trainings most?", (
        Choice("the steps are up to 6.6 times too long at first, and a short training has nothing but a first part",
               "The factor is 3.2 at step 1, 6.6 at step 12, and still 2.3 at step 200.", right=True),
        Choice("the steps are too short at first", "m is too small, but the root of v is smaller still."),
        Choice("weight decay is left out with it", "Weight decay is another term."),
        Choice("the gradient is no longer clipped", "Clipping comes before AdamW."))),
    Question("In a crossed design, the rest is large beside head and order. What does that say?", (
        Choice("the measurements were careless", "It is what it is, however carefully measured."),
        Choice("there are no good heads and no good orders: what counts is the combination, or plain chance",
               "A head that is good with one order need not be with the next.", right=True),
        Choice("one should choose the best head", "That helps only if the rows differ by more than the rest explains."))),
    Question("A paper finds A better than B by 0.4 points, one run each, where runs of one method have a standard deviation of 1 point. What do you conclude?", (
        Choice("A is better", "Two runs of the very same method differ by that much more often than not."),
        Choice("B is as good as A", "One run each cannot show that either."),
        Choice("nothing yet: to see 0.4 points four times in five, about a hundred seeds of each would be needed",
               "2 · 7.84 · (1 / 0.4)² = 98.", right=True))),
)

RECALL = (
    Recall("04", "What did a learning rate of 1e-3 do to the sentiment classifier?",
           "It failed for some seeds: one answer for every sentence, accuracy 0.50, while other seeds came out at 0.68 and 0.74."),
    Recall("05", "How far does AdamW's first step move a weight?",
           "By the whole learning rate of that step, whatever the size of the gradient; hence the warm-up."),
    Recall("05", "An interval over seeds and an interval over test sentences: which question does each answer?",
           "Over seeds: what would another training have given? Over sentences: what would other test sentences have given? A claim owes both."),
)
