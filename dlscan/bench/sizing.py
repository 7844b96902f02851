"""The process that measures networks: `python -m dlscan.bench.sizing`.

It reads from standard input which networks, and prints a list with the numbers of each, or with a text that
says why it cannot be built. Whoever asks loads no Keras.
"""

import importlib
import json
import sys
from collections.abc import Mapping
from typing import Any

from dlscan.config.families.gan import Gan
from dlscan.config.families.parts import Shaped
from dlscan.config.models import Model, NetworkSize
from dlscan.config.places import read_functions
from dlscan.config.source import source_of
from dlscan.errors import DlscanError


def main() -> None:
    """Serve whoever started this process."""
    asked = json.load(sys.stdin)
    try:
        # without a back end nothing can be measured
        importlib.import_module("dlscan.models")
        answers = [
            _answer(plain, outputs, inputs, asked["sources"]) for plain, outputs, inputs in asked["networks"]
        ]
    except DlscanError as error:
        sys.exit(str(error))
    print(json.dumps(answers))


def _answer(
    plain: Mapping[str, Any], outputs: int, taken: Mapping[str, Any], files: Mapping[str, Any]
) -> list[int] | str:
    sources = {path: source_of({"path": path, **item}) for path, item in files.items()}
    try:
        model = Model.parse(read_functions({"model": plain}, sources)["model"], "model")
        shaped = {name: Shaped(tuple(shape), masked) for name, (shape, masked) in taken.items()}
        size = _size(model, outputs, shaped)
    except DlscanError as error:
        return str(error)
    except Exception as error:  # of Keras or a user's function: the others are measured all the same
        return f"{model.family}: {type(error).__name__}: {error}"
    return [size.weights, size.multiplications, size.values]


def _size(model: Model, outputs: int, shaped: Mapping[str, Shaped]) -> NetworkSize:
    from dlscan.models import Inputs, features, keras
    from dlscan.models.players import players_size
    from dlscan.models.reconstruction import coded_by
    from dlscan.models.size import size_of

    if isinstance(model.parameters, Gan):
        return players_size(model, shaped)
    inputs = Inputs.symbolic(model, shaped)
    # an autoencoder has no output layer but its decoder
    end = features(model, inputs, 1) if outputs else coded_by(model, inputs, 1).cells
    return size_of(keras.Model(inputs.flat, end), outputs)


if __name__ == "__main__":
    main()
