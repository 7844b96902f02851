"""Draw the pictures of `gallery.md` from finished scans: `make gallery`.

python docs/gallery.py CLASSIFICATION REGRESSION [KIND=SCAN ...]

Some kinds need scans that take longer than the others: `anomaly=SCAN code=SCAN` of autoencoders,
`dependence=SCAN` with an adversary, `generated=SCAN` of a generator. Without one their pictures stay as they
are.
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image

from dlscan.analysis.plots import KINDS, NEEDS, Options
from dlscan.analysis.plots.drawing import plot

PLACE = Path(__file__).parent / "images" / "gallery"
WIDTH, COLOURS = 640, 64
OPTIONS = {
    "history": Options(key="val_loss"),
    "bar": Options(key="Mean_AUC"),
    "roc": Options(key="Gamma_vs_Pi0"),
    "scores": Options(key="Gamma_vs_Pi0", most=1),
    "confusion": Options(most=1),
    "energy": Options(key="Gamma_vs_Pi0", bins="5"),
    "pareto": Options(by="Parameters"),
    "calibration": Options(most=1),
    "slice": Options(by="Width,Depth"),
    "contour": Options(by="Width,Depth"),
    "anomaly": Options(most=1),
    "code": Options(most=1),
    "generated": Options(key="layers_2,layers_8,layers_12,layers_20"),
}
# These need scans of their own: any of a classification can draw `dependence`, but shows nothing there.
OWN = {"anomaly", "code", "dependence", "generated"}


def main() -> None:
    """Draw every kind of `dlscan plot`, small enough for the repository."""
    classification, regression = map(Path, sys.argv[1:3])
    own = dict(argument.split("=", 1) for argument in sys.argv[3:])
    if not own.keys() <= OWN:
        sys.exit(f"KIND is one of {', '.join(sorted(OWN))}")
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        for kind in [kind for kind in KINDS if kind in own or kind not in OWN]:
            usual = regression if NEEDS.get(kind) == "predictions" else classification
            scan = Path(own.get(kind, usual))
            page, *_ = plot(kind, [scan], OPTIONS.get(kind, Options()), Path(name) / f"{kind}.png")
            image = Image.open(page).convert("RGB")
            height = round(image.height * WIDTH / image.width)
            small = image.resize((WIDTH, height), Image.Resampling.LANCZOS)
            small.quantize(COLOURS, dither=Image.Dither.NONE).save(PLACE / f"{kind}.png", optimize=True)
            print(PLACE / f"{kind}.png")


if __name__ == "__main__":
    main()
