"""What of a network is worth a box, and what belongs into the box of another layer.

Layers with weights, pooling, and what brings several results together have boxes. An activation, a
normalisation or an operation on numbers belongs to the layer whose result it changes. Masks and indices
are not drawn: they say which values count, and are none.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dlscan.analysis.networks.read import Shape, Use
from dlscan.spelling import plural


@dataclasses.dataclass(frozen=True)
class Box:
    """A box of a drawing.

    Attributes
    ----------
    name : str
        Of its layer.
    title : str
        What it does: `Conv2D 3×3, 32`.
    role : str
        What kind of layer it is, which decides its colour: see `ROLES`.
    details : tuple of str
        What else happens to its result: `batch norm`, `relu`.
    shape : tuple of int or None
        Of what it gives for an event.
    parameters : int
        Weights.
    takes : tuple of str
        The boxes before it, by name.
    inner : tuple of Box
        Of a network within the network.
    goes_on : bool
        Whether something takes its result.
    """

    name: str
    title: str
    role: str
    details: tuple[str, ...]
    shape: Shape
    parameters: int
    takes: tuple[str, ...]
    inner: tuple["Box", ...] = ()
    goes_on: bool = True

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands in it, line by line."""
        counted = f"{self.parameters:,} {plural(self.parameters, 'weight')}" if self.parameters else ""
        numbers = " · ".join(filter(None, (shape_text(self.shape), counted)))
        return tuple(filter(None, (self.title, ", ".join(self.details), numbers)))


ROLES = ("input", "dense", "convolution", "pooling", "sequence", "attention", "merge", "other", "output")


def boxes_of(uses: Sequence[Use]) -> tuple[Box, ...]:
    """The boxes of a network, those that a box takes before it."""
    found: dict[str, Box] = {}
    # the box whose result a use gives, changed or not; None for masks and indices
    home: dict[str, str | None] = {}
    users = {name for use in uses for name in use.takes}
    shapes = {use.name: use.shape for use in uses}
    for use in uses:
        owners = tuple(dict.fromkeys(owner for name in use.takes if (owner := home[name]) is not None))
        if _is_no_value(use, owners):
            home[use.name] = None
        elif len(owners) == 1 and not _has_a_box(use) and not _sums(use, shapes, found[owners[0]]):
            (owner,) = owners
            home[use.name] = owner
            found[owner] = _with(found[owner], use, is_end=use.name not in users)
        else:
            home[use.name] = use.name
            found[use.name] = _box(use, owners)
    ends = {home[use.name] for use in uses if use.name not in users}
    # what only masks and indices follow from
    while idle := found.keys() - ends - {name for box in found.values() for name in box.takes}:
        found = {name: box for name, box in found.items() if name not in idle}
    taken = {name for box in found.values() for name in box.takes}
    return tuple(dataclasses.replace(box, goes_on=box.name in taken) for box in found.values())


def shape_text(shape: Shape) -> str:
    """`25×25×25`."""
    return "×".join("?" if length is None else str(length) for length in shape) or "1"


def _is_no_value(use: Use, owners: Sequence[str]) -> bool:
    return (not owners and bool(use.takes)) or use.dtype == "bool" or use.dtype.startswith(("int", "uint"))


def _has_a_box(use: Use) -> bool:
    return (
        use.kind == "InputLayer"
        or "Pool" in use.kind
        or bool(use.inner)
        or (use.parameters > 0 and not use.kind.endswith(("Normalization", "PReLU")))
    )


def _sums(use: Use, shapes: Mapping[str, Shape], owner: Box) -> bool:
    """Whether an operation makes one of all positions, but for those that scale an input."""
    axes = len(shapes[use.takes[0]])
    return use.kind in ("Mean", "Max", "Sum") and len(use.shape) < axes and owner.role != "input"


def _with(box: Box, use: Use, is_end: bool) -> Box:
    """A box, and what else happens to its result."""
    word = _word(use)
    if box.role == "input" and word in _SUMS:
        # what scales an input is many operations, of which none is worth a word
        word = ""
    details = box.details if not word or word in box.details else (*box.details, word)
    if box.role == "input" and not details and use.kind not in ("Flatten", "Reshape", "Activation"):
        details = ("scaled",)
    role = "output" if is_end and box.role == "dense" else box.role
    parameters = box.parameters + (0 if use.shared else use.parameters)
    return dataclasses.replace(box, role=role, details=details, parameters=parameters)


