"""The text of an experiment file for what was chosen: short, with a comment where one has to decide."""

import os
from pathlib import Path
from typing import Any

import yaml

from dlscan.inspection.choice import Choice
from dlscan.inspection.contents import Contents


def text_of(name: str, contents: Contents, choice: Choice, home: Path) -> str:
    """Write an experiment file.

    Parameters
    ----------
    name : str
        Of the scan.
    contents : Contents
        Of the raw directory.
    choice : Choice
        What of it is used.
    home : Path
        The directory of the file: paths are relative to it where they can be.
    """
    lines = [
        f"# Proposed by `dlscan init` for {contents.directory.name}/. docs/config.md describes all keys.",
        f"name: {_inline(name)}",
        "data:",
        f"  raw: {_inline(_relative(contents.directory, home))}",
    ]
    if contents.pattern:
        lines.append(f"  files: {_inline(contents.pattern)}")
    if choice.classes:
        first = choice.classes[0]
        lines.append(
            "  # every directory is a class; to choose some, or to rename them: "
            f"classes: {{{_inline(first)}: {_inline(first)}, ...}}"
        )
    if choice.labels:
        lines.append(f"  labels: {_inline(choice.labels)}   # give the classes their names")
    plain: Any = choice.inputs
    if not any(choice.inputs.values()):
        plain = list(choice.inputs)
    lines.append(f"  inputs: {_inline(plain)}")
    if choice.extras:
        lines.append(f"  extras: {_inline(list(choice.extras))}   # carried along, for plots and targets")
    if choice.split:
        lines.append(
            f"  split: {{column: {_inline(choice.split)}, train: 0, test: 1, validation: 0.1}}"
            "   # 1 is taken to be test"
        )
    if choice.weights:
        lines.append(f"  # weights: {_inline(choice.weights)}")
    lines += [
        f"  normalize: {_inline(choice.normalize)}",
        f"  prepared: {_inline(f'prepared/{name}')}",
        "model: {family: dense, width: 64, depth: 2}",
        "train:",
        "  epochs: 50",
        "  batch_size: 256",
        "  early_stopping: {monitor: val_loss, patience: 5}",
        "scan:",
        "  grid: {model.width: [32, 128], model.depth: [1, 2]}",
        "",
    ]
    return "\n".join([*(f"# To decide: {doubt}" for doubt in choice.doubts), *lines])


def _inline(value: Any) -> str:
    text: str = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _relative(directory: Path, home: Path) -> str:
    relative = os.path.relpath(directory.resolve(), home.resolve())
    return str(directory.resolve()) if relative.startswith("../..") else relative
