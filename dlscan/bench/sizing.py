"""The process that measures networks: `python -m dlscan.bench.sizing`.

It reads from standard input which networks, and prints a list with the numbers of each, or with a text that
says why it cannot be built. Whoever asks loads no Keras.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from dlscan.config.models import Model
from dlscan.config.source import in_file, is_in_file, source_of
from dlscan.errors import DlscanError


def main() -> None:
    """Serve whoever started this process."""
    asked = json.load(sys.stdin)
    try:
        answers = [_answer(plain, outputs, asked) for plain, outputs in asked["networks"]]
    except DlscanError as error:  # no back end
        sys.exit(str(error))
    print(json.dumps(answers))


def _answer(plain: Mapping[str, Any], outputs: int, asked: Mapping[str, Any]) -> list[int] | str:
    from dlscan.models import features, keras
    from dlscan.models.size import size_of

    sources = {path: source_of({"path": path, **item}) for path, item in asked["sources"].items()}
    try:
        family = plain["family"]
        own = in_file(family, "model.family", sources) if is_in_file(family) else family
        model = Model.parse({**plain, "family": own}, "model")
        inputs = {name: keras.Input(shape, name=name) for name, shape in asked["inputs"].items()}
        network = keras.Model(inputs, features(model, inputs, 1))
        size = size_of(network, outputs)
    except DlscanError as error:
        return str(error)
    return [size.weights, size.multiplications, size.values]


if __name__ == "__main__":
    main()
