"""Draw the pictures of `gallery.md` from finished scans: `make gallery`.

python docs/gallery.py CLASSIFICATION REGRESSION [AUTOENCODERS]
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
}


def main() -> None:
    """Draw every kind of `dlscan plot`, small enough for the repository."""
    classification, regression, *autoencoders = map(Path, sys.argv[1:])
    scans = {"predictions": regression, **dict.fromkeys(("errors", "codes"), *autoencoders or [None])}
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        # a generator takes an hour to train
        for kind in [kind for kind in KINDS if NEEDS.get(kind) != "twosample"]:
            scan = scans.get(NEEDS.get(kind, ""), classification)
            if scan is None:
                continue
            page, *_ = plot(kind, [scan], OPTIONS.get(kind, Options()), Path(name) / f"{kind}.png")
            image = Image.open(page).convert("RGB")
            height = round(image.height * WIDTH / image.width)
            small = image.resize((WIDTH, height), Image.Resampling.LANCZOS)
            small.quantize(COLOURS, dither=Image.Dither.NONE).save(PLACE / f"{kind}.png", optimize=True)
            print(PLACE / f"{kind}.png")


if __name__ == "__main__":
    main()
