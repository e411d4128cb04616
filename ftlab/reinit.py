"""Give the top layers of a pretrained encoder fresh random weights before fine-tuning: a cure that some unstable runs need."""

from __future__ import annotations

import torch
from torch import nn

from ftlab.errors import InputError


def reinitialise_top(model: nn.Module, n_layers: int, seed: int = 0) -> list[str]:
    """Draw the pooler and the top layers of a model's encoder anew, in place, as BERT draws its weights.

        W ~ normal(0, initializer_range),   b = 0;   layer norms: scale 1, shift 0

    Args:
        model: with a BertModel in ``model.bert``, such as `SequenceClassifier`.
        n_layers: how many layers, counted from the top; 0 draws the pooler alone (where there is one).
        seed: of the draw. torch's own generator is left as it was.
    Returns: list of str, the names of the parameters drawn.
    Raises: InputError if there is no BERT, or it has not that many layers.
    Example: ``len(reinitialise_top(build_model(task), 1))`` is 18: 16 of the layer, 2 of the pooler.
    Source: Zhang et al. 2021, Revisiting Few-sample BERT Fine-tuning, section 5.
    Checked against: the library's own draw of a new BERT (means, standard deviations), in tests/test_reinit.py.
    """
    encoder = getattr(model, "bert", None)
    layers = getattr(getattr(encoder, "encoder", None), "layer", None)
    if layers is None:
        raise InputError(f"a {type(model).__name__} without a BERT in .bert", wanted="one of our heads on a BertModel")
    if isinstance(n_layers, bool) or not isinstance(n_layers, int) or not 0 <= n_layers <= len(layers):
        raise InputError(f"n_layers is {n_layers!r}", wanted=f"a whole number, 0 to {len(layers)}")
    first = len(layers) - n_layers
    parts = {f"bert.encoder.layer.{i}": layers[i] for i in range(first, len(layers))}
    if getattr(encoder, "pooler", None) is not None:
        parts["bert.pooler"] = encoder.pooler
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in parts.values():
            for module in part.modules():
                if isinstance(module, nn.Linear):
                    nn.init.normal_(module.weight, std=encoder.config.initializer_range)
                    nn.init.zeros_(module.bias)
                elif isinstance(module, nn.LayerNorm):
                    nn.init.ones_(module.weight)
                    nn.init.zeros_(module.bias)
    return [f"{name}.{p}" for name, part in parts.items() for p, _ in part.named_parameters()]
