"""Functions in files of users: their parameters are read from the text and checked like built-in keys."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlscan.config import Experiment, experiment_from, load
from dlscan.config.source import InFile, short_name, source_of
from dlscan.errors import ConfigError

Make = Callable[..., Experiment]

NETS = """
import typing as t
from typing import Literal, Optional

import not_installed_anywhere

Kind = Literal["mean", "max"]
WIDTH = 16

def mine(inputs, width: int = WIDTH, *, rate: "float" = 0, kind: Kind = "mean", norm: bool = False,
         blocks: Optional[int] = None, reach: t.Union[int, t.Literal["auto"]] = "auto", depth: int | None = 2,
         label: str = "x", seed: int = 0):
    raise SystemExit("nobody runs this")

def bare(inputs):
    ...

def needs(inputs, *, width: int):
    ...
"""


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    """A file beside the experiment file of `make_experiment`."""
    path = tmp_path / "my nets" / "nets.py"
    path.parent.mkdir()
    path.write_text(NETS)
    return path


def mine(function: str = "mine", **parameters: object) -> dict[str, object]:
    return {"family": f"my nets/nets.py:{function}", **parameters}


def test_parameters_are_keys_with_their_types_and_defaults(make_experiment: Make, nets: Path) -> None:
    experiment = make_experiment(model=mine(width=3, rate=1, kind="MAX", reach=4, depth=None))
    assert experiment.model.family == f"{nets}:mine"
    assert experiment.plain()["model"] == {
        "family": f"{nets}:mine",
        "width": 3,
        "rate": 1.0,
        "kind": "max",
        "norm": False,
        "blocks": None,
        "reach": 4,
        "depth": None,
        "label": "x",
    }
    assert type(experiment.plain()["model"]["rate"]) is float
    # what is written is read again, as YAML and as JSON
    again = yaml.safe_load(yaml.safe_dump(experiment.plain()))
    assert experiment_from(again, experiment.file) == experiment  # type: ignore[arg-type]
    json.dumps(experiment.written)
    assert experiment.sources[str(nets)].text == NETS


def test_a_function_without_parameters_has_no_keys(make_experiment: Make, nets: Path) -> None:
    assert make_experiment(model=mine("bare")).plain()["model"] == {"family": f"{nets}:bare"}


@pytest.mark.parametrize(
    ("model", "key", "message"),
    [
        (mine(widht=3), "model.widht", "unknown key; did you mean 'width'?"),
        (mine(seed=3), "model.seed", "unknown key"),
        (mine(width=1.5), "model.width", "must be a whole number, got 1.5"),
        (mine(width=None), "model.width", "must be a whole number"),
        (mine(norm=1), "model.norm", "must be true or false"),
        (mine(kind="men"), "model.kind", "must be one of mean, max, got 'men'; did you mean 'mean'?"),
        (mine(reach="far"), "model.reach", "must be a whole number or auto, got 'far'"),
        (mine("needs"), "model.width", "missing; this key is required"),
        (mine("mien"), "model.family", "nets.py has no function 'mien'; did you mean 'mine'?"),
        ({"family": "other.py:mine"}, "model.family", "other.py: no such file"),
        ({"family": "nets.py"}, "model.family", "or a function in a file such as ./nets.py:mine, got"),
        ({"family": "dens"}, "model.family", "or a function in a file such as ./nets.py:mine, got 'dens'"),
    ],
)
def test_a_wrong_value_is_one_line(
    make_experiment: Make, nets: Path, model: dict[str, object], key: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_experiment(model=model)
    text = str(caught.value)
    assert f": {key}: " in text
    assert message in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def mine(inputs):\n    return (\n", "nets.py:2: '(' was never closed"),
        ("def mine(inputs): ...\nreturn 3\n", "nets.py:2: 'return' outside function"),
        ("def mine(inputs):\n\twidth\n        depth\n", "nets.py:3: "),
        ("a = 1\0", "nets.py"),
        ("from nets2 import mine", "nets.py has no function 'mine'; valid: none"),
        ("def mine(): ...", "nets.py:1: mine needs a first parameter"),
        ("def mine(*inputs): ...", "nets.py:1: mine needs a first parameter"),
        ("def mine(inputs, **more): ...", "nets.py:1: mine has more with a star"),
        ("def mine(inputs, *more): ...", "nets.py:1: mine has more with a star"),
        ("def mine(inputs, width: int, /): ...", "mine may have one parameter before the /"),
        ("\ndef mine(inputs,\n  width=3): ...", "nets.py:3: mine: parameter width needs a type: int, float"),
        ("def mine(inputs, width: list = 3): ...", "parameter width needs a type"),
        ("def mine(inputs, width: list[int] = 3): ...", "parameter width needs a type"),
        ("A = B\nB = A\ndef mine(inputs, width: A = 3): ...", "parameter width needs a type"),
        ("def mine(inputs, width: 'int |' = 3): ...", "parameter width needs a type"),
        ("def mine(inputs, width: int = f()): ...", "parameter width needs a default that is written"),
        (
            "def mine(inputs, width: int = 'a'): ...",
            "width has a default that must be a whole number, got 'a'",
        ),
        ("def mine(inputs, width: int = True): ...", "width has a default that must be a whole number"),
        ("def mine(inputs, family: int = 1): ...", "parameter family has a name that dlscan needs itself"),
        ("def mine(data, inputs: int = 1): ...", "parameter inputs has a name that dlscan needs itself"),
        ("def mine(inputs):" + "\n    a = 1" * 100_000, "more than 1,000,000 bytes"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(
    make_experiment: Make, nets: Path, text: str | bytes, message: str
) -> None:
    nets.write_bytes(text if isinstance(text, bytes) else text.encode())
    for overrides in ((), ("scan.grid.model.family=[dense, my nets/nets.py:mine]", "model={}")):
        with pytest.raises(ConfigError) as caught:
            make_experiment(*overrides, model=mine())
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_grid_varies_them_beside_built_in_families(make_experiment: Make, nets: Path) -> None:
    grid = {"model": [{"family": "dense", "depth": 3}, mine(blocks=2)], "model.kind": ["mean", "max"]}
    experiment = make_experiment(scan={"grid": grid})
    own = {"model.family": f"{nets}:mine", "model.blocks": 2}
    points = [each.params for each in experiment.combinations.all]
    assert points == [
        {"model.family": "dense", "model.depth": 3},
        {**own, "model.kind": "mean"},
        {**own, "model.kind": "max"},
    ]
    # the width of the file is for both, its depth for one
    assert [each.model.parameters.width for each in experiment.combinations.all] == [8, 8, 8]
    dense, other = experiment.at(points[0]), experiment.at(points[2])
    assert isinstance(other.model.family, InFile)
    assert other.model == experiment.combinations.all[2].model
    assert (dense.applies("model.kind"), other.applies("model.kind")) == (False, True)
    assert (dense.applies("model.depth"), other.applies("model.merged_depth")) == (True, False)


@pytest.mark.parametrize(
    ("scan", "message"),
    [
        (
            {"grid": {"model.family": ["dense", "./my nets/nets.py:mine"], "model.kindd": [1]}},
            "scan.grid.model.kindd: ",
        ),
        ({"grid": {"model": [mine(blocks="x")]}}, "must be a whole number, got 'x'"),
        ({"grid": {"model": [mine(blocks=1), mine(blocks=1)]}}, "twice"),
        ({"points": [{"model": mine(width=0.5)}]}, "must be a whole number, got 0.5"),
        ({"points": [{"model.family": "dense", "model.kind": "max"}]}, "unknown key"),
        ({"points": [{"model": mine(kind="mid")}]}, "must be one of mean, max, got 'mid'"),
    ],
)
def test_a_combination_that_cannot_be_is_refused(
    make_experiment: Make, nets: Path, scan: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=r"experiment\.yaml: scan\.") as caught:
        make_experiment(scan=scan)
    assert message in str(caught.value)


def test_two_versions_of_a_file_are_apart_and_equal_texts_are_equal(
    make_experiment: Make, nets: Path
) -> None:
    first, same = make_experiment(model=mine()), make_experiment(model=mine())
    assert first.model == same.model
    nets.write_text(NETS.replace("WIDTH = 16", "WIDTH = 17"))
    second = make_experiment(model=mine())
    assert (first.model.parameters.width, second.model.parameters.width) == (16, 17)
    assert first.at({}).model == first.model
    assert copy.deepcopy(first.model.family).source == first.model.family.source  # type: ignore[attr-defined]
    # texts that are given count more than what the file says now
    again = experiment_from(first.plain(), first.file, first.sources)  # type: ignore[arg-type]
    assert again.model == first.model
    nets.unlink()
    assert experiment_from(first.plain(), first.file, first.sources).model == first.model  # type: ignore[arg-type]
    source = first.sources[str(nets)]
    assert source_of(source.plain()) == source
    with pytest.raises(ValueError, match="does not match its sha256"):
        source_of({**source.plain(), "text": "other"})


def test_names_are_short_where_people_read_them() -> None:
    assert short_name("/home/me/nets.py:mine") == "nets.py:mine"
    assert short_name("dense") == "dense"


def test_reading_an_experiment_runs_nothing_and_loads_no_keras(make_experiment: Make, nets: Path) -> None:
    file = make_experiment(model=mine()).file
    code = "import sys; from pathlib import Path; from dlscan.config import load; load(Path(sys.argv[1]))\n"
    code += "assert not {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)


def test_a_path_is_relative_to_the_experiment_file(
    make_experiment: Make, nets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_experiment(model=mine()).file
    assert file is not None
    monkeypatch.chdir(file.parent.parent)
    relative = Path(file.parent.name) / file.name
    for text in ("./my nets/nets.py:bare", "my nets/../my nets/nets.py:bare", f"{nets}:bare"):
        assert load(relative, [f"model={{family: '{text}'}}"]).model.family == f"{nets}:bare"
