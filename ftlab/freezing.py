"""Choose which parameters train: the head, the top layers, the biases. What is frozen is shared by all tasks; the rest is stored for each.

Freezing is one flag a tensor, requires_grad. A frozen tensor gets no gradient and no optimiser state, and below the lowest
trainable layer nothing is kept for the way back. Choose first, then make the optimiser (`fit` does): it takes what trains by then.
"""

from __future__ import annotations

from torch import Tensor, nn

from ftlab.errors import InputError, ModelError


def train_head(model: nn.Module) -> nn.Module:
    """Freeze all but the head, in place: the encoder becomes a fixed maker of features.

    Args:
        model: one of ours, or the library's, with an encoder and a head.
    Returns: the model.
    Raises: ModelError if the model has no encoder inside, or nothing beside it.
    Example: ``count_parameters(train_head(SequenceClassifier(encoder, 2)), trainable=True)`` is 770 for the lite encoder.
    Source: Peters et al. 2019, To Tune or Not to Tune?, section 2 (feature extraction).
    """
    inside = {id(p) for p in encoder_of(model).parameters()}
    model.requires_grad_(False)
    for parameter in model.parameters():
        if id(parameter) not in inside:
            parameter.requires_grad_(True)
    return model


def train_last_layers(model: nn.Module, n_layers: int) -> nn.Module:
    """Freeze all but the head, the pooler if there is one, and the encoder's top layers, in place.

    Args:
        model: as in `train_head`.
        n_layers: how many layers from the top, 1 to L; with L, only the embeddings stay frozen.
    Returns: the model.
    Raises: InputError if n_layers is not a whole number from 1 to L; ModelError as in `train_head`.
    Example: the top layer of the lite encoder has 1,774,464 parameters.
    Source: Lee et al. 2019, What Would Elsa Do?, section 2.
    """
    encoder = encoder_of(model)
    layers = layers_of(encoder)
    if isinstance(n_layers, bool) or not isinstance(n_layers, int) or not 1 <= n_layers <= len(layers):
        raise InputError(f"n_layers is {n_layers!r}", wanted=f"a whole number from 1 to {len(layers)}",
                         hint="train_head(model) trains none of them")
    train_head(model)
    for part in [*layers[-n_layers:], *([encoder.pooler] if getattr(encoder, "pooler", None) is not None else [])]:
        part.requires_grad_(True)
    return model


def train_biases(model: nn.Module) -> nn.Module:
    """BitFit: freeze all but the head and every bias, those of the layer norms included, in place.

    Args:
        model: as in `train_head`.
    Returns: the model.
    Raises: ModelError as in `train_head`.
    Example: the lite encoder without its pooler has 25,728 biases.
    Source: Ben Zaken et al. 2022, BitFit, section 3.
    """
    train_head(model)
    for name, parameter in model.named_parameters():
        if name.split(".")[-1] == "bias":
            parameter.requires_grad_(True)
    return model


def trained_state(model: nn.Module) -> dict[str, Tensor]:
    """The tensors that training may have moved: with the checkpoint, all that is needed to have the tuned model again.

    Args:
        model: any module, frozen as it was for training (with LoRA: before `merge_lora`).
    Returns: dict of name -> tensor (copies, on the CPU), to be loaded with ``load_state_dict(state, strict=False)``.
    Raises: InputError if nothing is trainable.
    Example: ``list(trained_state(train_head(model)))`` is ["classifier.weight", "classifier.bias"].
    """
    state = {name: p.detach().cpu().clone().contiguous() for name, p in model.named_parameters() if p.requires_grad}
    if not state:
        raise InputError("no parameter is trainable", wanted="a model frozen as it was for training",
                         cause="it was merged, or frozen altogether")
    return state


def stored_bytes(model: nn.Module) -> int:
    """What one more task costs on disk, in bytes: the size of a safetensors file of `trained_state`.

        4 · (trainable parameters) + the file's header of names and shapes

    Args:
        model: as in `trained_state`.
    Returns: int.
    Raises: InputError if nothing is trainable.
    Example: a head of 384 · 2 + 2 parameters takes 3,240 bytes.
    """
    from safetensors.torch import save

    return len(save(trained_state(model)))


def encoder_of(model: nn.Module) -> nn.Module:
    """The pretrained part of a model with a head.

    Args:
        model: one of ours, or the library's.
    Returns: the encoder: ``model.bert``, or whatever the library's base_model_prefix names.
    Raises: ModelError if there is none, or the model is nothing else.
    Example: ``encoder_of(SequenceClassifier(encoder, 2)) is encoder``.
    """
    encoder = getattr(model, "bert", None) or getattr(model, getattr(model, "base_model_prefix", "") or "bert", None)
    inside = {id(p) for p in encoder.parameters()} if isinstance(encoder, nn.Module) else set()
    if not inside or all(id(p) in inside for p in model.parameters()):
        raise ModelError(f"{type(model).__name__} is not an encoder with a head", wanted="for example a SequenceClassifier",
                         cause="a bare encoder was passed")
    return encoder


def layers_of(encoder: nn.Module) -> nn.ModuleList:
    """The encoder's layers from the bottom up.

    Args:
        encoder: a BertModel, or another encoder of the library.
    Returns: its first list of modules.
    Raises: ModelError if it has none.
    Example: ``len(layers_of(load_encoder()))`` is 6.
    """
    found = next((module for module in encoder.modules() if isinstance(module, nn.ModuleList) and len(module)), None)
    if found is None:
        raise ModelError(f"no list of layers in {type(encoder).__name__}", wanted="an encoder of the library")
    return found
