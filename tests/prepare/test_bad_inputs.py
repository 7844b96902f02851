"""Inputs that raw files do not have as they are described: one clear line each, and nothing is written."""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from dlscan.config import load
from dlscan.errors import DlscanError
from dlscan.prepare import prepare
from tests.prepare import layouts


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("raw")
    for label in ("Ele", "Pi0"):
        (directory / label).mkdir()
        layouts.write(directory / label / "a.h5", 20, 1)
        with h5py.File(directory / label / "a.h5", "r+") as file:
            file["short"] = file["flat_d0"][:-3]
            file["few"] = np.arange(19)
            file["nothing"] = np.zeros((20, 6), "?")
            edges = file["edges"][...].astype(int)
            file["beyond"] = edges + 5
            edges[7], edges[8] = edges[8] + 1, edges[7]
            file["backwards"] = edges
            file["words"] = np.array([b"a"] * 20)
            file["cube"] = np.zeros((20, 2, 3, 4), "f4")
    return directory


def problem(raw: Path, tmp_path: Path, inputs: Any, **data: Any) -> str:
    path = tmp_path / "a.yaml"
    keys = {"raw": str(raw), "inputs": inputs, **data}
    path.write_text(yaml.safe_dump({"name": "a", "data": keys}, sort_keys=False))
    experiment = load(path)
    with pytest.raises(DlscanError) as caught:
        prepare(experiment, processes=1)
    assert not experiment.data.prepared.exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"dataset": "tracks", "fields": ["d00"], "valid": "valid"}, "'d00' in tracks; did you mean 'd0'"),
        ({"dataset": "track", "fields": ["d0"]}, "has no dataset 'track'; it has"),
        ({"dataset": "tracks", "fields": ["p"], "valid": "valid"}, "tracks.p holds"),
        ({"dataset": "tracks", "fields": ["d0"], "valid": "vaild"}, "no field or dataset 'vaild'"),
        ({"dataset": "dense", "valid": "vaild"}, "has no dataset 'vaild'"),
        ({"dataset": "jets", "fields": ["pt"], "longest": 3}, "longest, which is for several entries"),
        (
            {"dataset": "jets", "fill": 0},
            r"write data.inputs: {x: {dataset: jets, fields: \[pt, eta, flavour",
        ),
        ({"datasets": ["met_x", "tracks"]}, "tracks, which is compound; name a field of it, as tracks.d0"),
        ({"datasets": ["met_x", "d0"]}, "cannot be combined: .* met_x 1, d0 6"),
        ({"datasets": ["met_x", "words"]}, "words holds .*, not numbers"),
        ({"dataset": "dense", "fields": ["a", "b", "c"]}, "names 3 fields, but dense has the shape 6x2"),
        ({"dataset": "cube", "longest": 2}, "cube has the shape 2x3x4"),
        ({"dataset": "lists"}, r"write data.inputs: {x: {dataset: lists, longest: 6}}"),
        ({"dataset": "records", "fill": 0}, "say how many entries of an event are kept, such as longest: 6"),
        ({"dataset": "lists", "longest": 3, "valid": "valid"}, "has no fields"),
        ({"dataset": "flat", "offsets": "edges"}, "say how many"),
        ({"dataset": "flat", "offsets": "edge", "longest": 3}, "has no dataset 'edge'"),
        ({"dataset": "flat", "offsets": "jets", "longest": 3}, "do not say the first entry"),
        ({"dataset": "flat", "offsets": "met_x", "longest": 3}, "not whole numbers"),
        ({"datasets": ["flat_d0", "short"], "offsets": "edges", "longest": 3}, "differ in length: flat_d0"),
        ({"dataset": "dense", "valid": "nothing"}, "no event has an entry, because nothing is 0 everywhere"),
        ({"dataset": "flat", "offsets": "backwards", "longest": 3}, r"backwards runs backwards in row [67]"),
        ({"dataset": "flat", "offsets": "beyond", "longest": 3}, "but flat.d0 has .* entries"),
        ({"datasets": ["met_x", "few"]}, "datasets differ in length: met_x 20, few 19"),
        ({"dataset": "holes"}, r"x is not finite as float32 in row \d+; data.inputs: {x: {fill: 0}}"),
    ],
)
def test_what_cannot_be_read_is_one_line(raw: Path, tmp_path: Path, own: Any, words: str) -> None:
    text = problem(raw, tmp_path, {"x": own})
    assert re.search(words, text), text


def test_a_compound_dataset_by_its_name_shows_the_line_to_write(raw: Path, tmp_path: Path) -> None:
    text = problem(raw, tmp_path, ["tracks"])
    assert "data.inputs: " in text
    assert text.count("\n") == 0
    line = "write data.inputs: {tracks: {fields: [d0, z0, hits], valid: valid}}, or other fields"
    assert text.endswith(line)
    text = problem(raw, tmp_path, ["records"])
    assert text.endswith("{records: {fields: [d0, z0, hits], valid: valid, longest: 6}}, or other fields")
    text = problem(raw, tmp_path, ["image"], extras=["jets"])
    assert "data.extras: " in text
    assert text.endswith("name a field of it, such as jets.pt")
    text = problem(raw, tmp_path, ["image"], extras=["jets.ptt"])
    assert "data.extras: " in text
    assert "did you mean 'pt'" in text


@pytest.mark.parametrize("name", ["flat.d0", "edges", "lists"])
def test_what_has_no_row_for_each_event_is_no_number_of_an_event(
    raw: Path, tmp_path: Path, name: str
) -> None:
    inputs = {
        "x": {"dataset": "flat", "fields": ["d0"], "offsets": "edges", "longest": 3},
        "y": {"dataset": "lists", "longest": 3},
    }
    text = problem(raw, tmp_path, inputs, extras=[name])
    assert "data.extras: " in text
    assert f"{name} has no row of numbers for each event" in text
