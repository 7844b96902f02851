"""Raw files that link to others: what lies behind a link is part of the source."""

import dataclasses
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.config import Experiment
from dlscan.dataset import Manifest
from dlscan.errors import BadFilesError, StreamError
from dlscan.prepare import prepare
from dlscan.sealed import content_size
from dlscan.stream import Batches

Make = Callable[..., Experiment]
SMALL = (
    "data.classes={Ele: Ele, Pi0: Pi0}",
    "data.inputs=[HCAL]",
    "data.extras=[]",
    "data.split={train: 0.5, validation: 0.25, test: 0.25}",
)


@pytest.fixture
def store(raw: Path, tmp_path: Path) -> Path:
    """A raw directory of virtual datasets whose parts are links into a store beside it."""
    store = tmp_path / "store"
    for name in ("Ele", "Pi0"):
        parts = []
        for path in sorted((raw / name).iterdir()):
            (store / name).mkdir(parents=True, exist_ok=True)
            shutil.move(path, store / name / path.name)
            with h5py.File(path.with_suffix(".part"), "w") as handle:
                handle["HCAL"] = h5py.ExternalLink(f"../../store/{name}/{path.name}", "/HCAL")
            parts.append(path.with_suffix(".part").name)
        layout = h5py.VirtualLayout((100, 7), np.float32)
        for number, part in enumerate(parts):
            layout[50 * number : 50 * (number + 1)] = h5py.VirtualSource(part, "HCAL", (50, 7))
        with h5py.File(raw / name / "all.h5", "w") as handle:
            handle.create_virtual_dataset("HCAL", layout)
    return store


def total(experiment: Experiment) -> float:
    """The sum of all training values, as a stream delivers them."""
    with Batches(experiment.data.prepared, split="train", batch_size=8, workers=0) as batches:
        return float(sum(batch.inputs["HCAL"].sum(dtype=np.float64) for batch in batches.epoch(0)))


def shift(path: Path) -> None:
    """Other values in the same bytes."""
    with h5py.File(path, "r+") as handle:
        handle["HCAL"][...] += 1


