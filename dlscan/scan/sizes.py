"""How large the networks of a scan are, without Keras in this process.

A family may say what its networks take by a formula (`size` beside its parameters). Only `dense` does, and a
test holds it to what is measured: a grid of ten thousand dense networks is packed in seconds, but building as
many takes a quarter of an hour. The others are measured: each distinct network is built once, in one process
for all and without a GPU, and the numbers are kept in the scan.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dlscan.config import Experiment, Model
from dlscan.config.families.parts import Shaped
from dlscan.config.models import NetworkSize
from dlscan.dataset import Manifest, network_inputs
from dlscan.errors import DlscanError
from dlscan.files import read_json, write_json
from dlscan.process import answer_of

log = logging.getLogger("dlscan")

FILE = "sizes.json"
# Seconds for the start, and for each network: most take a tenth of one.
_START, _EACH = 120.0, 30.0
_PROCESSOR = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
_UNKNOWN = NetworkSize(0, 0, 0)
# By what decides them, so that a dry run, which leaves no file, measures once.
_seen: dict[str, NetworkSize] = {}


class Asked(NamedTuple):
    """A network to be measured.

    Attributes
    ----------
    model : Model
        Its family and parameters.
    outputs : int
        Numbers that its heads give for an event.
    inputs : mapping of str to Shaped
        What it takes, by the network's names.
    """

    model: Model
    outputs: int
    inputs: Mapping[str, Shaped]


def asked_of(experiment: Experiment, manifest: Manifest) -> Asked:
    """The network of an experiment as `network_sizes` takes it."""
    # it loads numpy, which `dlscan status` does not wait for
    from dlscan import tasks

    outputs = sum(head.size for head in tasks.of(experiment, manifest.classes).heads)
    return Asked(
        experiment.model, outputs, network_inputs(experiment.model, manifest.inputs, experiment.data.inputs)
    )


def network_sizes(networks: Sequence[Asked], directory: Path) -> list[NetworkSize]:
    """What the networks take; zeros, with a warning, for what cannot be built here.

    Parameters
    ----------
    networks : sequence of Asked
        Of the points, see `asked_of`.
    directory : Path
        Of the scan, which keeps what was measured if it has a plan already.
    """
    sizes = [
        model.size([shaped.shape for shaped in inputs.values()], outputs)
        for model, outputs, inputs in networks
    ]
    unknown = {_key(network): network for network, size in zip(networks, sizes, strict=True) if size is None}
    measured = _measured(unknown, directory) if unknown else {}
    return [
        measured.get(_key(network), _UNKNOWN) if size is None else size
        for network, size in zip(networks, sizes, strict=True)
    ]


def _measured(unknown: Mapping[str, Asked], directory: Path) -> dict[str, NetworkSize]:
    kept = _read(directory / FILE)
    missing = [key for key in unknown if key not in kept | _seen]
    if not missing:
        return kept | _seen
    try:
        answers = _answers([unknown[key] for key in missing])
    except DlscanError as error:
        log.warning("networks cannot be measured (%s); points are packed as if theirs were alike", error)
        return kept | _seen
    for problem in dict.fromkeys(answer for answer in answers if isinstance(answer, str)):
        log.warning("a network cannot be built: %s", problem)
    sizes = [_UNKNOWN if isinstance(answer, str) else NetworkSize(*answer) for answer in answers]
    _seen.update(zip(missing, sizes, strict=True))
    if (directory / "plan.json").exists():
        new = {key: _seen[key] for key in missing if _seen[key] != _UNKNOWN}
        write_json(directory / FILE, {key: vars(size) for key, size in (kept | new).items()})
    return kept | _seen


def _answers(networks: Sequence[Asked]) -> list[list[int] | str]:
    """What `dlscan.bench.sizing` says of these networks."""
    asked = {
        "networks": [[model.plain(), outputs, inputs] for model, outputs, inputs in networks],
        "sources": {
            str(function.source.path): function.source.plain()
            for model, *_ in networks
            for function in model.functions
        },
    }
    patience = _START + _EACH * len(networks)
    answers: list[list[int] | str] = json.loads(answer_of("dlscan.bench.sizing", asked, _PROCESSOR, patience))
    return answers


def _key(network: Asked) -> str:
    """What decides the size of a network, in few letters."""
    model, outputs, inputs = network
    text = "".join(function.source.sha256 for function in model.functions)
    deciding: list[Any] = [model.plain(), text, inputs, outputs]
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:32]


def _read(path: Path) -> dict[str, NetworkSize]:
    """What was measured before; nothing if that cannot be read."""
    try:
        return {key: NetworkSize(**size) for key, size in read_json(path).items()}
    except (DlscanError, OSError, AttributeError, TypeError):
        return {}
