import json
import os
import subprocess
import sys

import pytest

from dlscan import models
from dlscan.backend import choose_backend
from dlscan.errors import BackendError


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


def test_versions_and_device_name_what_computes():
    assert set(models.versions()) == {"keras", models.backend()}
    assert models.device()
