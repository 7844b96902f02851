"""Every reader delivers the events of the files, and one that does not is refused."""

import importlib.util
from pathlib import Path

import pytest

from benchmarks.cases import Case
from benchmarks.datasets import make_dataset
from benchmarks.readers import READERS, Job
from benchmarks.rounds import ReaderProcesses, Settings, measure

PEERS = [name for name, kind in READERS.items() if kind.role == "peer"]
CASES = ["lcd-gzauto", "lcd-gz32", "lcd-plain", "tabular10-gzauto", "tabular10-plain"]


def skip_without_torch(reader: str) -> None:
    """PyTorch comes with the extra `bench`, which `make test` does not install."""
    if READERS[reader].needs == "torch" and importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed: pip install '.[bench]' to test the DataLoader")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("reader", PEERS)
def test_peer_delivers_each_event_bit_by_bit(
    reader: str, name: str, cases: dict[str, Case], processes: ReaderProcesses, root: Path
) -> None:
    skip_without_torch(reader)
    # readers of one package share a process here, because it takes seconds to import
    process = processes[{"tensorflow": "tf-map", "torch": "torch-files", None: "h5py"}[READERS[reader].needs]]
    process.reader = reader
    process.load(Job(cases[name], root, workers=2))
    process.loaded()

    assert process.check(None) == cases[name].events


@pytest.mark.parametrize("kind", ["index", "prepared"])
def test_dlscan_delivers_each_event_of_all_splits(
    kind: str, cases: dict[str, Case], processes: ReaderProcesses, root: Path
) -> None:
    dataset, outcome = make_dataset(cases["lcd-gz32"], root, kind, 1)
    process = processes[f"dlscan-{kind}"]
    process.load(Job(cases["lcd-gz32"], root, 2, dataset))
    process.loaded()

    assert process.check(None) == outcome["events"] == 280


@pytest.mark.parametrize("name", ["lcd-gzauto", "lcd-plain"])
def test_inflater_of_the_limit_gives_the_bits_of_zlib(
    name: str, cases: dict[str, Case], processes: ReaderProcesses, root: Path
) -> None:
    processes["limit-inflate"].load(Job(cases[name], root, 2))
    processes["limit-inflate"].loaded()

    assert processes["limit-inflate"].check(None) > 0


def test_measured_row_has_a_rate_and_a_first_batch(
    cases: dict[str, Case], settings: Settings, processes: ReaderProcesses
) -> None:
    processes["h5py"].reader = "h5py"
    rows = measure(cases["lcd-gz32"], ["h5py", "limit-set"], {}, settings, processes)

    assert [row["reader"] for row in rows] == ["h5py", "limit-set"]
    assert all(row["rate"] > 0 for row in rows)
    assert rows[0]["first"] > 0
    assert rows[0]["checked"] == 280


def test_reader_without_its_dataset_or_its_file_is_left_out_with_the_reason(
    cases: dict[str, Case], settings: Settings, processes: ReaderProcesses
) -> None:
    """The dataset is of other files than the case: what comes out is refused, not timed."""
    dataset, _ = make_dataset(cases["tabular10-plain"], settings.root, "prepared", 1)
    case = cases["tabular10-gzauto"]
    fewer = Case(case.name, case.sample, type(case.layout)("gzauto", "", gzip=True, files=1))

    index, prepared = measure(
        fewer, ["dlscan-index", "dlscan-prepared"], {"prepared": dataset}, settings, processes
    )

    assert index["error"] == "its dataset was not made"
    assert "5600 events of 2800 were delivered" in prepared["error"]
    assert "rate" not in prepared
