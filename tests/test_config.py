import pytest

from ftlab.config import TrainConfig
from ftlab.errors import InputError

BAD = [
    dict(learning_rate=-0.1), dict(learning_rate=0), dict(learning_rate="fast"), dict(learning_rate=float("nan")), dict(epochs=0),
    dict(epochs=1.5), dict(batch_size=0), dict(batch_size=True), dict(micro_batch_size=64, batch_size=32), dict(warmup_ratio=1.1),
    dict(weight_decay=-1), dict(clip_norm=0), dict(dropout=1.0), dict(label_smoothing=-0.1), dict(schedule="step"), dict(precision="int8"),
    dict(patience=0), dict(patience=2, keep_best=False), dict(seed=-1), dict(max_length=2), dict(head_learning_rate=0), dict(layer_decay=0), dict(layer_decay=1.1), dict(evaluate_every=0),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_contradictions_are_refused_in_one_line(bad):
    with pytest.raises(InputError) as caught:
        TrainConfig(**bad)
    message = str(caught.value)
    assert next(iter(bad)) in message or "patience" in message
    assert "wanted" in message and "\n" not in message


def test_a_copy_with_changes():
    config = TrainConfig()
    assert config.but(seed=3).seed == 3 and config.seed == 0
    with pytest.raises(InputError, match="lr"):
        config.but(lr=1e-3)
    with pytest.raises(Exception, match="frozen|assign"):
        config.seed = 1


def test_every_field_is_documented_with_its_reason():
    for name in TrainConfig().to_dict():
        assert name in TrainConfig.__doc__, name
