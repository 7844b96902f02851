"""Where raw files may lie: in directories of classes, in directories below these, in one place, or named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.config import Experiment
from dlscan.errors import ConfigError
from dlscan.prepare import prepare
from dlscan.raw import find_files

Make = Callable[..., Experiment]
FLAT = "data.classes={Ele: Ele_0.h5, Pi0: 'Pi0_*.h5'}"
COLUMN = "data.labels={column: 'target[:,0,0]', classes: {Ele: 0, Pi0: 1, ChPi: 2}}"


@pytest.fixture
def flat(raw: Path) -> Path:
    """All files in the raw directory itself."""
    for path in raw.glob("*/*.h5"):
        path.rename(raw / path.name)
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    return raw


def names(experiment: Experiment) -> list[str]:
    return [file.name for file in find_files(experiment)[1]]


def test_files_below_the_directories_of_classes_are_read_if_a_pattern_says_so(
    make_experiment: Make, raw: Path
) -> None:
    (raw / "Ele/run 10/deep").mkdir(parents=True)
    (raw / "Ele/run 9/looks.h5").mkdir(parents=True)
    (raw / "Ele/.hidden").mkdir()
    for place in (
        "run 10/deep/a.hdf5",
        "run 9/b.he5",
        "run 9/c.h5py",
        ".hidden/d.h5",
        "run 9/.e.h5",
        "run 9/f.txt",
    ):
        shutil.copy(raw / "Ele/Ele_0.h5", raw / "Ele" / place)
    assert names(make_experiment()) == [
        f"{name}/{name}_{n}.h5" for name in ("Ele", "Pi0", "ChPi") for n in (0, 1)
    ]
    found = names(make_experiment("data.files='**/*'"))
    assert found[:5] == [
        "Ele/Ele_0.h5",
        "Ele/Ele_1.h5",
        "Ele/run 9/b.he5",
        "Ele/run 9/c.h5py",
        "Ele/run 10/deep/a.hdf5",
    ]
    assert names(make_experiment("data.files=['*_1.h5', '**/*.txt']"))[:2] == [
        "Ele/Ele_1.h5",
        "Ele/run 9/f.txt",
    ]
    manifest = prepare(make_experiment("data.files='**/*.h*'"), processes=1).manifest
    assert [source.label for source in manifest.sources].count("Ele") == 5
    assert manifest.events == 8 * 50 + 50


def test_a_class_may_be_a_file_or_a_pattern_of_files(make_experiment: Make, flat: Path) -> None:
    experiment = make_experiment("data.classes=null", FLAT)
    classes, files = find_files(experiment)
    assert classes == ("Ele", "Pi0")
    assert [(file.name, file.label) for file in files] == [("Ele_0.h5", 0), ("Pi0_0.h5", 1), ("Pi0_1.h5", 1)]
    manifest = prepare(experiment, processes=1).manifest
    assert sum(manifest.splits[split].counts[0] for split in manifest.splits) == 50
    assert manifest.events == 150


def test_with_a_column_files_lie_in_one_place_or_are_named(
    make_experiment: Make, raw: Path, flat: Path
) -> None:
    everything = ["ChPi_0.h5", "ChPi_1.h5", "Ele_0.h5", "Ele_1.h5", "Pi0_0.h5", "Pi0_1.h5"]
    assert names(make_experiment("data.classes=null", COLUMN)) == everything
    listed = make_experiment("data.classes=null", COLUMN, "data.files=[Pi0_1.h5, Ele_0.h5]")
    assert names(listed) == ["Pi0_1.h5", "Ele_0.h5"]
    (flat / "more").mkdir()
    (flat / "Ele_0.h5").rename(flat / "more/x.h5")
    assert names(make_experiment("data.classes=null", COLUMN, "data.files='**/*.h5'")) == sorted(
        [*everything[:2], *everything[3:], "more/x.h5"]
    )
    outside = raw.parent / "elsewhere.h5"
    shutil.copy(flat / "Pi0_0.h5", outside)
    assert names(
        make_experiment("data.classes=null", COLUMN, f"data.files=['{outside}']".replace("'", '"'))
    ) == [str(outside)]


def test_files_of_no_class_are_said_or_belong_to_all(
    make_experiment: Make, raw: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Beside directories of classes they are left out loudly; a regression takes them."""
    every = names(make_experiment("data.classes=null"))
    (raw / "Ele/Ele_0.h5").rename(raw / "stray.h5")
    left = [name for name in every if name != "Ele/Ele_0.h5"]
    assert names(make_experiment("data.classes=null", "data.files='*.h5'")) == left
    assert f"1 file lying directly in {raw} is of no class and left out: stray.h5" in caplog.text
    caplog.clear()
    regress = "task={kind: regress, targets: {Energy: 'target[:,0,3]'}}"
    for pattern in ("data.files='*.h5'", "data.files='**/*.h5'"):
        experiment = make_experiment("data.classes=null", regress, pattern)
        assert find_files(experiment)[0] == ("ChPi", "Ele", "Pi0")  # one stray file changes no class
        assert 'left out: stray.h5; data.classes: {all: "**/*.h5"} takes all as one class' in caplog.text
        caplog.clear()
    everything = make_experiment("data.classes={all: '**/*.h5'}", regress)
    assert (find_files(everything)[0], len(names(everything))) == (("all",), len(every))
    assert not caplog.text
    for directory in ("ChPi", "Ele", "Pi0"):
        shutil.rmtree(raw / directory)
    flat = make_experiment("data.classes=null", regress)
    assert names(flat) == ["stray.h5"]
    with caplog.at_level("INFO"):
        assert prepare(flat, processes=1).manifest.classes == (raw.name,)
    assert "not read" not in caplog.text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((FLAT.replace("Ele_0", "Ele_7"),), "data.classes.Ele: no such file: "),
        ((FLAT.replace("'Pi0_*", "'Pi9_*"),), "data.classes.Pi0: no HDF5 files are called Pi9_*.h5 in "),
        ((FLAT.replace("'Pi0_*", "'Ele_*"),), "Ele_0.h5 is already the file of Ele"),
        ((), "data.raw: needs a directory per class, found [] in "),
        ((), "ChPi_0.h5 lies in it directly: say which files are of which class with data.classes"),
        ((COLUMN, "data.files=[Ele_0.h5, Ele_9.h5]"), "data.files: no such file: "),
        ((COLUMN, "data.files='*/*.h5'"), "data.files: no file in "),
        (
            (COLUMN, "data.prepared={raw}/out"),
            "data.prepared: lies inside data.raw, where it could be taken for",
        ),
        ((COLUMN, "data.files=[]"), "data.files: must name at least one file"),
        ((COLUMN, "data.files=[Ele_0.h5, Ele_0.h5]"), "data.files[0]: 'Ele_0.h5' is listed twice"),
        ((COLUMN, "data.files=3"), "data.files: must be a file or a pattern such as **/*.h5, got 3"),
        ((COLUMN, "data.files=/x/*.h5"), "data.files: must be a pattern that begins in data.raw"),
    ],
)
def test_a_layout_that_is_not_there_is_one_line(
    make_experiment: Make, flat: Path, overrides: tuple[str, ...], message: str
) -> None:
    filled = [override.replace("{raw}", f'"{flat}"'.strip('"')) for override in overrides]
    with pytest.raises(ConfigError) as caught:
        find_files(make_experiment("data.classes=null", *filled))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_directory_with_no_files_of_its_own_says_how_to_go_deeper(make_experiment: Make, raw: Path) -> None:
    with pytest.raises(ConfigError, match=r'for those in directories below it set data.files: "\*\*/\*.h5"'):
        find_files(make_experiment("data.classes=null", COLUMN))
