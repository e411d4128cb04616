"""For every test, and for the notebooks that nbval runs (their kernels inherit this environment)."""

import os

os.environ["FTLAB_QUIET"] = "1"  # no live widgets, no progress bars: the stored outputs were made this way

NOT_COMPARED = ("text/html", "image/svg+xml", "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json")


def pytest_collectstart(collector) -> None:
    """nbval compares text only: HTML, pictures and widgets always come with a text form, which is compared."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += NOT_COMPARED
