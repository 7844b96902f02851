"""`dlscan show`, as a user types it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from dlscan.cli.show import show
from dlscan.errors import DataError, ScanError, UsageError


def run(*arguments):
    return CliRunner().invoke(show, [str(argument) for argument in arguments], catch_exceptions=False)


def test_data_prints_the_numbers_and_the_pictures(small_scan, tmp_path):
    result = run("data", small_scan, "--events", 50, "-o", tmp_path / "d.png")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{small_scan.parent}/prepared/lcd"
    assert lines[-2:] == [f"{tmp_path}/d-1.png", f"{tmp_path}/d-2.png"]
    assert "50 events of split train, drawn at random; mean ± spread over events:" in lines
    assert any(line.split()[:3] == ["ECAL", "4x5x6", "Pi0"] for line in lines)
    assert any(line.split()[0] == "HCAL[6]" for line in lines if line.strip())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d-1.png", "d-2.png"]


def test_pictures_go_to_the_plots_of_the_scan(small_scan, tmp_path):
    output = f"output={tmp_path}"
    assert run("data", small_scan, output, "name=other").stdout.endswith(
        f"{tmp_path}/other/plots/data-1.png\n{tmp_path}/other/plots/data-2.png\n"
    )
    assert run("event", small_scan, output, "--class", "ele", "--n", 1).stdout == (
        f"{tmp_path}/lcd-dense/plots/event-Ele.png\n"
    )


def test_event_draws_one_of_every_class(small_scan, tmp_path):
    result = run("event", small_scan, "--split", "train", "-o", tmp_path / "e.svg")
    assert len(result.stdout.splitlines()) == 4
    for number, label in enumerate(("Ele", "Gamma", "Pi0", "ChPi"), 1):
        # letters are paths in an SVG; the text stands beside them as a comment
        assert f"<!-- {label}: {label}/{label}_" in (tmp_path / f"e-{number}.svg").read_text()


def test_the_seed_chooses_the_events(small_scan, tmp_path):
    pictures = []
    for number, seed in enumerate((1, 1, 2)):
        file = tmp_path / f"{number}.svg"
        run("event", small_scan, "--class", "Ele", "--n", 1, "--seed", seed, "-o", file)
        pictures.append(file.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


def test_model_draws_the_network(small_scan, tmp_path):
    result = run("model", small_scan, 4, "-o", tmp_path / "m.svg")
    drawn = result.stdout.splitlines()[2:]
    assert [line.split("│")[1].strip() for line in drawn[1:4]] == ["ECAL", "scaled", "4×5×6"]
    assert any("Dense 32" in line and line.count("Dense 32") == 2 for line in drawn)
    assert any("softmax" in line for line in drawn)
    assert drawn[-1] == f"{tmp_path}/m.svg"
    picture = (tmp_path / "m.svg").read_text()
    assert "<!-- Point 4 of lcd-dense: width=32-depth=2 -->" in picture
    assert picture.count("<!-- Dense 32 -->") == 5
    assert "<!-- 32 · 3,872 weights -->" in picture


@pytest.mark.parametrize("what", ["saliency", "model"])
def test_a_picture_of_a_network_is_the_same_each_time(small_scan, tmp_path, what):
    options = ["--class", "Ele"] if what == "saliency" else []
    for name in ("a.png", "b.png"):
        run(what, small_scan, 1, *options, "-o", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_saliency_names_the_event_and_the_winning_score(small_scan, tmp_path):
    result = run("saliency", small_scan, 2, "--n", 1, "-o", tmp_path / "s.svg")
    assert result.stdout.splitlines() == [f"{tmp_path}/s-{number}.svg" for number in (1, 2, 3, 4)]
    picture = (tmp_path / "s-3.svg").read_text()
    assert re.search(r"<!-- Pi0, score of (Ele|Gamma|Pi0|ChPi) 0\.\d{3}: Pi0/Pi0_\d\.h5, row \d+ ", picture)
    assert "<!-- Gradient per standard deviation -->" in picture


def test_model_lists_the_layers(small_scan):
    result = run("model", small_scan, 4)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["ECAL", "InputLayer", "4x5x6", "0", "0"] in lines
    assert ["ECAL-hidden_1", "Dense", "32", "3,872", "7,680"] in lines
    assert ["HCAL-hidden_2", "Dense", "32", "1,056", "2,048"] in lines
    assert "ECAL and HCAL meet in net-merged; 2 layers with weights follow" in result.stdout.splitlines()
    total = 120 * 32 + 32 + 7 * 32 + 32 + 2 * (32 * 32 + 32) + 64 * 32 + 32 + 32 * 4 + 4
    assert lines[-1][:6] == [f"{total:,}", "parameters,", f"{total:,}", "of", "them", "trained;"]
    record = json.loads((Path(lines[0][0]).parent / "record.json").read_text())
    assert (record["model_parameters"], f"{record['flops']:,}") == (total, lines[-1][6])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["event", "FILE", "--class", "Gama"], UsageError, "did you mean 'Gamma'"),
        (["event", "FILE", "--class", "Ele", "--n", 999], UsageError, r"there are \d+ events of Ele"),
        (["event", "FILE", "--split", "all"], UsageError, "valid: train, validation, test"),
        (["event", "FILE", "--augmented"], UsageError, r"--augmented: .*lcd.yaml has no data.augment"),
        (
            ["event", "FILE", "data.augment={ECAL: [{flip: 0}]}", "--augmented", "--split", "test"],
            UsageError,
            "only training events are augmented; use --split train, not test",
        ),
        (["data", "FILE", "data.prepared=none"], DataError, "none: no prepared dataset here"),
        (["data", "FILE", "data.prepared=none", "-o", "x.gif"], UsageError, "use .png, .pdf or .svg"),
        (["model", "FILE", 9], ScanError, "no finished point 9; finished: 1 to 4"),
        (["model", "FILE", 1, "-o", "m.gif"], UsageError, "use .png, .pdf or .svg"),
        (["features", "FILE", 1], UsageError, "point 1 of lcd-dense: its network has no convolution"),
        (["saliency", "FILE", 1, "--class", "Gama"], UsageError, "did you mean 'Gamma'"),
    ],
)
def test_what_cannot_be_shown_is_said(small_scan, arguments, error, message):
    with pytest.raises(error, match=message):
        run(*(small_scan if argument == "FILE" else argument for argument in arguments))


def test_an_error_is_one_line_with_its_exit_code(dlscan, small_scan):
    done = dlscan("show", "event", small_scan, "--class", "Gama")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: no class 'Gama'; did you mean 'Gamma'?\n"


@pytest.mark.parametrize("command", ["data", "event", "model", "features", "saliency"])
def test_help_teaches_by_example(command):
    lines = run(command, "--help").stdout.splitlines()
    assert any(
        line.startswith(f"    dlscan show {command} ") or f"  dlscan show {command} " in line
        for line in lines
    )
    assert max(map(len, lines)) <= 80


def test_events_are_shown_as_training_sees_them(small_scan, tmp_path):
    augment = "data.augment={ECAL: [{flip: [0, 1]}], HCAL: [{noise: 1}]}"
    file = tmp_path / "e.svg"
    lines = run("event", small_scan, augment, "--augmented", "--class", "Ele", "--n", 1, "-o", file).stdout
    pages = [Path(line).read_text() for line in lines.splitlines()]
    titles = [re.search(r"<!-- Ele: Ele/(.*) \(split train\)", page)[1] for page in pages]
    assert titles[1:] == [f"{titles[0]}, in epoch {epoch}" for epoch in range(1, 5)]
    assert len(set(pages)) == 5
