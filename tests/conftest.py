"""What several tests share."""

import pytest

import ftlab  # noqa: F401  first of all: it tells OpenMP not to spin, which must happen before torch loads


@pytest.fixture(scope="session")
def lite_tokenizer():
    """The tokenizer of the lite encoder."""
    import ftlab as ft

    return ft.load_tokenizer("minilm-l6")
