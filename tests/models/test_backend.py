import json
import os
import signal
import subprocess
import sys

import pytest

from dlscan import models
from dlscan.backend import choose_backend
from dlscan.config import Train
from dlscan.errors import BackendError
from dlscan.models import import_notes

# the package gives the name to a function
backend_module = sys.modules["dlscan.models.backend"]


@pytest.mark.parametrize(
    ("asked", "preferred", "installed", "chosen"),
    [
        (None, None, "tensorflow jax torch", "tensorflow"),
        (None, None, "jax torch", "jax"),
        (None, None, "torch", "torch"),
        (None, "torch", "tensorflow torch", "torch"),
        (None, "tensorflow", "torch", "torch"),
        (None, "numpy", "jax", "jax"),
        ("jax", "torch", "tensorflow jax torch", "jax"),
        ("", None, "jax", "jax"),
    ],
)
def test_back_end_is_what_was_asked_for_else_preferred_else_installed(
    asked, preferred, installed, chosen, tmp_path
):
    environment = {"KERAS_HOME": str(tmp_path)} | ({} if asked is None else {"KERAS_BACKEND": asked})
    if preferred:
        (tmp_path / "keras.json").write_text(json.dumps({"backend": preferred}))

    assert choose_backend(environment, lambda name: name in ("keras", *installed.split())) == chosen


@pytest.mark.parametrize(
    ("asked", "installed", "advice"),
    [
        (
            None,
            "",
            r"Keras is not installed; run: pip install 'dlscan\[cpu\]' \(or \[gpu\], \[jax\]",
        ),
        (None, "keras", r"no Keras back end is installed; run: pip install 'dlscan\[cpu\]'"),
        ("jax", "keras tensorflow", r"jax is not installed; run: pip install 'dlscan\[jax\]', or unset"),
        ("tensorflow", "keras", r"run: pip install 'dlscan\[cpu\]'"),
        ("numpy", "keras tensorflow", r"KERAS_BACKEND=numpy cannot train; set it to one of tensorflow, jax"),
    ],
)
def test_missing_back_end_is_an_error_that_says_what_to_install(asked, installed, advice, tmp_path):
    environment = {"KERAS_HOME": str(tmp_path)} | ({"KERAS_BACKEND": asked} if asked else {})

    with pytest.raises(BackendError, match=advice):
        choose_backend(environment, lambda name: name in installed.split())


def test_damaged_keras_json_is_passed_over(tmp_path):
    (tmp_path / "keras.json").write_text("{")

    assert choose_backend({"KERAS_HOME": str(tmp_path)}, lambda name: name in ("keras", "jax")) == "jax"


def test_importing_the_networks_with_a_wrong_back_end_raises_before_keras_is_loaded():
    code = (
        "import sys\n"
        "from dlscan.errors import BackendError\n"
        "try:\n import dlscan.models\n"
        "except BackendError: print('keras' in sys.modules)"
    )
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)

    assert done.stdout == "False\n", done.stderr


def test_keras_is_imported_without_what_networks_do_not_need():
    """It takes half of the time that a job needs to start; who wants it later gets it."""
    code = """
import sys
from dlscan.models import keras
assert not {"matplotlib", "pandas", "sklearn"} & set(sys.modules)
import pandas
assert keras.Sequential
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_versions_and_device_name_what_computes():
    assert set(models.versions()) == {"keras", models.backend()}
    assert models.device()


@pytest.mark.parametrize(
    ("memory", "preallocate", "share"),
    [("growth", "false", None), (0.25, "false", "0.25"), ("all", None, None)],
)
def test_jax_is_told_by_its_environment_what_it_may_take(memory, preallocate, share, monkeypatch):
    # set first, so that they are put back in the end
    for name in ("XLA_PYTHON_CLIENT_PREALLOCATE", "XLA_PYTHON_CLIENT_MEM_FRACTION"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(backend_module, "backend", lambda: "jax")
    models.prepare_device(Train(gpu_memory=memory))
    assert os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE") == preallocate
    assert os.environ.get("XLA_PYTHON_CLIENT_MEM_FRACTION") == share


@pytest.mark.parametrize("memory", ["growth", "all", 0.25])
@pytest.mark.parametrize("name", ["tensorflow", "torch"])
def test_a_limit_of_gpu_memory_does_no_harm_without_a_gpu(name, memory, monkeypatch):
    pytest.importorskip(name)
    if models.accelerator():
        pytest.skip("there is a GPU here")
    monkeypatch.setattr(backend_module, "backend", lambda: name)
    models.prepare_device(Train(gpu_memory=memory))
    monkeypatch.undo()
    assert models.keras.ops.convert_to_numpy(models.keras.ops.ones(3)).tolist() == [1, 1, 1]


class Gpus:
    """TensorFlow's settings on a machine with a GPU of 8 GiB and one of 4."""

    def __init__(self, late=False):
        self.experimental, self.late, self.set = self, late, []

    def list_physical_devices(self, kind):
        assert kind == "GPU"
        return ["first", "second"]

    def set_memory_growth(self, gpu, growth):
        if self.late:
            raise RuntimeError("Physical devices cannot be modified after being initialized")
        self.set.append((gpu, growth))

    def LogicalDeviceConfiguration(self, memory_limit):
        return memory_limit

    def set_logical_device_configuration(self, gpu, limits):
        self.set.append((gpu, limits))


