"""Raw files that hold the same events in every layout that inputs can come from."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

T = 6
TRACK = np.dtype([("d0", "<f4"), ("z0", ">f8"), ("hits", "u1"), ("valid", "?"), ("p", [("x", "<f2")])])
JET = np.dtype([("pt", "<f4"), ("eta", "<f8"), ("flavour", "<i4"), ("cov", "<f4", (2,)), ("b", "?")])
# by name: what the experiment says of it
LONGEST = 4
INPUTS: dict[str, Any] = {
    "image": {},
    "renamed": {"dataset": "grp/other"},
    "jet": {"dataset": "jets", "fields": ["pt", "eta", "cov", "b"]},
    "met": {"datasets": ["met_x", "jets.pt"]},
    "filled": {"dataset": "holes", "fill": -1},
    "tracks": {"dataset": "tracks", "fields": ["d0", "z0", "p.x"], "valid": "valid"},
    "all": {"dataset": "tracks", "valid": "valid", "longest": LONGEST},
    "padded": {"dataset": "padded", "fields": ["a", "b"]},
    "masked": {"dataset": "dense", "valid": "dense_valid"},
    "branches": {"datasets": ["d0", "hits"], "valid": "dense_valid"},
    "lists": {"dataset": "lists", "longest": LONGEST},
    "records": {"dataset": "records", "fields": ["z0", "d0"], "longest": T},
    "flat": {"dataset": "flat", "offsets": "edges", "fields": ["d0", "p.x"], "longest": LONGEST},
    "columns": {"datasets": ["flat_d0", "flat_hits"], "offsets": "indices", "longest": T},
    "ends": {"dataset": "flat", "offsets": "ends", "valid": "valid", "longest": LONGEST},
}


def events(count: int, seed: int) -> list[np.ndarray]:
    """The tracks of some events: up to `T` each, of which some are not valid."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        tracks = np.zeros(0 if number == 1 else rng.integers(0, T + 1), TRACK)
        for name in ("d0", "z0"):
            tracks[name] = rng.normal(size=len(tracks)) + 3
        tracks["hits"], tracks["valid"] = rng.integers(1, 9, len(tracks)), rng.random(len(tracks)) < 0.8
        tracks["p"]["x"] = rng.normal(size=len(tracks))
        found.append(tracks)
    return found


def write(path: Path, count: int, seed: int, **stored: Any) -> None:
    """Write a file; `stored` are options of its chunked datasets."""
    rng = np.random.default_rng(seed + 1000)
    lists = events(count, seed)
    jets = np.zeros(count, JET)
    for name in ("pt", "eta", "cov"):
        jets[name] = rng.normal(size=jets[name].shape)
    jets["flavour"], jets["b"] = rng.integers(0, 6, count), rng.random(count) < 0.5
    # what is not valid has numbers that nobody may see
    tracks = np.zeros((count, T), TRACK)
    tracks["d0"], tracks["z0"] = np.nan, np.inf
    # valid ones need not come first
    places = [np.sort(rng.permutation(T)[: len(own)]) for own in lists]
    for event, (place, own) in enumerate(zip(places, lists, strict=True)):
        tracks[event, place] = own
    padded = np.full((count, T, 2), np.nan, "<f4")
    padded[: count // 2] = 0
    for event, own in enumerate(lists):
        padded[event, : len(own)] = np.stack([own["d0"], own["hits"]], axis=1)
    dense = np.stack([tracks["d0"], tracks["z0"]], axis=2).astype("<f4")
    holes = rng.normal(size=(count, 3)).astype("<f4")
    holes[rng.random(holes.shape) < 0.2] = np.nan
    flat = np.concatenate(lists)
    lengths = np.array(list(map(len, lists)))
    ends = np.cumsum(lengths)
    with h5py.File(path, "w") as file:
        rows = {
            "image": rng.random((count, 4, 5)).astype("<f4") * (rng.random((count, 4, 5)) < 0.1),
            "grp/other": rng.integers(-9, 9, (count, 3)).astype(">i2"),
            **{"jets": jets, "tracks": tracks, "padded": padded, "dense": dense, "holes": holes},
            **{"met_x": rng.normal(size=count), "dense_valid": tracks["valid"].astype("i4") * 2},
            **{"d0": tracks["d0"], "hits": tracks["hits"]},
        }
        for name, values in rows.items():
            file.create_dataset(name, data=values, chunks=(7, *values.shape[1:]), **stored)
        # without events between, whole datasets
        file.create_dataset("flat", data=flat, chunks=(11,), **stored)
        file["flat_d0"], file["flat_hits"] = flat["d0"], flat["hits"]
        file["edges"] = np.concatenate([[0], ends]).astype("u4")
        file["ends"] = ends
        indices = np.zeros(count, [("index", "<i8"), ("n_items", "<i4")])
        indices["index"], indices["n_items"] = ends - lengths, lengths
        file["indices"] = indices
        file.create_dataset("lists", (count,), h5py.vlen_dtype("<f8"))[...] = _objects(lists, "z0")
        file.create_dataset("records", (count,), h5py.vlen_dtype(TRACK))[...] = _objects(lists, None)
        file["target"] = np.arange(count, dtype="<i8")


def _objects(lists: list[np.ndarray], field: str | None) -> np.ndarray:
    made = np.empty(len(lists), object)
    for number, own in enumerate(lists):
        made[number] = own if field is None else own[field]
    return made


def _records(file: h5py.File, row: int) -> np.ndarray:
    if file["edges"][row] == file["edges"][row + 1]:
        return np.zeros(0, TRACK)  # which h5py cannot read
    records: np.ndarray = file["records"][row]
    return records


def expected(file: h5py.File, row: int) -> dict[str, np.ndarray]:
    """What each input of an event is, as h5py reads it: numbers, or entries without padding."""
    jet, tracks = file["jets"][row], file["tracks"][row]
    good = tracks[tracks["valid"]]
    own = _records(file, row)
    valid = own[own["valid"]]
    holes = file["holes"][row]
    every = ("d0", "z0", "hits", "p.x")
    return {
        "image": file["image"][row],
        "renamed": file["grp/other"][row],
        "jet": np.array([jet["pt"], jet["eta"], *jet["cov"], jet["b"]], np.float32),
        "met": np.array([file["met_x"][row], jet["pt"]], np.float32),
        "filled": np.where(np.isnan(holes), np.float32(-1), holes),
        "tracks": _columns(good, "d0", "z0", "p.x"),
        "all": _columns(good, *every)[:LONGEST],
        "padded": _columns(own, "d0", "hits"),
        "masked": _columns(good, "d0", "z0"),
        "branches": _columns(good, "d0", "hits"),
        "lists": file["lists"][row][:LONGEST, None].astype(np.float32),
        "records": _columns(own, "z0", "d0"),
        "flat": _columns(own, "d0", "p.x")[:LONGEST],
        "columns": _columns(own, "d0", "hits"),
        "ends": _columns(valid, *every)[:LONGEST],
    }


def _columns(tracks: np.ndarray, *fields: str) -> np.ndarray:
    def numbers(field: str) -> np.ndarray:
        first, _, rest = field.partition(".")
        return tracks[first][rest] if rest else tracks[first]

    return np.stack([numbers(field).astype(np.float32) for field in fields], axis=1)
