"""What `dlscan bench` measures, says and refuses."""

import dataclasses
import json
import os
import time

import pytest

from dlscan.bench import rehearsal
from dlscan.bench.advice import advice
from dlscan.bench.figures import Figures
from dlscan.bench.gpu import GpuUse
from dlscan.bench.keep import keep
from dlscan.bench.limits import memory_rate
from dlscan.bench.run import bench
from dlscan.prepare import prepare
from dlscan.stream import Batches

FOUND = Figures(
    dataset="prepared/lcd",
    split="train",
    indexed=False,
    transport="dense",
    sparse_inputs=True,
    events=10_000,
    event_bytes=1000,
    batch_size=100,
    workers=2,
    cpus=8,
    parameters=1000,
    networks=1,
    points=1,
    backend="jax",
    device="CPU",
    on_processor=True,
    first_batch=0.2,
    memory_set=400_000.0,
    memory_copy=200_000.0,
    stream=100_000.0,
    training=50_000.0,
    both=49_000.0,
    waited=0.01,
    gpu_training=None,
    gpu_both=None,
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Training is the bottleneck: it runs at 98 % of its speed"),
        ({"both": 52_000.0}, "Training is the bottleneck: it runs at 100 % of its speed"),
        ({"both": 25_000.0}, "Training and stream share 8 CPUs: training runs at 50 %"),
        ({"both": 25_000.0, "workers": 0}, "set stream.workers: 1"),
        ({"training": 250_000.0}, "raise stream.workers from 2 to 5"),
        ({"training": 900_000.0}, "raise stream.workers from 2 to 7"),
        ({"training": 250_000.0, "cpus": 3}, "it delivers 25 % of what memory bandwidth allows here"),
        ({"training": 250_000.0, "indexed": True}, "`dlscan prepare` without --index-only"),
        ({"both": 25_000.0, "on_processor": False}, "stream.transport: sparse would make it faster"),
        (
            {"both": 25_000.0, "on_processor": False, "transport": "sparse"},
            "a larger network would",
        ),
        (
            {"both": 25_000.0, "on_processor": False, "sparse_inputs": False},
            "a larger network would",
        ),
    ],
)
def test_advice_names_the_limit_and_what_would_help(changes, said):
    sentence = advice(dataclasses.replace(FOUND, **changes))

    assert said in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"points": 20}, "Or let several of the 20 points share the stream (batch.models_per_job)."),
        (
            {"points": 20, "networks": 8},
            "Or let more of the 20 points share the stream (batch.models_per_job).",
        ),
        ({"points": 20, "networks": 20}, None),
        ({"points": 20, "both": 50_000.0}, None),
        ({}, None),
    ],
)
def test_advice_to_share_a_stream_that_is_the_limit(changes, said):
    sentence = advice(dataclasses.replace(FOUND, **({"both": 25_000.0} | changes)))

    assert sentence.endswith(said) if said else "models_per_job" not in sentence


def test_figures_of_a_pack_count_each_event_once_for_each_network():
    plain = dataclasses.replace(FOUND, networks=4).plain()

    assert plain["both_model_events"] == pytest.approx(4 * plain["both"])


def test_figures_compare_what_was_measured():
    plain = FOUND.plain()

    assert plain["stream_gigabytes"] == pytest.approx(0.1)
    assert plain["stream_of_memory_set"] == pytest.approx(0.25)
    assert plain["stream_of_memory_copy"] == pytest.approx(0.5)
    assert plain["reached"] == pytest.approx(0.98)
    assert plain["spare"] == pytest.approx(0.51)


@pytest.mark.parametrize("kind", ["set", "copy"])
def test_memory_is_written_by_as_many_processes_as_asked(kind):
    assert memory_rate(kind, processes=2, size=2**20, seconds=0.1) > 0


def fake_nvidia_smi(directory, script):
    program = directory / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "share"),
    [
        ('echo "$@" > arguments; echo 40; echo 80; exec sleep 60', 0.6),
        ("echo No devices were found; exit 6", None),
        ("echo [N/A]; exec sleep 60", None),
        (None, None),
    ],
    ids=["a GPU", "no GPU", "no figures", "no program"],
)
def test_gpu_use_is_the_mean_of_what_nvidia_smi_says(tmp_path, monkeypatch, script, share):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    if script:
        fake_nvidia_smi(tmp_path, script)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
    use = GpuUse()
    with use:
        # the fake has said what it says once it is ended or sleeps
        while script and not _has_spoken(use._process):
            pass

    assert use.share == (None if share is None else pytest.approx(share))
    if share:
        assert "--id=3" in (tmp_path / "arguments").read_text()


