"""What `prepare` remarks on: copies, entries that it does not read, names of any bytes."""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.config import Experiment
from dlscan.errors import BadFilesError, ConfigError
from dlscan.prepare import prepare

Make = Callable[..., Experiment]


def copy(source: Path, target: Path) -> None:
    shutil.copy(source, target)


def hard_link(source: Path, target: Path) -> None:
    target.hardlink_to(source)


def soft_link(source: Path, target: Path) -> None:
    target.symlink_to(source)


@pytest.mark.parametrize("duplicate", [copy, hard_link, soft_link])
def test_one_content_under_two_names_is_warned_of(
    experiment: Experiment,
    raw: Path,
    duplicate: Callable[[Path, Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    duplicate(raw / "Ele/Ele_0.h5", raw / "Ele/again.h5")
    duplicate(raw / "Pi0/Pi0_0.h5", raw / "ChPi/other class.h5")
    for built in (True, False):
        caplog.clear()
        assert prepare(experiment, processes=1).built is built
        same, other = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert same == (
            "Ele/Ele_0.h5, Ele/again.h5 have the same content, so their events are in more than one split; "
            "keep only one of them"
        )
        assert other.startswith("Pi0/Pi0_0.h5, ChPi/other class.h5 have the same content")
        assert "in 2 classes (Pi0, ChPi)" in other


def test_different_files_are_not_called_copies(
    experiment: Experiment, raw: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (raw / "Pi0/damaged.h5").write_text("x")
    (raw / "Pi0/damaged too.h5").write_text("x")
    prepare(experiment, processes=1, skip_bad=True)
    assert "same content" not in caplog.text


def test_with_a_column_copies_stay_on_their_side(
    make_experiment: Make, raw: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(9):
        shutil.copy(raw / "Ele/Ele_0.h5", raw / f"Ele/copy{number}.h5")
    prepare(make_experiment("data.split={column: split, train: 0, test: 1}"), processes=1)
    assert (
        "copy2.h5 and 6 more have the same content, so their events are in the dataset several times"
        in caplog.text
    )


def test_entries_that_are_not_read_are_counted(
    make_experiment: Make, raw: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dlscan")
    prepare(make_experiment(), processes=1)
    assert "not read" not in caplog.text
    (raw / "Ele/run2").mkdir()
    for name in (
        "Ele/a.he5",
        "Pi0/b.HE5",
        "Pi0/c.h5.gz",
        "Pi0/README",
        "ChPi/.d.h5",
        "ChPi/.nfs0001",
        "loose.h5",
    ):
        (raw / name).write_text("x")
    prepare(make_experiment(), processes=1)
    (line,) = (record.getMessage() for record in caplog.records if "not read" in record.getMessage())
    assert line == (
        f"{raw}: not read: 2 files with suffix .he5 (Ele/a.he5, Pi0/b.HE5), 1 directory (Ele/run2), "
        "1 file without a suffix (Pi0/README), 1 file with suffix .gz (Pi0/c.h5.gz), "
        "1 hidden file (ChPi/.d.h5); "
        "prepare only reads files that end in .h5, .hdf5, .hdf and lie directly in the directory of a class"
    )
    caplog.clear()
    prepare(make_experiment("data.classes=null"), processes=1)
    assert "1 file with suffix .h5 (loose.h5)" in caplog.text


def test_a_name_of_any_bytes_is_read_and_reported(
    experiment: Experiment, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest's processes pass on what was logged as UTF-8, and cannot here
    monkeypatch.setattr(logging.getLogger("dlscan"), "propagate", False)
    good, bad = (os.fsencode(raw) + name for name in (b"/Ele/g\xff.h5", b"/Pi0/b\xff,\xfe.h5"))
    shutil.copy(os.fsencode(raw / "Ele/Ele_0.h5"), good)
    Path(os.fsdecode(bad)).write_text("x")
    manifest = prepare(experiment, processes=1, skip_bad=True).manifest
    assert [os.fsencode(item.file) for item in manifest.bad_files] == [b"Pi0/b\xff,\xfe.h5"]
    assert b'"Pi0/b\xff,\xfe.h5"' in (experiment.data.prepared / "bad_files.csv").read_bytes()
    (source,) = (item for item in manifest.sources if os.fsencode(item.file) == b"Ele/g\xff.h5")
    assert source.events == 50
    assert not prepare(experiment, processes=1, skip_bad=True).built


def test_a_class_must_have_a_name_that_is_text(make_experiment: Make, raw: Path) -> None:
    (raw / "Ele").rename(os.fsdecode(os.fsencode(raw) + b"/El\xff"))
    with pytest.raises(ConfigError, match=r"data\.raw: .*El.* has a name that is not UTF-8; rename it"):
        prepare(make_experiment("data.classes=null"), processes=1)


def test_what_was_asked_for_is_not_advised_again(experiment: Experiment, raw: Path) -> None:
    for path in raw.glob("*/*.h5"):
        path.write_text("x")
    with pytest.raises(
        BadFilesError, match="6 bad files; fix or remove them, or leave them out with --skip-bad:"
    ):
        prepare(experiment, processes=1)
    with pytest.raises(BadFilesError, match="6 bad files; fix or remove them; no good file is left:"):
        prepare(experiment, processes=1, skip_bad=True)