@pytest.mark.parametrize("index_only", [False, True])
def test_a_change_behind_a_link_is_a_change(
    make_experiment: Make, store: Path, index_only: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dlscan")
    experiment = make_experiment(*SMALL, "data.follow_links=true")
    first = prepare(experiment, index_only=index_only).manifest
    before = total(experiment)
    assert not prepare(experiment, index_only=index_only).built
    shift(store / "Ele/Ele_1.h5")
    if index_only:
        with pytest.raises(StreamError, match=r"all\.h5: .*it links to .*Ele_1\.h5, which has changed since"):
            total(experiment)
    else:
        assert total(experiment) == before
    second = prepare(experiment, index_only=index_only)
    assert second.built
    assert "1 changed (Ele/all.h5)" in caplog.text
    assert total(experiment) > before
    assert first.config_hash != second.manifest.config_hash
    assert [source.checksum for source in first.sources] != [s.checksum for s in second.manifest.sources]
    assert not prepare(experiment, index_only=index_only).built


@pytest.mark.parametrize("index_only", [False, True])
def test_linked_files_that_were_only_touched_keep_the_dataset(
    make_experiment: Make, store: Path, index_only: bool
) -> None:
    experiment = make_experiment(*SMALL, "data.follow_links=true")
    prepare(experiment, index_only=index_only)
    before = total(experiment)
    for path in store.glob("*/*"):
        os.utime(path, ns=(1, 1))
    assert not prepare(experiment, index_only=index_only).built
    linked = Manifest.read(experiment.data.prepared).sources[0].linked
    assert {file.mtime_ns for file in linked or () if "store" in file.file} == {1}
    assert total(experiment) == before


def test_raw_files_and_store_may_move_together(
    make_experiment: Make, store: Path, raw: Path, tmp_path: Path
) -> None:
    prepare(make_experiment(*SMALL, "data.follow_links=true"))
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(raw, moved / raw.name)
    shutil.move(store, moved / "store")
    overrides = (*SMALL, "data.follow_links=true", f"data.raw={json.dumps(str(moved / raw.name))}")
    assert not prepare(make_experiment(*overrides)).built


@pytest.mark.parametrize("index_only", [False, True])
def test_links_out_of_the_raw_directory_wait_for_the_key(
    make_experiment: Make, store: Path, index_only: bool
) -> None:
    refused, allowed = make_experiment(*SMALL), make_experiment(*SMALL, "data.follow_links=true")
    message = "Ele_0.h5, which is outside data.raw; set data.follow_links: true"
    with pytest.raises(BadFilesError, match=re.escape(message)):
        prepare(refused, index_only=index_only)
    assert prepare(allowed, index_only=index_only).built
    with pytest.raises(BadFilesError, match=re.escape(message)):
        prepare(refused, index_only=index_only)


def test_a_file_that_was_bad_is_read_once_its_part_is_there_or_its_link_is_allowed(
    make_experiment: Make, store: Path
) -> None:
    """`--skip-bad` remembers what was missing, though the file with the link stays as it is."""
    part = store / "Ele/Ele_1.h5"
    with h5py.File(store / "Ele/good.h5", "w") as handle:
        handle["HCAL"] = np.ones((50, 7), np.float32)
    raw = make_experiment(*SMALL).data.raw
    shutil.copy(store / "Ele/good.h5", raw / "Ele/good.h5")
    shutil.copy(store / "Ele/good.h5", raw / "Pi0/good.h5")
    allowed = make_experiment(*SMALL, "data.follow_links=true")
    assert len(prepare(make_experiment(*SMALL), skip_bad=True).manifest.bad_files) == 2
    part.rename(part.with_suffix(".gone"))
    assert [bad.file for bad in prepare(allowed, skip_bad=True).manifest.bad_files] == ["Ele/all.h5"]
    assert not prepare(allowed, skip_bad=True).built
    part.with_suffix(".gone").rename(part)
    outcome = prepare(allowed, skip_bad=True)
    assert outcome.built
    assert not outcome.manifest.bad_files


def test_a_linked_file_that_changes_while_it_is_read_is_bad(
    make_experiment: Make, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlscan.prepare import passes

    scatter = passes.scatter

    def scatter_then_change(*arguments: object) -> object:
        found = scatter(*arguments)  # type: ignore[arg-type]
        shift(store / "Pi0/Pi0_0.h5")
        return found

    monkeypatch.setattr(passes, "scatter", scatter_then_change)
    with pytest.raises(BadFilesError, match=r"Pi0/all\.h5: changed while it was being read"):
        prepare(make_experiment(*SMALL, "data.follow_links=true"), processes=1)


@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize("index_only", [False, True])
def test_what_an_older_version_prepared_goes_on_where_there_are_no_links(
    make_experiment: Make, raw: Path, request: pytest.FixtureRequest, links: bool, index_only: bool
) -> None:
    if links:
        request.getfixturevalue("store")
    experiment = make_experiment(*SMALL, "data.follow_links=true")
    prepare(experiment, index_only=index_only)
    before = total(experiment)
    path = experiment.data.prepared / "manifest.json"
    manifest = json.loads(path.read_text())
    # nor did it have checksums
    del manifest["sealed"]
    # and a dictionary for each file
    found = Manifest.read(experiment.data.prepared).sources
    manifest["sources"] = [dataclasses.asdict(source) for source in found]
    for source in manifest["sources"]:
        del source["linked"]
    path.write_text(json.dumps(manifest))
    for file in experiment.data.prepared.glob("*.h5"):
        os.truncate(file, content_size(file))
    if index_only:
        with h5py.File(experiment.data.prepared / "index.h5", "r+") as handle:
            del handle["linked"]
    assert total(experiment) == before
    assert prepare(experiment, index_only=index_only).built == links
    assert all(source.linked is not None for source in Manifest.read(experiment.data.prepared).sources)
    assert total(experiment) == before


def test_a_part_is_neither_left_alone_nor_read_twice_without_a_word(
    make_experiment: Make, raw: Path, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dlscan")
    experiment = make_experiment(*SMALL, "data.follow_links=true")
    prepare(experiment)
    assert "not read" not in caplog.text
    assert "count twice" not in caplog.text
    (raw / "Ele/Ele_1.part").rename(raw / "Ele/part.h5")
    with h5py.File(raw / "Ele/all.h5", "w") as handle:
        handle["HCAL"] = h5py.ExternalLink("part.h5", "/HCAL")
    prepare(experiment)
    assert (
        "Ele/part.h5 is read twice, by itself and as part of Ele/all.h5, so its events count" in caplog.text
    )
    assert "not read: 1 file with suffix .part (Ele/Ele_0.part)" in caplog.text
