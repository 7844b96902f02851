"""Names that others chose do not command the terminal."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.cli.output import harmless, harmless_bytes

Run = Callable[..., "subprocess.CompletedProcess[str]"]

HOSTILE = "a\x1b]0;title\x07b\x9b31mc\u202ed\x7f"
WRITTEN = r"a\u001b]0;title\u0007b\u009b31mc\u202ed\u007f"


def test_control_characters_are_written_out_and_text_stays() -> None:
    assert harmless(HOSTILE) == WRITTEN
    assert harmless("é漢字\tπ\n± 5") == "é漢字\tπ\n± 5"


def test_the_output_of_a_job_is_written_out_likewise_in_any_encoding() -> None:
    assert harmless_bytes(HOSTILE.encode()) == WRITTEN.encode()
    assert harmless_bytes("é漢字\r50 %\n".encode() + b"\xff\xc2") == "é漢字\r50 %\n".encode() + b"\xff\xc2"


def test_json_with_control_characters_is_json_still() -> None:
    assert json.loads(harmless(json.dumps({"name": HOSTILE}, ensure_ascii=False))) == {"name": HOSTILE}


def experiment(directory: Path, text: str) -> Path:
    file = directory / "e.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("verb", "text"),
    [
        ("prepare", r'{name: n, data: {raw: ., classes: {A: "x\e[2J", B: y}, inputs: [x]}}'),
        ("prepare", r'{name: n, data: {raw: "r\e[2J", classes: {A: x, B: y}, inputs: [x]}}'),
        ("scan", r'{name: n, data: {raw: r, classes: {A: x, B: y}, inputs: [x]}, "tr\e[2Jin": 1}'),
        ("status", r'{name: "n\e[2J", data: {raw: r, classes: {A: x, B: y}, inputs: [x]}}'),
    ],
)
def test_an_error_that_quotes_a_file_shows_its_escape_sequences(
    dlscan: Run, tmp_path: Path, verb: str, text: str
) -> None:
    ended = dlscan(verb, experiment(tmp_path, text))
    assert ended.returncode == 1
    assert r"\u001b[2J" in ended.stderr or r"\x1b[2J" in ended.stderr
    assert "\x1b" not in ended.stdout + ended.stderr


def test_a_usage_error_shows_what_was_typed(dlscan: Run, tmp_path: Path) -> None:
    ended = dlscan("table", tmp_path, "--format", "\x1b[2J")
    assert ended.returncode == 2
    assert "\x1b" not in ended.stderr
    assert "dlscan table [OPTIONS] SCAN" in ended.stderr


def test_every_command_prints_through_one_module() -> None:
    import dlscan.cli
    import dlscan.cli.output

    wild = {
        file.name: found
        for file in Path(dlscan.cli.__file__).parent.glob("*.py")
        if file != Path(dlscan.cli.output.__file__)
        and (found := re.findall(r"(?:click\.secho|\bprint|click\.echo)\((?!harmless)", file.read_text()))
    }
    assert wild == {}
