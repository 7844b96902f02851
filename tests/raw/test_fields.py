"""Numbers by dataset and field: whatever the layout, what h5py reads."""

import h5py
import numpy as np
import pytest

from dlscan.raw import RawError, index_file, read_rows
from dlscan.raw.direct import DirectFile
from dlscan.raw.fields import splits

JET = np.dtype(
    [
        ("pt", "<f4"),
        ("good", "?"),
        ("eta", ">f8"),
        ("flavour", "<i4"),
        ("p4", [("x", "<f2"), ("y", "<u8")]),
        ("cov", "<f4", (2, 3)),
    ]
)
FIELDS = ["jets.pt", "jets.good", "jets.eta", "jets.flavour", "jets.p4.x", "jets.p4.y", "jets.cov"]
ROWS = 500


def _jets(shape, seed=1):
    rng = np.random.default_rng(seed)
    jets = np.zeros(shape, JET)
    for name in ("pt", "eta", "cov"):
        jets[name] = rng.normal(size=jets[name].shape)
    jets["good"], jets["flavour"] = rng.random(shape) < 0.5, rng.integers(-9, 9, shape)
    jets["p4"]["x"], jets["p4"]["y"] = rng.normal(size=shape), rng.integers(0, 2**60, shape)
    return jets


def _field(array, name):
    for word in name.split(".")[1:]:
        array = array[word]
    return array


LAYOUTS = {
    "contiguous": {},
    "plain": {"chunks": (64, 5)},
    "gzip": {"chunks": (64, 5), "compression": "gzip"},
    "tiles": {"chunks": (64, 2), "compression": "gzip"},
    "lzf": {"chunks": (64, 5), "compression": "lzf"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_fields_are_what_h5py_reads(tmp_path, layout):
    path, jets = tmp_path / "a.h5", _jets((ROWS, 5))
    with h5py.File(path, "w") as file:
        file.create_dataset("jets", data=jets, **LAYOUTS[layout])
        file["other"] = np.arange(ROWS)
    index = index_file(path, [*FIELDS, "other"])
    for start, stop in ((0, ROWS), (13, 400)):
        for first, block in read_rows(path, index, start, stop):
            for name in FIELDS:
                wanted = _field(jets, name)[first : first + len(block[name])]
                assert block[name].tobytes() == wanted.astype(wanted.dtype.newbyteorder("=")).tobytes()
    rows = np.array([3, 4, 77, 499])
    found = np.zeros((4, 5, 3), np.float32)
    with DirectFile(path, index) as file:
        file.read_several([("jets.pt", found[..., 0]), ("jets.p4.y", found[..., 2])], rows)
    np.testing.assert_array_equal(found[..., 0], jets["pt"][rows])
    np.testing.assert_array_equal(found[..., 2], jets["p4"]["y"][rows].astype(np.float32))
    assert not found[..., 1].any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_entries_that_are_there_are_what_h5py_reads(tmp_path, layout):
    path, jets = tmp_path / "a.h5", _jets((ROWS, 5))
    with h5py.File(path, "w") as file:
        file.create_dataset("jets", data=jets, **LAYOUTS[layout])
    index = index_file(path, FIELDS)
    rows = np.array([3, 4, 77, 200, 201, 499])
    with DirectFile(path, index) as file:
        for some in (rows, np.arange(20, 300), rows[:0]):
            mask, columns = file.read_entries(["jets.eta", "jets.cov", "jets.p4.y"], "jets.good", some)
            there = jets["good"][some]
            np.testing.assert_array_equal(mask, there)
            for name, found in zip(("eta", "cov"), columns[:2], strict=True):
                np.testing.assert_array_equal(
                    found.reshape(jets[name][some][there].shape), jets[name][some][there]
                )
            np.testing.assert_array_equal(columns[2][:, 0], jets["p4"]["y"][some][there])


def test_entries_come_in_the_order_of_events_wherever_their_chunks_lie(tmp_path):
    path, jets = tmp_path / "a.h5", _jets((60, 5))
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("jets", (80, 5), JET, chunks=(20, 5), compression="gzip")
        for start in (40, 0, 20):  # and the last chunk is never written
            stored[start : start + 20] = jets[start : start + 20]
    with DirectFile(path, index_file(path, FIELDS)) as file:
        mask, (pt,) = file.read_entries(["jets.pt"], "jets.good", np.arange(80))
    assert not mask[60:].any()
    np.testing.assert_array_equal(pt[:, 0], jets["pt"][jets["good"]])


def test_what_was_never_written_is_the_fill_value_of_each_field(tmp_path):
    path, fill = tmp_path / "a.h5", _jets(())
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("jets", (100, 2), JET, chunks=(10, 2), fillvalue=fill)
        stored[:10] = _jets((10, 2))
    _, block = next(read_rows(path, index_file(path, FIELDS), 0, 100))
    with h5py.File(path) as file:
        jets = file["jets"][...]
    for name in FIELDS:
        np.testing.assert_array_equal(block[name], _field(jets, name))


def test_an_array_type_is_more_axes(tmp_path):
    path = tmp_path / "a.h5"
    values = np.arange(60, dtype="<f4").reshape(10, 2, 3)
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (10,), np.dtype(("<f4", (2, 3))))[...] = values
    _, block = next(read_rows(path, index_file(path, ["a"]), 0, 10))
    np.testing.assert_array_equal(block["a"], values)


def test_a_dataset_with_dots_in_its_name_comes_first(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["g.x/jets"] = _jets((3,))
        file["g.x/jets.pt"] = np.arange(3)
    index = index_file(path, ["g.x/jets.pt", "g.x/jets.eta"])
    assert index["g.x/jets.pt"].part is None
    assert index["g.x/jets.eta"].part.field == "eta"


def test_a_name_is_read_with_the_longest_dataset_first():
    assert list(splits("g.x/a.b.c")) == [("g.x/a.b.c", ""), ("g.x/a.b", "c"), ("g.x/a", "b.c")]
    assert list(splits(".a")) == [(".a", "")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("jets.ppt", "has no field 'ppt' in jets; did you mean 'pt'"),
        ("jets.p4.z", "has no field 'p4.z' in jets; valid: x, y"),
        ("other.pt", "has no field 'pt' in other: other has no fields"),
        ("jet.pt", "has no dataset 'jet.pt'; it has jets, other"),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest_name(tmp_path, name, words):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["jets"], file["other"] = _jets((3,)), np.arange(3)
    with pytest.raises(RawError, match=words):
        index_file(path, [name])
