"""Small trained points of several kinds, shared by the tests here."""

from collections.abc import Callable
from typing import Any

import pytest

import dlscan
from dlscan.training import TrainedPoint

from ..conftest import write_raw

REGRESS = {"kind": "regress", "targets": {"Energy": "target[:,0,3]", "Row": "target[:,0,2]"}}
# name, sections of the experiment file, outputs with their columns
POINTS: dict[str, tuple[dict[str, Any], dict[str, tuple[str, ...]]]] = {
    "dense": ({"model": {"width": 4, "depth": 1}}, {"scores": ("Ele", "Pi0", "ChPi")}),
    "logarithms": (
        {"model": {"width": 4, "depth": 1}, "normalize": {"ECAL": {"log": 100}, "HCAL": "quantile"}},
        {"scores": ("Ele", "Pi0", "ChPi")},
    ),
    "heads": (
        {"model": {"width": 4}, "task": ["classify", REGRESS], "train": {"epochs": 1}},
        {"scores": ("Ele", "Pi0", "ChPi"), "predictions": ("Energy", "Row")},
    ),
    "sigmas": (
        {"model": {"width": 4}, "task": REGRESS, "train": {"epochs": 1, "loss": "gaussian_nll"}},
        {"predictions": ("Energy", "Row", "Energy_sigma", "Row_sigma")},
    ),
    "trees": ({"model": {"family": "bdt", "trees": 5}}, {"scores": ("Ele", "Pi0", "ChPi")}),
    "two": (
        {"model": {"family": "bdt", "trees": 5}, "classes": ("Ele", "Pi0")},
        {"scores": ("Ele", "Pi0")},
    ),
    "energy": ({"model": {"family": "bdt", "trees": 5}, "task": REGRESS}, {"predictions": ("Energy", "Row")}),
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TrainedPoint]:
    home = tmp_path_factory.mktemp("export")
    write_raw(home / "raw", files=1, events=60)
    made: dict[str, TrainedPoint] = {}

    def point(name: str) -> TrainedPoint:
        if name not in made:
            sections = dict(POINTS[name][0])
            classes = sections.pop("classes", ("Ele", "Pi0", "ChPi"))
            normalize = sections.pop("normalize", "standard")
            made[name] = dlscan.train(
                {
                    "data": {
                        "raw": str(home / "raw"),
                        "classes": {each: each for each in classes},
                        "inputs": ["ECAL", "HCAL"],
                        "extras": ["target"],
                        "normalize": normalize,
                        "prepared": str(home / f"prepared-{len(classes)}"),
                    },
                    "train": {"epochs": 1},
                    "stream": {"workers": 0},
                    **sections,
                },
                home / name,
            )
        return made[name]

    return point
