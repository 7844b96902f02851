"""What the axes of an image mean."""

from collections.abc import Sequence


def cell_axes(shape: Sequence[int], depth_axis: int = 3) -> dict[int, str]:
    """A name for each axis of an image, counted from 1; none for images of more than three axes.

    Of three axes the last runs along the shower unless `depth_axis` says otherwise, for a file does not tell:
    that is the layout of the LCD sets and of data_prep/simulate_showers.py, ECAL (25, 25, 25) and HCAL (5, 5,
    60).
    """
    if len(shape) == 2:
        return {1: "Row (axis 1)", 2: "Column (axis 2)"}
    if len(shape) != 3:
        return {}
    across = iter("xy")
    return {
        axis: f"Layer (axis {axis})" if axis == depth_axis else f"Cell in {next(across)} (axis {axis})"
        for axis in (1, 2, 3)
    }