def _box(use: Use, owners: tuple[str, ...]) -> Box:
    words = ["same weights"] if use.shared else []
    activation = use.config.get("activation")
    if isinstance(activation, str) and activation != "linear" and _role(use) in ("dense", "convolution"):
        words.append(activation)
    is_named = use.kind == "InputLayer" or use.inner
    title = use.name.partition(":")[0] if is_named else _title(use.kind, use.config)
    parameters, inner = (0, ()) if use.shared else (use.parameters, boxes_of(use.inner))
    return Box(use.name, title, _role(use), tuple(words), use.shape, parameters, owners, inner)


def _role(use: Use) -> str:
    kind = _inside(use.kind, use.config)[0]
    for role, pattern in _ROLES_OF_KINDS.items():
        if re.search(pattern, kind):
            return role
    return "merge" if len(use.takes) > 1 and not use.parameters else "other"


_ROLES_OF_KINDS = {
    "input": r"^InputLayer$",
    "pooling": r"Pool|^(Mean|Max|Sum)$",
    "convolution": r"Conv\d",
    "sequence": r"(LSTM|GRU|RNN|ConvLSTM\dD)$",
    "attention": r"Attention",
    "dense": r"Dense$",
}


def _inside(kind: str, config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The layer that a wrapper has."""
    layer = config.get("layer")
    return (layer["class_name"], layer["config"]) if isinstance(layer, Mapping) else (kind, config)


def _title(kind: str, config: Mapping[str, Any]) -> str:
    inside, own = _inside(kind, config)
    if inside != kind:
        wrapper = {"TimeDistributed": "Each step:", "Bidirectional": "Both ways:"}.get(kind, f"{kind}:")
        return f"{wrapper} {_title(inside, own)}"
    for pattern, words in _TITLES.items():
        if re.search(pattern, kind):
            return words(kind, config)
    # the name of a class, in words
    return _WORDS.get(kind) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).capitalize()


def _convolution(kind: str, config: Mapping[str, Any]) -> str:
    kernel, stride = config["kernel_size"], config.get("strides", 1)
    filters = config.get("filters")
    text = f"{kind} {_sizes(kernel)}" + ("" if filters is None else f", {filters}")
    return text if _stride(stride) == "1" else f"{text}, stride {_stride(stride)}"


def _pooling(kind: str, config: Mapping[str, Any]) -> str:
    which = "Max" if "Max" in kind else "Average"
    if kind.startswith("Global"):
        return f"{which} over all positions"
    size, stride = config.get("pool_size", 2), config.get("strides")
    text = f"{which} of {_sizes(size)}"
    return text if stride is None or _sizes(stride) == _sizes(size) else f"{text}, stride {_stride(stride)}"


def _attention(kind: str, config: Mapping[str, Any]) -> str:
    heads = config.get("num_heads")
    return "Attention" if heads is None else f"Attention, {heads} {plural(heads, 'head')}"


_TITLES: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
    r"Pooling\dD$": _pooling,
    r"Conv\dD(Transpose)?$": _convolution,
    r"Attention$": _attention,
    r"^(Dense|SimpleRNN|LSTM|GRU)$": lambda kind, config: f"{kind.removeprefix('Simple')} {config['units']}",
}
_WORDS = {"Matmul": "Product", "Einsum": "Product", "TrueDivide": "Divide", "Concatenate": "Concatenate"}
_ACTIVATIONS = (
    *(
        "Relu",
        "Elu",
        "Selu",
        "Gelu",
        "Silu",
        "LeakyRelu",
        "Softplus",
        "Softsign",
        "Tanh",
        "Sigmoid",
        "Softmax",
    ),
)
# over positions
_SUMS = {"mean", "max", "sum", "flatten", "softsign", "absolute", "sqrt"}


def _word(use: Use) -> str:
    """What an operation is called in the box of another; empty for what goes without saying."""
    kind, config = use.kind, use.config
    if kind == "Activation":
        return str(config["activation"]) if config["activation"] != "linear" else ""
    if "Dropout" in kind:
        return f"dropout {config.get('rate', 0):g}"
    if kind.endswith("Normalization"):
        return f"{kind.removesuffix('Normalization').lower()} norm"
    if "ReLU" in kind or kind in _ACTIVATIONS or kind.lower() in _SUMS:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()
    return ""


def _stride(size: Any) -> str:
    """`2` where it is 2 along all axes."""
    lengths = dict.fromkeys(size if isinstance(size, list | tuple) else [size])
    return str(next(iter(lengths))) if len(lengths) == 1 else _sizes(size)


def _sizes(size: Any) -> str:
    lengths = size if isinstance(size, list | tuple) else [size]
    return "×".join(map(str, lengths)) if len(lengths) > 1 else str(math.prod(lengths))
