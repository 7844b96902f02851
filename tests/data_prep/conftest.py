"""The recipes as a user runs them, and what they wrote."""

import importlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

RECIPES = Path(__file__).parents[2] / "data_prep"
# recipes import their neighbours as scripts do: from their own directory
sys.path.insert(0, str(RECIPES))


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run a recipe by its name in a process of its own, from `tmp_path`."""

    def run(name: str, *arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(RECIPES / f"{name}.py"), *map(str, arguments)]
        options = {"cwd": tmp_path, "timeout": 120, **options}
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    return run


@pytest.fixture
def recipe_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., "subprocess.CompletedProcess[str]"]]:
    """As `recipe`, but in this process, which is started already."""
    from writing import run as run_command

    def run(name: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            run_command(getattr(importlib.import_module(name), name))
        return subprocess.CompletedProcess(sys.argv, ended.value.code or 0, *capfd.readouterr())

    before = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def read_class() -> Callable[[Path], dict[str, NDArray[Any]]]:
    """Read all datasets of a class directory, its files joined in the order of their numbers."""

    def read(directory: Path) -> dict[str, NDArray[Any]]:
        parts: dict[str, list[NDArray[Any]]] = {}
        for number in range(1, len(list(directory.iterdir())) + 1):
            with h5py.File(directory / f"{directory.name}_{number}.h5") as handle:
                for name, dataset in handle.items():
                    parts.setdefault(name, []).append(dataset[:])
        return {name: np.concatenate(values) for name, values in parts.items()}

    return read
