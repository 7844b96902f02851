"""Raw files of two classes for every family: two images, `a` and `b`, and a vector, `v`."""

import h5py
import numpy as np


def write_images(home):
    """Write them below `home / "raw"`."""
    for label, name in enumerate(("Ele", "Pi0")):
        (home / "raw" / name).mkdir(parents=True)
        rng = np.random.default_rng(label)
        with h5py.File(home / "raw" / name / f"{name}.h5", "w") as file:
            for image in "ab":
                file[image] = rng.exponential(1 + label, (300, 5, 4)).astype(np.float32)
            file["v"] = rng.normal(label, 1.0, (300, 3)).astype(np.float32)
