"""What several tests share."""

import pytest


@pytest.fixture(scope="session")
def lite_tokenizer():
    """The tokenizer of the lite encoder."""
    import ftlab as ft

    return ft.load_tokenizer("minilm-l6")