def _has_spoken(process):
    import fcntl
    import termios

    waiting = bytearray(4)
    fcntl.ioctl(process.stdout, termios.FIONREAD, waiting)
    return int.from_bytes(waiting, "little") >= len("40\n80\n")


def test_kept_batches_are_the_first_events_and_no_part_of_the_ring(experiment):
    prepare(experiment, processes=1)
    for transport in ("dense", "sparse"):
        with Batches(experiment.data.prepared, batch_size=30, workers=1, transport=transport) as batches:
            (batch, *_) = batches.epoch(0)
            kept = keep(batch, 7)
            assert len(kept) == 7
            for name, values in batch.inputs.items():
                assert (kept.inputs[name] == values[:7]).all()
                assert kept.inputs[name].ctypes.data != values.ctypes.data
            for name, entries in batch.sparse.items():
                first = entries.rows < 7
                assert (kept.sparse[name].index == entries.index[first]).all()
                assert (kept.sparse[name].value == entries.value[first]).all()


def test_bench_trains_the_largest_pack_of_a_scan_and_prints_a_table_or_json(make_experiment, dlscan):
    experiment = make_experiment(scan={"grid": {"model.width": [4, 8], "model.depth": [1, 2]}})
    prepare(experiment, processes=1)

    table = dlscan("bench", experiment.file, "--seconds=0.3", "batch.models_per_job=4")
    assert table.returncode == 0, table.stderr
    for line in (
        "memory set, 1 process",
        "stream alone, prepared",
        "training alone",
        "training on the stream",
        "4 networks together",
        "model-events/s",
    ):
        assert line in table.stdout
    assert "GPU busy" not in table.stdout

    options = ["--seconds", "0.3", "--split", "test", "--json"]
    done = dlscan("bench", experiment.file, "stream.workers=2", "batch.models_per_job=3", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["split"], found["workers"], found["event_bytes"]) == ("test", 2, 4 * (4 * 5 * 6 + 7))
    assert (found["networks"], found["points"]) == (2, 4)
    assert min(found[key] for key in ("memory_set", "memory_copy", "stream", "training", "both")) > 0
    assert found["advice"].endswith(".")


def test_bench_reads_an_index_of_raw_files(experiment, dlscan):
    prepare(experiment, processes=1, index_only=True)

    done = dlscan("bench", experiment.file, "--seconds=0.3")

    assert done.returncode == 0, done.stderr
    assert "stream alone, raw files" in done.stdout
    assert "model-events" not in done.stdout


def test_a_generator_is_measured_with_its_critic(make_experiment, monkeypatch):
    experiment = make_experiment(
        task={"kind": "generate", "condition": ["target[:,0,3]", "class"]},
        model={"family": "gan", "inputs": ["HCAL"], "width": 8, "depth": 1, "code": 4},
        train={"batch_size": 32, "jit": False},
        stream={"workers": 0},
    )
    prepare(experiment, processes=1)

    found = bench(experiment, "train", seconds=0.1)
    assert min(found.stream, found.training, found.both) > 0

    monkeypatch.setattr(rehearsal, "_SECONDS", 0.02)
    tried = rehearsal.rehearse(experiment, experiment, time.monotonic())
    assert min(tried["smallest"], tried["largest"], tried["several"][1]) > 0


def test_bench_without_a_dataset_names_the_command_that_makes_it(experiment, dlscan):
    done = dlscan("bench", experiment.file)

    assert done.returncode == 1
    assert done.stdout == ""
    assert "dlscan prepare" in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("Error:")]) == 1


def test_bench_of_another_experiments_dataset_is_refused(experiment, dlscan):
    prepare(experiment, processes=1)

    done = dlscan("bench", experiment.file, "data.inputs=[HCAL]")

    assert done.returncode == 1
    assert "dlscan prepare" in done.stderr
