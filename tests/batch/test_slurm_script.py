"""Whole job scripts for Slurm, and the options in them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dlscan.batch import Request
from dlscan.batch.slurm import Slurm
from dlscan.batch.slurm_options import (
    asks_for_gpus_itself,
    header,
    known_options,
    lines,
    native,
    require_known,
)
from dlscan.config import BatchOptions, load
from dlscan.config.units import Duration, Size
from dlscan.errors import BatchError

GOLDEN = Path(__file__).parent / "golden"
JOBS = Path(__file__).parents[2] / "jobs"


def request(scan: str = "/scans/lcd", jobs: int = 3, **batch: Any) -> Request:
    directory = Path(scan) / "submissions" / "0003"
    return Request("dlscan-0a1b2c3d-3", Path(scan), directory, ((1, 2),) * jobs, BatchOptions(**batch))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        (
            "slurm.sh",
            request(
                cpus=8,
                memory=Size.parse("32G", ""),
                time=Duration.parse("4h", ""),
                max_running=2,
                options={"partition": "gpu", "account": "lcd"},
            ),
        ),
        ("slurm-nodes.sh", request(nodes=2, cpus=4, gpus=2)),
        (
            "slurm-hostile.sh",
            request(
                "/data/my 'scans'/\"$(x)\" `y` ü粒/two\nlines\\100% @scan@",
                gpus=0,
                options={
                    "constraint": "a|b",
                    "comment": 'it\'s "$(x)" \\ # ü',
                    "exclusive": True,
                    "mem": "0",
                },
            ),
        ),
    ],
)
def test_script_is_the_golden_one(name: str, made: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/python 3/bin/python")
    assert Slurm(made.batch).script(made) == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ({}, ["--gres=gpu:1", "--cpus-per-task=1", "--array=1-3", "--signal=B:USR1@120", "--requeue"]),
        ({"gpus": 4}, ["--gres=gpu:4"]),
        ({"max_running": 7}, ["--array=1-3%7"]),
        ({"memory": Size(2**30 + 1)}, ["--mem=1025M"]),
        ({"time": Duration(100.5)}, ["--time=00:01:41", "--signal=B:USR1@25"]),
        ({"time": Duration(2)}, ["--time=00:00:02", "--signal=B:USR1@1"]),
        ({"time": Duration(90061)}, ["--time=1-01:01:01", "--signal=B:USR1@120"]),
        ({"options": {"time": "2:00"}, "time": Duration(60)}, ["--time=2:00", "--signal=B:USR1@120"]),
        ({"options": {"gpus": "a100:2"}}, ["--gpus=a100:2"]),
        ({"options": {"mem_per_cpu": "4G"}, "memory": Size(1)}, ["--mem-per-cpu=4G"]),
        ({"options": {"--partition": "gpu"}}, ["--partition=gpu"]),
        ({"options": {"exclusive": True, "nice": 100, "qos": None}}, ["--exclusive", "--nice=100"]),
        ({"options": {"no-requeue": True}}, ["--no-requeue"]),
        ({"options": {"constraint": "a|b"}}, ['--constraint="a|b"']),
        ({"options": {"comment": 'a "b" \\'}}, [r'--comment="a \"b\" \\"']),
    ],
)
def test_resources_become_options(batch: dict[str, Any], expected: list[str]) -> None:
    found = lines(header(request(**batch))).splitlines()
    assert set(expected) <= {line.removeprefix("#SBATCH ") for line in found}


@pytest.mark.parametrize(
    ("batch", "absent"),
    [
        ({"gpus": 0}, "gres"),
        ({"options": {"gpus-per-node": 1}}, "gres"),
        ({"options": {"gres": "gpu:a100:1"}}, "gpu:1"),
        ({"options": {"mem-per-cpu": "4G"}, "memory": Size(1)}, "--mem="),
        ({"options": {"requeue": False}}, "requeue"),
        ({"options": {"no-requeue": True}}, "--requeue"),
        ({}, "--time"),
        ({}, "--mem"),
    ],
)
def test_option_of_the_user_takes_the_place_of_ours(batch: dict[str, Any], absent: str) -> None:
    assert absent not in lines(header(request(**batch)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"array": "1-3"}, "options.array: --array is set by dlscan; use batch.max_running"),
        ({"job_name": "x"}, "--job-name is set by dlscan"),
        ({"partition": ["a"]}, "must be text, a number, true or false"),
        ({"comment": "a\n#SBATCH --uid=0"}, "must be on one line"),
        ({"comment": "a\u2028b"}, "must be on one line"),
        ({"mem_per_cpu": 1, "mem-per-cpu": 2}, "--mem-per-cpu is given twice"),
    ],
)
def test_option_that_cannot_be_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BatchError, match=message):
        native(options)


@pytest.mark.parametrize("name", ["nodes", "ntasks", "ntasks-per-node"])
def test_a_job_of_several_nodes_has_one_process_on_each(name: str) -> None:
    with pytest.raises(BatchError, match=f"batch.options.{name}: a job with batch.nodes: 2 has one process"):
        header(request(nodes=2, options={name: 4}))


def test_several_nodes_share_no_processors_by_gpus() -> None:
    header(request(options={"cpus-per-gpu": 4}))
    with pytest.raises(BatchError, match=r"options.cpus-per-gpu: does not go with batch.nodes.*batch.cpus"):
        header(request(nodes=2, options={"cpus-per-gpu": 4}))


def test_known_options_are_read_from_the_help() -> None:
    known, letters = known_options(
        "Usage: sbatch [OPTIONS(0)...] [ : ...] script(0) [args(0)...]\n\n"
        "  -A, --account=name          charge job to specified account\n"
        "      --bb=<spec>             burst buffer specifications\n"
        "                              NOTE: --not-this\n"
        "  -B  --extra-node-info=S[:C[:T]]  combine\n"
        "      --exclusive[=user]      allocate nodes\n"
    )
    assert known == {"account", "bb", "extra-node-info", "exclusive"}
    assert letters == {"A": "account", "B": "extra-node-info"}
    with pytest.raises(BatchError, match="no option --acount here; did you mean 'account'"):
        require_known(["acount"], known, letters)
    with pytest.raises(BatchError, match="-A is short for 'account'; write the long name"):
        require_known(["A"], known, letters)


def test_gpus_by_options_of_the_user_are_not_checked() -> None:
    assert asks_for_gpus_itself(BatchOptions())
    assert not asks_for_gpus_itself(BatchOptions(gpus=0))
    assert not asks_for_gpus_itself(BatchOptions(options={"gpus_per_node": "a100:1"}))


def test_template_lies_beside_the_experiment(tmp_path: Path) -> None:
    (tmp_path / "mine.sh").write_text("#!/bin/bash\n@options@\necho @scan@ @tag@ @cpus@ @gpus@\n")
    (tmp_path / "experiment.yaml").write_text(
        "name: a\ndata: {raw: raw, inputs: [ECAL]}\nbatch: {system: slurm, template: ./mine.sh}\n"
    )
    batch = load(tmp_path / "experiment.yaml").batch
    assert batch.template == str(tmp_path / "mine.sh")
    made = Request("tag", Path("/a b"), Path("/a b/submissions/0001"), ((1,),), batch)
    assert Slurm(batch).script(made).splitlines()[-1] == "echo '/a b' tag 1 1"


def test_template_of_the_package_is_named(tmp_path: Path) -> None:
    file = tmp_path / "experiment.yaml"
    file.write_text("name: a\ndata: {raw: raw, inputs: [ECAL]}\nbatch: {system: slurm, template: slurm}\n")
    assert load(file).batch.template == "slurm"


def test_template_without_options_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mine.sh").write_text("#!/bin/bash\n@train@\n")
    with pytest.raises(BatchError, match=r"mine\.sh: has no line @options@"):
        made = request(template=str(tmp_path / "mine.sh"))
        Slurm(made.batch).script(made)


@pytest.mark.parametrize("template", sorted(JOBS.glob("slurm*.sh")), ids=lambda path: path.name)
def test_site_variant_is_a_script(template: Path, tmp_path: Path) -> None:
    made = request("/my 'scans'/$(x)", template=str(template), options={"partition": "other"})
    text = Slurm(made.batch).script(made)
    asked = [line for line in text.splitlines() if line.startswith("#SBATCH --partition")]
    assert asked[-1] == "#SBATCH --partition=other"
    # sbatch reads options up to the first command
    commands = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert text.index("#SBATCH --signal=B:USR1@120") < text.index(f"\n{commands[0]}\n")
    (tmp_path / "script").write_text(text, encoding="utf-8")
    subprocess.run(["bash", "-n", "script"], cwd=tmp_path, check=True)
