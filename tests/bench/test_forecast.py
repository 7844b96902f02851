"""A trial in a process of its own, and what is told from it."""

import subprocess
import sys

import pytest

from dlscan.bench.forecast import forecast, rehearse
from dlscan.bench.trial import trial
from dlscan.dataset import Manifest
from dlscan.errors import ConfigError, DlscanError
from dlscan.prepare import prepare
from dlscan.scan import expand, freeze
from dlscan.scan.estimate import trial_file
from dlscan.scan.speed import Trial

GRID = {"grid": {"model.width": [8, 64], "model.depth": [1, 2]}}
BATCH = {"models_per_job": "auto", "gpus": 0}


@pytest.fixture
def prepared(make_experiment):
    experiment = make_experiment(scan=GRID, batch=BATCH)
    prepare(experiment, processes=1)
    return experiment


def test_no_keras_is_loaded_here():
    code = "import sys, dlscan.bench.forecast; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_trial_that_takes_too_long_or_fails_says_so(prepared, monkeypatch):
    with pytest.raises(DlscanError, match="stopped after 0 s"):
        trial(prepared, expand(prepared), patience=0.01)
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    with pytest.raises(DlscanError, match="the trial failed: KERAS_BACKEND=nonsense cannot train"):
        trial(prepared, expand(prepared))


def test_without_a_dataset_there_are_jobs_and_no_estimate(make_experiment):
    experiment = make_experiment(scan=GRID, batch={"models_per_job": 2})
    plan = freeze(experiment)
    found = forecast(experiment, plan, plan.points)

    assert found.header == ("Point", "Job")
    assert [row[1] for row in found.rows] == ["1", "1", "2", "2"]
    assert found.rows[0][0] == plan.points[0].directory
    assert found.sentence.startswith("No estimate: ")
    assert "dlscan prepare" in found.sentence


def test_what_a_scan_refuses_is_refused(make_experiment):
    """A convolution over channels alone."""
    model = "model={family: lenet, channels: last}"
    experiment = make_experiment("data.inputs=[HCAL]", "data.normalize=null", model)
    prepare(experiment, processes=1)
    plan = freeze(experiment)
    with pytest.raises(ConfigError, match="lenet goes over 1 to 3 axes"):
        forecast(experiment, plan, plan.points)


def test_without_keras_there_are_jobs_and_no_estimate(prepared, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    plan = freeze(prepared)
    found = forecast(prepared, plan, plan.points)

    assert len(found.rows) == 4
    assert "KERAS_BACKEND=nonsense" in found.sentence


def test_with_nothing_to_train_there_is_nothing_to_tell(prepared):
    found = forecast(prepared, freeze(prepared), [])

    assert (found.packs, found.rows) == ([], [])
    assert found.sentence == "Nothing is left to train."


TRIED = Trial("", "CPU", 12.0, False, 1e5, (1e5, 1e-3), (1e6, 2e-3), (4, 1.5e-3), 5.0, 1.0)


def test_a_trial_that_is_kept_is_used_and_not_made_again(prepared, monkeypatch):
    plan = freeze(prepared)
    manifest = Manifest.read(prepared.data.prepared)
    Trial(**(vars(TRIED) | {"dataset": manifest.config_hash})).write(trial_file(plan))
    # a trial would fail
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")

    assert rehearse(prepared, plan, plan.points) is None
    found = forecast(prepared, plan, plan.points)
    assert found.header == ("Point", "Job", "Alone")
    assert "Estimated from a trial of 12 s on CPU" in found.sentence


@pytest.mark.parametrize("batch", [{"models_per_job": 4}, {"models_per_job": "auto", "system": "slurm"}])
def test_no_trial_is_made_where_it_would_say_nothing(make_experiment, monkeypatch, batch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    experiment = make_experiment(scan=GRID, batch=batch)
    prepare(experiment, processes=1)
    plan = freeze(experiment)

    assert rehearse(experiment, plan, plan.points) is None
    if "system" in batch:
        assert "the speed of a typical GPU" in forecast(experiment, plan, plan.points).sentence


def test_a_trial_measures_and_is_kept_for_auto_and_a_failed_one_stops_nothing(prepared, monkeypatch, caplog):
    plan = freeze(prepared)
    with monkeypatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "nonsense")
        assert rehearse(prepared, plan, plan.points) is None
    assert "the trial failed" in caplog.text
    assert not trial_file(plan).exists()

    found = rehearse(prepared, plan, plan.points)
    assert found.dataset == Manifest.read(prepared.data.prepared).config_hash
    assert found.smallest[0] < found.largest[0]
    assert min(found.events_per_second, found.smallest[1], found.largest[1], found.several[1]) > 0
    assert min(found.startup, found.building) > 0
    assert not found.accelerated
    assert found == Trial.read(trial_file(plan))
    assert forecast(prepared, plan, plan.points).sentence.endswith(
        f"Estimated from {found.source}; early stopping ends points sooner."
    )
