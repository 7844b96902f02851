"""What YAML may hold, and what a hostile one ends in: one plain line, and soon."""

from pathlib import Path

import pytest
import yaml

from dlscan.config import load, reading
from dlscan.config.reading import DEEPEST, MOST_NODES, read_yaml
from dlscan.errors import ConfigError

LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGED = "m0: &m0 {k: 1}\n" + "".join(
    f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}\n" for n in range(1, 12)
)
CHAIN = "c0: &c0 [x]\n" + "".join(f"c{n}: &c{n} [*c{n - 1}]\n" for n in range(1, 2000))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E4", 1e4),
        (".5", 0.5),
        ("-1.", -1.0),
        ("12", 12),
        ("0x1f", 31),
        ("1_000", 1000),
        ("4:00:00", "4:00:00"),
        ("90:30", "90:30"),
        ("1-00:00:00", "1-00:00:00"),
        ("2024-01-01", "2024-01-01"),
        ("2001-99-99", "2001-99-99"),
        ("yes", True),
        ("e5", "e5"),
        (".inf", float("inf")),
        ("{a: &x {b: 1}, c: {<<: *x, d: 2}}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
    ],
)
def test_values_are_what_people_mean(text: str, value: object) -> None:
    found = read_yaml(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, f"line 6: aliases expand to more than {MOST_NODES:,} values"),
        (MERGED, f"aliases expand to more than {MOST_NODES:,} values"),
        (CHAIN, f"aliases nest more than {DEEPEST} deep"),
        ("name: &n [*n]", "line 1: an alias refers to a value that contains it"),
        ("data: &d {raw: *d}", "an alias refers to a value that contains it"),
        ("data: &d {<<: *d}", "an alias refers to a value that contains it"),
        ("a: " + "[" * 3000 + "]" * 3000, f"line 1: nested more than {DEEPEST} deep"),
        ("{a: " * 3000 + "1" + "}" * 3000, f"line 1: nested more than {DEEPEST} deep"),
        ("name: " + "9" * 5000, f"line 1: '{'9' * 40}...' cannot be read as a value"),
        ("name: 0x" + "f" * 5000, "is too long for a number"),
        ("a: 1\nname: !!timestamp 2001-99-99", "line 2: '2001-99-99' cannot be read as a value"),
        ("name: !!int ''", "line 1: '' cannot be read as a value"),
        ("name: !!bool maybe", "line 1: 'maybe' cannot be read as a value"),
        ("{? !!set {a} : 1}", "cannot be a key"),
        ("a: 1\na: 2", "line 2: key 'a' is listed twice"),
        ("a: *b", "undefined alias"),
        ("a:\n\tb: 1", "cannot start any token in line 2, column 1"),
        ("a: \0", "not allowed"),
        ("x" * 5_000_001, "more than 5,000,000 characters"),
    ],
)
def test_a_hostile_file_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid YAML") as caught:
        load(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_list_of_more_values_than_allowed_is_not_followed_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "MOST_NODES", 1000)
    with pytest.raises(yaml.YAMLError, match="line 1: more than 1,000 values"):
        read_yaml("[" + "1," * 2000 + "no end")


def test_overrides_are_bounded_too(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: a\ndata: {raw: r, inputs: [x]}\n")
    with pytest.raises(ConfigError, match=r"train\.epochs: .*nested more than"):
        load(path, ["train.epochs=" + "[" * 100])
