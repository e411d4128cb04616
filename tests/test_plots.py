"""Charts whose marks must all be seen."""

import matplotlib.pyplot as plt
import pytest

from ftlab import plots


def marks(fig):
    return [(line.get_xdata()[0], line.get_ydata()[0]) for line in fig.axes[0].lines if line.get_marker() == "|"]


@pytest.mark.parametrize("scale", [1.0, 100.0])  # scores from 0 to 1, or in percentage points
def test_runs_that_end_alike_are_all_seen(scale):
    runs = {"fails": [0.5 * scale, 0.5 * scale, 0.5001 * scale, 0.7 * scale], "steady": [0.71 * scale] * 10}
    fig = plots.dots_with_intervals({"fails": 0.55 * scale, "steady": 0.71 * scale}, baseline=0.5 * scale, points=runs)
    drawn = marks(fig)
    plt.close(fig)
    assert len(drawn) == 14
    assert len({y for x, y in drawn if x < 0.51 * scale}) == 3, "three failed runs, three heights"
    assert all(0.4 < y < 0.9 for x, y in drawn if x < 0.705 * scale and x != 0.71 * scale), "in their own row"
    low, high = fig.axes[0].get_ylim()
    assert all(low < y < high for _, y in drawn)
