"""`dlscan init`: what is in a directory, and an experiment file for it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from dlscan.cli.main import cli
from dlscan.config import load
from dlscan.errors import ConfigError, UsageError
from dlscan.inspection import Choice, choose, look_at
from dlscan.prepare import prepare

from ..conftest import write_raw

JETS = np.dtype([("pt", "f4"), ("eta", "f4"), ("flavour", "i4"), ("eventNumber", "i8")])
TRACKS = np.dtype([("d0", "f2"), ("valid", "?"), ("inner", [("x", "f4"), ("y", "f4")])])


def init(directory: Path, target: Path) -> Result:
    return CliRunner().invoke(cli, ["init", str(directory), "-o", str(target)])


def flat(directory: Path, **datasets: Any) -> Path:
    directory.mkdir(parents=True)
    with h5py.File(directory / "part_1.h5", "w") as file:
        for name, values in datasets.items():
            file.create_dataset(name, data=values)
    return directory


def chosen(directory: Path) -> Choice:
    return choose(look_at(directory))


def test_class_directories_go_from_init_to_a_dataset(tmp_path: Path) -> None:
    write_raw(tmp_path / "showers", files=2, events=30)
    done = init(tmp_path / "showers", tmp_path / "showers.yaml")
    assert "Pi0/  2 files, 60 events" in done.output
    line = next(line for line in done.output.splitlines() if line.startswith("ECAL"))
    assert "(N, 4, 5, 6)" in line
    assert "gzip" in line
    assert "% zeros" in line
    assert "input (data.inputs)" in line
    experiment = load(tmp_path / "showers.yaml")
    assert (experiment.name, experiment.data.raw) == ("showers", tmp_path / "showers")
    assert list(experiment.data.inputs) == ["ECAL", "HCAL"]
    assert list(experiment.data.extras) == ["target"]
    assert {name: str(experiment.data.normalization(name).kind) for name in experiment.data.inputs} == {
        "ECAL": "scale",
        "HCAL": "standard",
    }
    assert prepare(experiment, processes=1).manifest.classes == ("ChPi", "Ele", "Pi0")


def test_records_with_labels_in_a_column(tmp_path: Path) -> None:
    jets = np.zeros(40, JETS)
    jets["flavour"], jets["pt"] = np.arange(40) % 3 * 2, np.arange(40)
    choice = chosen(flat(tmp_path / "jets", jets=jets, tracks=np.zeros((40, 5), TRACKS)))
    assert choice.labels == {"column": "jets.flavour", "classes": {"class0": 0, "class2": 2, "class4": 4}}
    assert choice.inputs == {
        "jets": {"fields": ["pt", "eta"]},
        "tracks": {"fields": ["d0", "inner.x", "inner.y"], "valid": "valid"},
    }
    assert not choice.doubts


def test_numbers_side_by_side_are_one_vector(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    choice = chosen(
        flat(
            tmp_path / "table",
            met=rng.normal(size=50),
            ht=rng.normal(size=50),
            label=np.arange(50) % 2,
            mcWeight=np.ones(50),
            bins=np.arange(7.0),
        )
    )
    assert choice.inputs == {"features": {"datasets": ["ht", "met"]}}
    assert choice.labels == {"column": "label", "classes": {"class0": 0, "class1": 1}}
    assert choice.weights == "mcWeight"
    assert choice.uses["bins"] == "left out: has 7 rows, most datasets have 50"


def test_nan_among_the_inputs_gets_a_number_and_a_question(tmp_path: Path) -> None:
    image, met, label = np.ones((40, 3, 3), "f"), np.ones((40, 2), "f"), np.arange(40) % 2
    jets, tracks = np.zeros(40, JETS), np.zeros((40, 5), TRACKS)
    image[3, 1, 1], jets["pt"][7], tracks["d0"][2, 4] = np.nan, np.nan, np.nan
    directory = flat(tmp_path / "mixed", image=image, met=met, jets=jets, tracks=tracks, label=label)
    choice = chosen(directory)
    assert {name: own.get("fill") for name, own in choice.inputs.items()} == {
        "image": 0,
        "met": None,
        "jets": 0,
        "tracks": None,  # padding may be nan
    }
    assert [doubt.split(" (")[0] for doubt in choice.doubts] == [
        "whether 0 may replace nan in image",
        "whether 0 may replace nan in pt",
    ]

    plain = flat(tmp_path / "plain", image=image, met=met, label=label)
    init(plain, tmp_path / "plain.yaml")
    assert prepare(load(tmp_path / "plain.yaml"), processes=1).manifest.classes == ("class0", "class1")


@pytest.mark.parametrize("values", [(0, 1), (1, 2)])
def test_only_0_and_1_are_taken_for_training_and_test(tmp_path: Path, values: tuple[int, int]) -> None:
    split, label = np.resize(values, 40), np.arange(40) // 2 % 2
    directory = flat(tmp_path / "table", image=np.ones((40, 3, 3)), split=split, label=label)
    choice = chosen(directory)
    init(directory, tmp_path / "table.yaml")
    text = (tmp_path / "table.yaml").read_text()
    line = "  split: {column: split, train: 0, test: 1, validation: 0.1}   # 1 is taken to be test"
    assert (line in text.splitlines()) == (values == (0, 1))
    if values == (1, 2):
        assert choice.extras == ("split",)
        assert text.startswith("# To decide: whether split says what is test; if so, move it")
        assert "train: 1, test: 2, validation: 0.1}" in text.splitlines()[0]


def test_lists_are_as_long_as_the_longest_that_was_seen(tmp_path: Path) -> None:
    directory = flat(tmp_path / "hits", image=np.ones((4, 3, 3)))
    with h5py.File(directory / "part_1.h5", "r+") as file:
        hits = file.create_dataset("hits", (4,), h5py.vlen_dtype(np.float32))
        for row in range(4):
            hits[row] = np.arange(row, dtype=np.float32)
    choice = chosen(directory)
    assert choice.inputs == {"hits": {"longest": 3}, "image": {}}
    assert "which class an event is of" in choice.doubts[0]
    text = init(directory, tmp_path / "hits.yaml").output
    assert "To decide: which class" in text
    assert (tmp_path / "hits.yaml").read_text().startswith("# To decide: which class")
    assert yaml.safe_load((tmp_path / "hits.yaml").read_text())["name"] == "hits"


def test_lists_of_records_may_be_empty(tmp_path: Path) -> None:
    directory = flat(tmp_path / "hits", image=np.ones((4, 3, 3)))
    record = np.dtype([("t", "f8"), ("q", "u2")])
    with h5py.File(directory / "part_1.h5", "r+") as file:
        hits = file.create_dataset("hits", (4,), h5py.vlen_dtype(record))
        for row in range(4):
            hits[row] = np.zeros(row, record)
    assert chosen(directory).inputs == {"hits": {"longest": 3}, "image": {}}
    assert "lists of records of t, q, up to 3" in init(directory, tmp_path / "hits.yaml").output


def write_entries(path: Path, layout: str) -> None:
    """40 events with 0 to 4 jets of a pt and an eta, as files of several origins hold them."""
    counts = np.arange(40) % 5
    ends = np.cumsum(counts)
    with h5py.File(path, "w") as file:
        file["met"] = np.arange(40.0)
        file["constants"] = np.arange(7.0)
        if layout == "root":
            for name in ("jet_pt", "jet_phi"):
                file[name], file[f"{name}_offsets"] = np.ones(80), np.append(0, ends)
        elif layout == "ends":
            file["jet_pt"], file["jet_offsets"] = np.ones(80), ends
        elif layout == "awkward":
            file["events/node0-offsets"] = np.append(0, ends)
            file["events/node2-data"] = file["events/node3-data"] = np.ones(80)
        elif layout == "km3net":
            index = np.zeros(40, [("index", "i8"), ("n_items", "i8")])
            index["index"], index["n_items"] = ends - counts, counts
            file["hits/_indices"], file["hits/group_id"] = index, np.zeros(80)
            file["hits/time"] = file["hits/tot"] = np.ones(80)
        elif layout == "icetray":
            index = np.zeros(40, [("Event", "u4"), ("start", "u8"), ("stop", "u8")])
            index["start"], index["stop"] = np.where(counts, [ends - counts, ends], 0)
            file["__I3Index__/Hits"] = index
            file["Hits"] = np.zeros(80, [("Event", "u4"), ("time", "f8"), ("charge", "f8")])
        else:
            file["wave/values/cumulative_length"], file["wave/values/flattened_data"] = ends, np.ones(80)


@pytest.mark.parametrize(
    ("layout", "wanted"),
    [
        # the first event has no jet, so that ends begin with 0 as well
        ("ends", {"jet_pt": {"offsets": "jet_offsets"}}),
        ("root", {"jet": {"datasets": ["jet_phi", "jet_pt"], "offsets": "jet_phi_offsets"}}),
        (
            "awkward",
            {
                "events": {
                    "datasets": ["events/node2-data", "events/node3-data"],
                    "offsets": "events/node0-offsets",
                }
            },
        ),
        ("km3net", {"hits": {"datasets": ["hits/time", "hits/tot"], "offsets": "hits/_indices"}}),
        ("icetray", {"Hits": {"fields": ["time", "charge"], "offsets": "__I3Index__/Hits"}}),
        ("legend", {"wave/values/flattened_data": {"offsets": "wave/values/cumulative_length"}}),
    ],
)
def test_entries_of_all_events_go_from_init_to_a_dataset(
    tmp_path: Path, layout: str, wanted: dict[str, dict[str, Any]]
) -> None:
    suffix = ".lh5" if layout == "legend" else ".h5"
    for label in ("a", "b"):
        (tmp_path / "raw" / label).mkdir(parents=True)
        write_entries(tmp_path / "raw" / label / f"0{suffix}", layout)
    done = init(tmp_path / "raw", tmp_path / "e.yaml")
    assert "a/  1 file, 40 events" in done.output
    proposed = yaml.safe_load((tmp_path / "e.yaml").read_text())["data"]
    assert proposed["inputs"] == {name: {**own, "longest": 4} for name, own in wanted.items()}
    assert proposed["extras"] == ["met"]
    assert proposed.get("files") == ("*.lh5" if layout == "legend" else None)
    manifest = prepare(load(tmp_path / "e.yaml"), processes=1).manifest
    assert sum(sum(split.counts) for split in manifest.splits.values()) == 80


def test_numbers_that_rise_by_chance_are_no_offsets(tmp_path: Path) -> None:
    label = np.arange(40) // 20
    choice = chosen(flat(tmp_path / "t", image=np.ones((40, 3, 3)), label=label, one=np.ones(1)))
    assert choice.inputs == {"image": {}}
    assert choice.labels["column"] == "label"


def test_what_differs_between_directories_is_left_out(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", files=1, events=30)
    with h5py.File(tmp_path / "raw/Ele/Ele_0.h5", "r+") as file:
        file["more"] = np.zeros(30)
        del file["HCAL"]
        file["HCAL"] = np.zeros((30, 8))
    contents = look_at(tmp_path / "raw")
    assert contents.unlike == {
        "HCAL": "of another shape or type in each directory",
        "more": "only in 1 of 3 directories",
    }


def test_a_damaged_file_is_named_and_the_next_one_taken(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", files=2, events=30)
    (tmp_path / "raw/Ele/Ele_0.h5").write_bytes(b"nothing")
    contents = look_at(tmp_path / "raw")
    assert [path.name for path in contents.unreadable] == ["Ele_0.h5"]
    assert {part.name: part.events for part in contents.parts} == {"ChPi": 60, "Ele": 30, "Pi0": 60}


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such directory"):
        look_at(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no HDF5 files"):
        look_at(tmp_path / "empty")
    (tmp_path / "empty" / "a.h5").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"no file here can be read; .*a\.h5: cannot be opened"):
        look_at(tmp_path / "empty")
    write_raw(tmp_path / "raw", files=1, events=30)
    (tmp_path / "there.yaml").write_text("mine")
    done = init(tmp_path / "raw", tmp_path / "there.yaml")
    assert isinstance(done.exception, UsageError)
    assert (tmp_path / "there.yaml").read_text() == "mine"


def test_an_example_comes_with_its_scripts(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["init", str(tmp_path), "--example", "demo"])
    assert done.output.startswith(f"{tmp_path}/configs/demo.yaml written, with {tmp_path}/data_prep/")
    assert load(tmp_path / "configs/demo.yaml").data.raw == tmp_path / "demo/raw"
    script = [sys.executable, "data_prep/simulate_showers.py", "demo/raw", "--events", "2", "--files", "1"]
    subprocess.run(script, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "demo/raw/EleEscan").is_dir()
    again = CliRunner().invoke(cli, ["init", str(tmp_path), "--example", "demo"])
    assert again.exit_code == 0
    (tmp_path / "configs/demo.yaml").write_text("mine")
    refused = CliRunner().invoke(cli, ["init", str(tmp_path), "--example", "demo"])
    assert "exists with another content" in str(refused.exception)
    unknown = CliRunner().invoke(cli, ["init", str(tmp_path), "--example", "dmeo"])
    assert "did you mean 'demo'?" in str(unknown.exception)


@pytest.mark.parametrize("name", ["events", "data", "jets"])
def test_a_table_of_records_is_an_input_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    records = np.zeros(40, [("pt", "f4"), ("eta", "f4"), ("label", "i4")])
    records["pt"], records["label"] = np.arange(40), np.arange(40) % 2
    (tmp_path / "raw").mkdir()
    with h5py.File(tmp_path / "raw/a.h5", "w") as file:
        file[name] = records
    choice = choose(look_at(tmp_path / "raw"))
    assert choice.inputs == {name: {"fields": ["pt", "eta"]}}
