"""What the network of a point takes of a dataset."""

from collections.abc import Mapping

from dlscan.config import Model, network_name
from dlscan.config.families.parts import Shaped
from dlscan.config.inputs import Input
from dlscan.dataset.array_spec import ArraySpec


def taken(
    model: Model, columns: Mapping[str, ArraySpec], inputs: Mapping[str, Input] | None = None
) -> dict[str, Shaped]:
    """The inputs that a network takes, by their names in the dataset, in the order of the file.

    Parameters
    ----------
    model : Model
        Its `inputs` are those that it takes; by default all.
    columns : mapping of str to ArraySpec
        The inputs of the dataset.
    inputs : mapping of str to Input, optional
        What there is to take, `data.inputs`; by default what is stored.
    """
    given = dict.fromkeys(columns, Input()) if inputs is None else inputs
    return {name: _shaped(name, own, columns) for name, own in given.items() if model.takes(name)}


def _shaped(name: str, own: Input, columns: Mapping[str, ArraySpec]) -> Shaped:
    if own.view is None:
        return Shaped(columns[name].shape, columns[name].masked)
    image = columns[str(own.dataset)]
    # of each of the cells that are kept its place along each axis, and its value
    return Shaped((min(own.longest or image.size, image.size), len(image.shape) + 1), True)


def network_inputs(
    model: Model, columns: Mapping[str, ArraySpec], inputs: Mapping[str, Input] | None = None
) -> dict[str, Shaped]:
    """The same by the names that the network has for them."""
    return {network_name(name): shaped for name, shaped in taken(model, columns, inputs).items()}
