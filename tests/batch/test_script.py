"""Templates of job scripts, and what names with everything in them become."""

import os
import subprocess
from pathlib import Path

import pytest

from dlscan.batch.script import Lines, fill, quoted, read_template
from dlscan.errors import BatchError

HOSTILE = [
    "plain",
    "",
    "two words",
    "it's",
    'a "b"',
    "$(touch x)",
    "`touch x`; rm -rf .",
    "a\nb",
    "tab\tand\rreturn and \\n and \x07" + "1",
    "ünïcödé 粒子",
    "~",
    "*",
    "-n",
    "!x",
    "\u2028",  # prints as a line's end
    os.fsdecode(b"not\xff1 text"),
]


@pytest.mark.parametrize("word", HOSTILE)
def test_word_reaches_bash_as_it_is_and_on_one_line(word: str, tmp_path: Path) -> None:
    script = fill('value=@value@\n# @value@\nprintf %s "$value"\n', "test", {"value": word})
    assert script.count("\n") == 3
    assert len(script.splitlines()) == 3
    (tmp_path / "script").write_text(script, encoding="utf-8")
    done = subprocess.run(["bash", "script"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == os.fsencode(word)
    assert [path.name for path in tmp_path.iterdir()] == ["script"]


@pytest.mark.parametrize(
    ("word", "text"), [("plain/x.y", "plain/x.y"), ("a b", "'a b'"), ("a\nb'", r"$'a\nb\''")]
)
def test_quoting_is_readable(word: str, text: str) -> None:
    assert quoted(word) == text


def test_numbers_lines_and_at_signs() -> None:
    text = "#!/bin/sh\n@options@\ncpus=@cpus@ # me@@home me@example.org @\n"
    assert fill(text, "test", {"cpus": 8, "options": Lines("#A\n#B\n")}) == (
        "#!/bin/sh\n#A\n#B\ncpus=8 # me@home me@example.org @\n"
    )


def test_value_that_looks_like_a_placeholder_is_left_alone() -> None:
    assert fill("@a@", "test", {"a": "@b@", "b": "no"}) == "@b@"


def test_unknown_placeholder_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(BatchError) as caught:
        fill("#!/bin/sh\n\nx=@skan@\n", "my.sh", {"scan": "x", "cpus": 1})
    assert str(caught.value) == (
        "my.sh: line 3: unknown placeholder @skan@; valid: @cpus@, @scan@, and @@ for an at sign"
    )


def test_lines_beside_something_are_an_error() -> None:
    with pytest.raises(BatchError, match="line 2: @options@ expands to whole lines"):
        fill("a\nx=@options@\n", "my.sh", {"options": Lines("b")})


def test_template_is_the_default_a_name_or_a_path(tmp_path: Path) -> None:
    default, name = read_template(None, "slurm.sh")
    assert name == "slurm.sh"
    assert default.startswith("#!/bin/bash\n")
    assert read_template("slurm", "slurm.sh") == (default, name)
    mine = tmp_path / "mine"
    mine.write_text("é")
    assert read_template(str(mine), "slurm.sh") == ("é", str(mine))


def test_unknown_template_names_those_there_are() -> None:
    with pytest.raises(BatchError, match=r"no template 'slrum', only .*slurm.*: \./slrum\.sh"):
        read_template("slrum", "slurm.sh")


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_template_that_cannot_be_read_is_an_error(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "mine.sh").write_bytes(content)
    with pytest.raises(BatchError, match=r"batch\.template: .*mine\.sh cannot be read: "):
        read_template(str(tmp_path / "mine.sh"), "slurm.sh")
