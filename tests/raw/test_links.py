"""Links inside HDF5 files: what they lead to is looked at before HDF5 goes there."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.config import Experiment
from dlscan.raw import DirectFile, RawFile, RawFileError, Straight, check_files, find_files, index_file

VALUES = np.arange(40, dtype=np.float32).reshape(20, 2)


def plain(path: Path, values: np.ndarray = VALUES, name: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as handle:
        handle[name] = values


def linked(path: Path, target: str, inside: str = "/x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as handle:
        handle["x"] = h5py.ExternalLink(target, inside)


def virtual(path: Path, *parts: tuple[str, str], shape: tuple[int, ...] = VALUES.shape) -> None:
    """All of the parts, each of that shape, one after the other."""
    layout = h5py.VirtualLayout((shape[0] * len(parts), *shape[1:]), np.float32)
    for number, (file, name) in enumerate(parts):
        layout[number * shape[0] : (number + 1) * shape[0]] = h5py.VirtualSource(file, name, shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as handle:
        handle.create_virtual_dataset("x", layout)


def external(path: Path, *places: tuple[Path, int, int], rows: int = 20) -> None:
    with h5py.File(path, "w") as handle:
        handle.create_dataset(
            "x", (rows, 2), np.float32, external=[(str(file), offset, size) for file, offset, size in places]
        )


def reason(path: Path, roots: tuple[Path, ...] | None = None, names: tuple[str, ...] = ("x",)) -> str:
    """Why a file is bad, "" if it is not; beside it, a good one must stay so."""
    good = path.with_name("good.h5")
    plain(good)
    files = [RawFile(path, path.name, 0, roots), RawFile(good, good.name, 0, roots)]
    bad = check_files(files, names)[1]
    assert bad.keys() <= {files[0]}
    found = bad.get(files[0], "")
    assert "\n" not in found
    return found


def read(path: Path) -> np.ndarray:
    index = index_file(path, ["x"])
    cells = np.empty((index["x"].rows, *index["x"].shape), np.float32)
    with DirectFile(path, index) as file:
        file.read("x", np.arange(len(cells)), Straight(cells))
    return cells


def test_what_is_whole_is_read_however_many_files_it_lies_in(tmp_path: Path) -> None:
    """A link to a link to a virtual dataset of a link, of external storage and of a dataset of its own."""
    plain(tmp_path / "deep/own.h5")
    VALUES.tofile(tmp_path / "deep/values.bin")
    linked(tmp_path / "deep/link.h5", "own.h5")
    external(tmp_path / "deep/raw.h5", (tmp_path / "deep/values.bin", 0, h5py.h5f.UNLIMITED))
    virtual(tmp_path / "deep/all.h5", ("link.h5", "x"), ("raw.h5", "/x"), (".", "own"))
    with h5py.File(tmp_path / "deep/all.h5", "a") as handle:
        handle["group/values"] = VALUES
        handle["own"] = h5py.SoftLink("/group/values")
    linked(tmp_path / "second.h5", "deep/all.h5")
    linked(tmp_path / "a.h5", "second.h5")
    assert reason(tmp_path / "a.h5", roots=(tmp_path,)) == ""
    np.testing.assert_array_equal(read(tmp_path / "a.h5"), np.concatenate([VALUES] * 3))
    found = index_file(tmp_path / "a.h5", ["x"])["x"].linked or ()
    parts = ("all.h5", "link.h5", "own.h5", "raw.h5", "values.bin")
    assert {file.path.resolve() for file in found} == {
        tmp_path / "second.h5",
        *(tmp_path / "deep" / name for name in parts),
    }


def missing_link(path: Path) -> str:
    linked(path, "gone.dat")
    return f"x is a link to {path.parent}/gone.dat, which does not exist"


def missing_link_below(path: Path) -> str:
    linked(path.with_name("second.dat"), "gone.dat")
    linked(path, "second.dat")
    return f"x is a link to {path.parent}/gone.dat, which does not exist"


def missing_dataset_behind_a_link(path: Path) -> str:
    plain(path.with_name("other.dat"), name="y")
    linked(path, "other.dat")
    return f"x is a link to /x in {path.parent}/other.dat, which has no such dataset"


def missing_soft_link(path: Path) -> str:
    with h5py.File(path, "w") as handle:
        handle["x"] = h5py.SoftLink("/group/y")
    return "x is a link to /group/y, which does not exist"


def links_in_a_circle(path: Path) -> str:
    with h5py.File(path, "w") as handle:
        handle["x"], handle["y"] = h5py.SoftLink("y"), h5py.ExternalLink(path.name, "x")
    return "x goes through more than 32 links"


def link_to_text(path: Path) -> str:
    path.with_name("notes.txt").write_text("no HDF5")
    linked(path, "notes.txt")
    return "notes.txt, which cannot be opened: not an HDF5 file"


def link_to_a_pipe(path: Path) -> str:
    os.mkfifo(path.with_name("pipe"))
    linked(path, "pipe")
    return "pipe: a pipe, a socket or a device, not a regular file"


def virtual_part_missing(path: Path) -> str:
    plain(path.with_name("1.dat"))
    virtual(path, ("1.dat", "x"), ("2.dat", "x"))
    return f"x has a part in {path.parent}/2.dat, which does not exist"


def virtual_part_without_its_dataset(path: Path) -> str:
    plain(path.with_name("1.dat"), name="y")
    virtual(path, ("1.dat", "x"))
    return f"x has a part in {path.parent}/1.dat, x, which does not exist"


def virtual_part_short(path: Path) -> str:
    plain(path.with_name("1.dat"))
    plain(path.with_name("2.dat"), VALUES[:7])
    virtual(path, ("1.dat", "x"), ("2.dat", "x"))
    return f"x has a part in {path.parent}/2.dat, x, of shape (7, 2), but 40 values are needed"


def virtual_part_with_too_few_rows(path: Path) -> str:
    """HDF5 gives zeros for the rest."""
    plain(path.with_name("1.dat"), VALUES[:7])
    layout = h5py.VirtualLayout((6, 2), np.float32)
    layout[...] = h5py.VirtualSource(path.with_name("1.dat"), "x", (20, 2))[2:14:2]
    with h5py.File(path, "w") as handle:
        handle.create_virtual_dataset("x", layout)
    return f"x has a part in {path.parent}/1.dat, x, of shape (7, 2), but (13, 2) is needed"


def virtual_part_of_a_part_missing(path: Path) -> str:
    plain(path.with_name("1.dat"))
    virtual(path.with_name("all.dat"), ("1.dat", "x"), ("2.dat", "x"))
    virtual(path, ("all.dat", "x"), shape=(40, 2))
    return f"x has a part in {path.parent}/2.dat, which does not exist"


def virtual_of_itself(path: Path) -> str:
    """HDF5 crashes on it."""
    virtual(path, (".", "x"))
    return "x refers to itself"


def numbered_parts(path: Path) -> str:
    space = h5py.h5s.create_simple((20, 2), (h5py.h5s.UNLIMITED, 2))
    space.select_hyperslab((0, 0), (h5py.h5s.UNLIMITED, 1), stride=(20, 2), block=(20, 2))
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_virtual(space, b"part-%b.dat", b"x", h5py.h5s.create_simple((20, 2)))
    plain(path.with_name("part-0.dat"))
    with h5py.File(path, "w") as handle:
        h5py.h5d.create(handle.id, b"x", h5py.h5t.IEEE_F32LE, space, created)
    return "numbered parts (part-%b.dat, x)"


def external_file_missing(path: Path) -> str:
    external(path, (path.with_name("x.bin"), 0, 160))
    return f"x has its values in {path.parent}/x.bin, which does not exist"


def external_file_short(path: Path) -> str:
    VALUES[:15].tofile(path.with_name("1.bin"))
    VALUES[:15].tofile(path.with_name("2.bin"))
    external(path, (path.with_name("1.bin"), 40, 80), (path.with_name("2.bin"), 41, h5py.h5f.UNLIMITED))
    return f"x has its values in {path.parent}/2.bin, which is truncated: 120 of 121 bytes"


@pytest.mark.parametrize(
    "write",
    [
        missing_link,
        missing_link_below,
        missing_dataset_behind_a_link,
        missing_soft_link,
        links_in_a_circle,
        link_to_text,
        link_to_a_pipe,
        virtual_part_missing,
        virtual_part_without_its_dataset,
        virtual_part_short,
        virtual_part_with_too_few_rows,
        virtual_part_of_a_part_missing,
        virtual_of_itself,
        numbered_parts,
        external_file_missing,
        external_file_short,
    ],
)
def test_what_is_not_whole_is_a_bad_file(tmp_path: Path, write: Callable[[Path], str]) -> None:
    expected = write(tmp_path / "a.h5")
    assert expected in reason(tmp_path / "a.h5")


@pytest.mark.parametrize("kind", ["link", "virtual", "external", "nested"])
def test_links_out_of_the_raw_directory_are_refused_unless_they_are_allowed(
    tmp_path: Path, kind: str
) -> None:
    path, outside = tmp_path / "raw/A/a.h5", tmp_path / "elsewhere/values.dat"
    plain(path.with_name("inside.h5"))
    plain(outside)
    if kind == "link":
        linked(path, "../../elsewhere/values.dat")
    elif kind == "virtual":
        virtual(path, ("inside.h5", "x"), (str(outside), "x"))
    elif kind == "external":
        outside.write_bytes(VALUES.tobytes())
        external(path, (outside, 0, 160))
    else:
        virtual(path.with_name("second.dat"), ("../../elsewhere/values.dat", "x"))
        linked(path, "second.dat")
    refused = reason(path, roots=(tmp_path / "raw",))
    assert f"{outside}, which is outside data.raw; set data.follow_links: true" in refused
    assert reason(path, roots=None) == ""


def test_a_symbolic_link_of_a_class_or_of_a_file_is_no_link_inside_a_file(
    make_experiment: Callable[..., Experiment], raw: Path, tmp_path: Path
) -> None:
    """Parts beside the real file belong to it."""
    plain(tmp_path / "store/files/part.dat")
    virtual(tmp_path / "store/files/all.h5", ("part.dat", "x"))
    (raw / "Ele/a.h5").symlink_to(tmp_path / "store/files/all.h5")
    (tmp_path / "store/Ele2").mkdir()
    linked(tmp_path / "store/Ele2/a.h5", "part.dat")
    plain(tmp_path / "store/Ele2/part.dat")
    (raw / "Ele2").symlink_to(tmp_path / "store/Ele2")
    experiment = make_experiment("data.classes={Ele: Ele, Ele2: Ele2}", "data.inputs=[x]", "data.extras=[]")
    files = [file for file in find_files(experiment)[1] if file.path.name == "a.h5"]
    assert len(files) == 2
    assert check_files(files, ["x"])[1] == {}


@pytest.mark.parametrize("when", ["before it is opened", "while it is open"])
@pytest.mark.parametrize("change", ["other values", "gone", "other target"])
def test_a_change_behind_a_link_ends_reading(
    tmp_path: Path, when: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlscan.raw.slow._LOOK_AGAIN", -1)
    plain(tmp_path / "part.dat")
    linked(tmp_path / "second.dat", "part.dat")
    linked(tmp_path / "a.h5", "second.dat")
    index = index_file(tmp_path / "a.h5", ["x"])
    cells = Straight(np.empty((20, 2), np.float32))
    file = DirectFile(tmp_path / "a.h5", index)
    if when == "while it is open":
        file.read("x", np.arange(20), cells)
    if change == "gone":
        (tmp_path / "part.dat").unlink()
    elif change == "other values":
        plain(tmp_path / "new.dat", VALUES + 1)
        (tmp_path / "new.dat").replace(tmp_path / "part.dat")
    else:
        plain(tmp_path / "other.dat")
        linked(tmp_path / "new.dat", "other.dat")
        (tmp_path / "new.dat").replace(tmp_path / "second.dat")
    with (
        file,
        pytest.raises(RawFileError, match=r"a\.h5: x .*(changed|not exist|no longer links)"),
    ):
        file.read("x", np.arange(20), cells)


@pytest.mark.parametrize("variable", [None, "HDF5_EXT_PREFIX"])
def test_files_are_found_where_hdf5_finds_them(
    tmp_path: Path, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the link for an absolute name that is gone, and first where the environment says."""
    plain(tmp_path / "raw/values.dat")
    plain(tmp_path / "first/values.dat", VALUES + 1)
    linked(tmp_path / "raw/a.h5", "/no/such/place/values.dat")
    if variable:
        monkeypatch.setenv(variable, f"/nowhere:{tmp_path}/first")
    with h5py.File(tmp_path / "raw/a.h5") as handle:
        expected = handle["x"][...]
    np.testing.assert_array_equal(read(tmp_path / "raw/a.h5"), expected)
    assert (expected[0, 0] == 1) == bool(variable)
    (found,) = index_file(tmp_path / "raw/a.h5", ["x"])["x"].linked or ()
    assert found.path == tmp_path / ("first" if variable else "raw") / "values.dat"


@pytest.mark.parametrize("most", [120, 1000])
def test_more_parts_than_a_process_may_open_are_no_zeros(tmp_path: Path, most: int) -> None:
    """HDF5 gives fill values for parts that it has no file descriptor for."""
    for number in range(120):
        plain(tmp_path / f"{number}.dat")
    virtual(tmp_path / "a.h5", *((f"{number}.dat", "x") for number in range(120)))
    code = (
        "import resource, pathlib\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (100, {most}))\n"
        "from dlscan.raw import index_file, read_rows\n"
        "path = pathlib.Path('a.h5')\n"
        "((_, block),) = read_rows(path, index_file(path, ['x']), 0, 2400)\n"
        "print(block['x'].sum())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    if most == 1000:
        assert (done.stdout, done.stderr) == (f"{120 * VALUES.sum()}\n", "")
    else:
        assert (
            "a.h5: x cannot be read: its values lie in 120 files, but a process may open only 120 here"
            in done.stderr
        )
