"""What a dry run says of a search, and of jobs that would be refused."""

import pytest

from dlscan.bench.dry_run import dry_run
from dlscan.cli.dry_run import show
from dlscan.cli.scan_display import ScanDisplay
from dlscan.errors import BatchError, DlscanError
from dlscan.prepare import prepare

SPACE = {"model.width": [4, 8, 16, 32]}


@pytest.mark.parametrize(
    ("search", "more", "said"),
    [
        (
            {"method": "tpe", "points": 40},
            {"repeats": 2},
            "(tpe) will propose 8 points, at most 4 at a time",
        ),
        ({"method": "tpe", "points": 2}, {}, "(tpe) will propose 2 points, all at once"),
        (
            {"method": "zoom"},
            {},
            "(zoom) will propose points until it ends by itself, at most 4 at a time",
        ),
        ({"method": "grid"}, {}, "(grid) will propose 4 points, all at once"),
    ],
)
def test_a_new_search_says_how_many_points_it_will_propose(make_experiment, capsys, search, more, said):
    scan = {"search": search, "space": SPACE, **more}
    experiment = make_experiment(scan=scan, batch={"models_per_job": 4, "max_running": 1})
    show(dry_run(experiment, experiment.batch, ScanDisplay()), "local")
    err = capsys.readouterr().err
    assert f"The search {said}. There is no estimate for them yet." in err
    assert "Nothing is left" not in err
    assert not experiment.directory.exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [({"metric": "val_nothing"}, r"experiment\.yaml: .*val_nothing"), ({"from": "nowhere"}, "nowhere")],
)
def test_a_search_that_scan_would_refuse_is_refused(make_experiment, more, said):
    search = {"method": "random", "points": 4, **more}
    experiment = make_experiment(scan={"search": search, "space": SPACE})
    prepare(experiment, processes=1)
    with pytest.raises(DlscanError, match=said):
        dry_run(experiment, experiment.batch, ScanDisplay())


def test_jobs_that_would_be_refused_are_an_error(make_experiment, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    experiment = make_experiment(scan={"grid": SPACE}, batch={"system": "slurm", "gpus": 0})
    found = dry_run(experiment, experiment.batch, ScanDisplay())
    with pytest.raises(BatchError, match=r"^cannot be submitted as it is: .*sbatch"):
        show(found, "slurm")
    told = capsys.readouterr()
    assert "#SBATCH" in told.out
    assert "4 to train in" in told.err
