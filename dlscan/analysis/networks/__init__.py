"""What a saved network is made of, read from its file without Keras, and how it is drawn as text.

`read` gives the uses of layers, `boxes` what is worth a box, `stages` how boxes follow one another, `text`
draws them for a terminal, `dlscan.analysis.plots.network` as a picture.
"""

from pathlib import Path

from dlscan.analysis.networks.boxes import boxes_of
from dlscan.analysis.networks.read import read_layers
from dlscan.analysis.networks.stages import Chain, stages_of


def drawing_of(path: Path) -> Chain:
    """What there is to draw of the network in a `.keras` file.

    Raises
    ------
    ScanError
        If the file is missing or damaged, or its network has no layers that are known one by one.
    """
    return stages_of(boxes_of(read_layers(path)))


__all__ = ["Chain", "drawing_of"]