@pytest.mark.parametrize(
    ("memory", "first", "second"),
    [
        ("growth", ("first", True), ("second", True)),
        ("all", ("first", False), ("second", False)),
        (0.25, ("first", [2048]), ("second", [1024])),
    ],
)
def test_tensorflow_limits_every_gpu(memory, first, second, monkeypatch):
    tensorflow = pytest.importorskip("tensorflow")
    monkeypatch.setattr(tensorflow, "config", Gpus())
    monkeypatch.setattr(backend_module, "backend", lambda: "tensorflow")
    monkeypatch.setattr(backend_module, "gpu_bytes", lambda number: (8 - 4 * number) * 2**30)
    models.prepare_device(Train(gpu_memory=memory))
    assert tensorflow.config.set == [first, second]


class Cuda:
    """PyTorch's GPUs: a share makes its GPU the current one."""

    def __init__(self):
        self.shares, self.current = {}, 0

    def device_count(self):
        return 3

    def set_per_process_memory_fraction(self, share, number):
        self.shares[number] = share
        self.current = number

    def set_device(self, number):
        self.current = number


@pytest.mark.parametrize(("devices", "limited"), [(1, [0]), (2, [0, 1]), ("all", [0, 1, 2])])
def test_pytorch_limits_the_gpus_in_use_and_stays_on_the_first(devices, limited, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch, "cuda", Cuda())
    monkeypatch.setattr(backend_module, "backend", lambda: "torch")
    models.prepare_device(Train(gpu_memory=0.25, devices=devices))
    assert torch.cuda.shares == dict.fromkeys(limited, 0.25)
    assert torch.cuda.current == 0


def test_a_limit_of_gpu_memory_that_comes_too_late_is_an_error(monkeypatch):
    tensorflow = pytest.importorskip("tensorflow")
    monkeypatch.setattr(tensorflow, "config", Gpus(late=True))
    monkeypatch.setattr(backend_module, "backend", lambda: "tensorflow")
    with pytest.raises(BackendError, match=r"train\.gpu_memory: growth: TensorFlow is already running"):
        models.prepare_device(Train())


def test_what_tensorflow_says_of_its_build_is_kept_from_the_terminal():
    code = "import dlscan.models"
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)

    assert done.stderr == b""


@pytest.mark.parametrize(
    ("environment", "kept"),
    [
        ({"KERAS_BACKEND": "tensorflow"}, "F0000 1.2 3 port.cc:4] bad\nWARNING: real\n"),
        ({"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "0"}, "all"),
        ({"KERAS_BACKEND": "jax"}, "all"),
    ],
)
def test_other_lines_come_through_even_if_the_process_dies(environment, kept):
    said = (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        "I0000 00:00:1795980602.670952    3073 port.cc:153] oneDNN custom operations are on.\n"
        "F0000 1.2 3 port.cc:4] bad\nWARNING: real\n"
    )
    code = (
        "import os\n"
        "from runpy import run_path\n"
        f"hidden = run_path({import_notes.__file__!r})['hidden']\n"
        f"with hidden({environment!r}):\n os.write(2, {said!r}.encode()); os.abort()"
    )

    started = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)

    # until all who may write have closed it
    assert started.communicate(timeout=60)[1] == (said if kept == "all" else kept)
    assert started.returncode == -signal.SIGABRT
