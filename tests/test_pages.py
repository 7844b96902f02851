"""The code in the pages: commands parse, YAML is an experiment, Python compiles; the first hour runs."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from dlscan.cli.main import cli
from dlscan.config import experiment_from
from dlscan.config.reading import read_yaml

from .slow import slow

TOP = Path(__file__).parents[1]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
BASE = {
    "name": "page",
    "data": {"raw": "raw", "inputs": ["ECAL", "HCAL", "features"], "extras": ["target", "weight", "flavour"]},
}
SYNOPSIS = re.compile(r"\b[A-Z]{3,}\b|\.\.\.|\[")


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The code blocks of a page in these languages, "" for those without one."""
    text = page.read_text(encoding="utf-8")
    for language, block in re.findall(r"^```([\w{}-]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language in languages:
            yield block


def commands(page: Path) -> Iterator[list[str]]:
    """What is typed: after a dollar sign, and in blocks of commands alone without one."""
    for block in blocks(page, "", "console", "sh", "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            typed = line.removeprefix("$ ").strip()
            if not typed.startswith("dlscan ") or (SYNOPSIS.search(typed) and not line.startswith("$")):
                continue
            for part in re.split(r" (?:&&|\||>|&)(?: |$)", typed):
                with contextlib.suppress(ValueError):
                    words = shlex.split(part, comments=True)
                    if words[:1] == ["dlscan"]:
                        yield words[1:]


TYPED = [(page.name, words) for page in PAGES for words in commands(page)]


@pytest.mark.parametrize(
    ("page", "words"), TYPED, ids=[f"{page}: {' '.join(words)}" for page, words in TYPED]
)
def test_commands_of_the_pages_are_understood(page: str, words: list[str]) -> None:
    context: click.Context = click.Context(cli, info_name="dlscan")
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
        context = click.Context(command, info_name=name, parent=context)
    if not isinstance(command, click.Group):
        command.make_context("page", list(words), parent=context.parent)


SNIPPETS = [(page, block) for page in PAGES for block in blocks(page, "yaml")]


@pytest.mark.parametrize(
    ("page", "block"), SNIPPETS, ids=[f"{page.name}-{number}" for number, (page, _) in enumerate(SNIPPETS)]
)
def test_experiment_files_of_the_pages_are_valid(page: Path, block: str, tmp_path: Path) -> None:
    files = {"nets.py": "networks.md", "losses.py": "train.md", "aug.py": "augment.md"}
    for name, source in files.items():
        for code in blocks(TOP / "docs" / source, "python"):
            if code.startswith(f"# {name}"):
                (tmp_path / name).write_text(code)
    mapping = merged(BASE, read_yaml(block))
    experiment_from(mapping, tmp_path / "page.yaml")


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings within mappings, where the other one decides."""
    both = dict(one)
    for key, value in other.items():
        below = isinstance(value, dict) and isinstance(both.get(key), dict)
        both[key] = merged(both[key], value) if below else value
    return both


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_the_pages_compiles(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")


@slow
def test_the_first_hour_runs_as_it_is_typed(tmp_path: Path) -> None:
    page = TOP / "docs" / "first-hour.md"
    lines = [line.removeprefix("$ ") for block in blocks(page, "console") for line in block.splitlines()]
    left_out = ("python3 -m venv", ". env", "pip install", "DATA=/data")
    later = "dlscan scan families.yaml; dlscan table showers.yaml families.yaml"
    assert later.replace("; ", "\n") in page.read_text(encoding="utf-8")
    script = "\n".join(line for line in lines if not line.startswith(left_out))
    assert "dlscan report" in script
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euxc", script.replace("--events 1000", "--events 100")],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (grid,) = [block for block in blocks(page, "yaml") if "family: lenet" in block]
    first = yaml.safe_load((tmp_path / "families.yaml").read_text())
    (tmp_path / "families.yaml").write_text(yaml.safe_dump({**first, **yaml.safe_load(grid)}))
    done = subprocess.run(
        ["bash", "-euxc", later],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "scans/showers/report.html").exists()
