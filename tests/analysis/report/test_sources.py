import pytest

from dlscan.analysis.report.sources import datasets, duration, provenance, training_hours
from dlscan.prepare import prepare


def test_raw_files_are_those_of_the_dataset_of_then(gather, experiment):
    prepare(experiment)
    from dlscan.dataset import Manifest

    place = experiment.data.prepared
    true = Manifest.read(place).config_hash
    dataset = {"path": str(place), "config_hash": true}
    (found,) = datasets(gather(change=lambda _, record: record.update(dataset=dataset)).points)
    assert found.absent == ""
    assert {source.label for source in found.manifest.sources} == {"Ele", "Pi0", "ChPi"}

    other = dataset | {"config_hash": "another"}
    (changed,) = datasets(gather("other", change=lambda _, record: record.update(dataset=other)).points)
    assert changed.manifest is None
    assert "prepared again" in changed.absent


def test_a_dataset_that_is_not_here_says_so(gather):
    (found,) = datasets(gather().points)
    assert found.manifest is None
    assert found.absent.startswith("prepared/lcd: no prepared dataset here")


def test_each_dataset_stands_once(gather):
    facts = gather(change=lambda number, record: record["dataset"].update(config_hash=str(number % 2)))
    assert [found.config_hash for found in datasets(facts.points)] == ["1", "0"]


def test_hours_are_counted_by_what_they_ran_on(gather):
    def change(number, record):
        record["device"] = "NVIDIA H200" if number > 1 else "CPU (AMD EPYC)"
        record["train_seconds"] = 3600.0 * number

    assert training_hours(gather(change=change).points) == [
        ("GPU", "9.0 h in 3 models"),
        ("CPU", "1.0 h in 1 model"),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(5.6, "6 s"), (90, "1.5 min"), (3600, "1.0 h"), (36e6, "10,000.0 h")]
)
def test_durations_are_in_a_unit_for_people(seconds, text):
    assert duration(seconds) == text


def test_what_differs_between_points_is_counted(gather):
    facts = gather(
        change=lambda number, record: record.update(host="a" if number < 4 else "b", git_commit="c0ffee")
    )
    found = dict(provenance(facts))
    assert found["Hosts"] == "a (3); b (1)"
    assert found["Commit of the experiment"] == "c0ffee"
    assert found["Versions"] == "dlscan 0.1.0"
    assert found["Jobs"] == "4 attempts"
    assert found["First start"] == "2025-01-01 00:00 UTC"


def test_an_experiment_without_git_says_so(gather):
    assert dict(provenance(gather()))["Commit of the experiment"] == "not under git"
