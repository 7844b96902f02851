import dataclasses

import h5py
import numpy as np
import pytest

from dlscan.analysis.plots.events import bin_edges, event_number
from dlscan.analysis.points.records import load
from dlscan.errors import UsageError
from dlscan.metrics import auc_estimate, discriminant, efficiency_estimate, in_bins

ENERGY = "target[:,0,1]"


def events_of(point):
    with h5py.File(point.paths.predictions) as file:
        return file["scores"][:], file["labels"][:], file["extras/target"][:, 0, 1]


def test_a_bin_holds_the_area_of_its_events(draw, four):
    drawing = draw("energy", four, key="Gamma_vs_Pi0", by=ENERGY, bins="0,200,400,600")
    scores, labels, energies = events_of(four[2])
    inside = np.isin(labels, [1, 2]) & (energies >= 200) & (energies < 400)
    found = auc_estimate(discriminant(scores, 1, 2)[inside], labels[inside] == 1)
    row = drawing.data.query("point == 3 and low == 200").iloc[0]
    assert row["auc"] == pytest.approx(found.value)
    assert (row["auc_down"], row["auc_up"]) == (pytest.approx(found.down), pytest.approx(found.up))
    assert (row["events"], row["mean"]) == (inside.sum(), pytest.approx(energies[inside].mean()))
    (axes,) = drawing.pages[0].axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("target[:,0,1]", "AUC")
    assert axes.lines[2].get_ydata()[1] == pytest.approx(found.value)


def test_the_efficiency_is_that_of_one_cut_for_all_bins(draw, four, panels):
    drawing = draw("energy", four, key="Ele", by=ENERGY, bins="equal:5", efficiency=0.8)
    scores, labels, energies = events_of(four[0])
    signal, of_signal = scores[labels == 0, 0], energies[labels == 0]
    cut = np.sort(signal)[::-1][int(np.ceil(0.8 * len(signal))) - 1]
    rows = drawing.data.query("point == 1")
    for row in rows.itertuples():
        inside = (of_signal >= row.low) & ((of_signal < row.high) | (row.high == rows["high"].max()))
        found = efficiency_estimate(np.sum(signal[inside] >= cut), inside.sum())
        assert row.signal_efficiency == pytest.approx(found.value)
        assert row.signal_efficiency_up == pytest.approx(found.up)
    together = np.average(rows["signal_efficiency"], weights=rows["events"])
    assert together == pytest.approx(0.8, abs=1 / len(signal))
    title = drawing.pages[0].get_suptitle().replace("\n", " ")
    assert "90" not in title
    assert "80 % of all signal" in title


def test_there_is_a_panel_per_class_by_default(draw, four, panels):
    assert len(panels(draw("energy", four, by=ENERGY).pages[0])) == 4


def test_a_bin_without_background_is_a_gap(draw, write_scan):
    points = load([write_scan(grid={"model.width": [1]}, classes=("Ele", "Pi0"), events=100)])
    with h5py.File(points[0].paths.predictions, "a") as file:
        energies = file["extras/target"][:, 0, 1]
        file["labels"][...] = np.where(energies < 100, 0, file["labels"][:])
    rows = draw("energy", points, key="Ele", by=ENERGY, bins="0,100,600").data
    assert rows["auc"].isna().tolist() == [True, False]


def write_extras(point, **values):
    with h5py.File(point.paths.predictions, "r+") as file:
        del file["extras"]
        for name, each in values.items():
            file[f"extras/{name}"] = each


def test_without_an_expression_it_is_the_energy_and_never_the_code_of_a_particle(draw, four):
    drawing = draw("energy", four)
    assert drawing.pages[0].axes[0].get_xlabel() == "target[:,0,1]"


@pytest.mark.parametrize(
    ("columns", "labels", "chosen"),
    [
        # the code of the particle, the energy, and the momentum, which is nearly the same
        ("code energy energy", {}, "target[:,1]"),
        ("code angle energy", {}, None),
        ("code angle energy", {"target[:, 2]": "E [GeV]"}, "E [GeV]"),
        ("code code", {}, None),
    ],
)
def test_what_looks_like_an_energy_is_drawn_or_asked_for(draw, write_scan, columns, labels, chosen):
    points = load([write_scan(grid={"model.width": [1]}, classes=("Ele", "Pi0"))], {})
    points = [dataclasses.replace(point, labels=labels) for point in points]
    rng = np.random.default_rng(1)
    made = {
        "code": rng.choice([11.0, 22.0], 400),
        "energy": 10 + 90 * rng.random(400),
        "angle": rng.random(400),
    }
    target = np.stack([made[name] * (1 + 1e-5 * place) for place, name in enumerate(columns.split())], axis=1)
    write_extras(points[0], target=target.astype(np.float32))
    if chosen is None:
        with pytest.raises(UsageError, match="--by"):
            draw("energy", points)
    else:
        assert draw("energy", points).pages[0].axes[0].get_xlabel() == chosen


def test_which_of_several_variables_is_asked_with_their_ranges(draw, write_scan):
    points = load([write_scan(grid={"model.width": [1]}, classes=("Ele", "Pi0"))])
    values = np.linspace(1, 100, 400)
    write_extras(points[0], theta=values, phi=values**2)
    with pytest.raises(UsageError, match=r"choose with --by: phi \(1 to 1e\+04\), theta \(1 to 100\)"):
        draw("energy", points)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("energy[:,0]", "no extra 'energy'"),
        ("target[:,0,2]", r"shape \(events, 1, 2\); name one value per event, such as target\[:,0,0\]"),
        ("target", "name one value per event"),
        ("target[:,0]", "name one value per event"),
        ("target[0,0,1]", "a colon for the events"),
        ("target[:,0,1", "a colon for the events"),
        ("target[:,0,1]+1", "a colon for the events"),
        ("target[:,0,__import__('os')]", "a colon for the events|whole numbers"),
        ("", "a colon for the events"),
    ],
)
def test_an_expression_that_is_none_is_refused_and_runs_nothing(draw, four, by, message):
    with pytest.raises(UsageError, match=message):
        draw("energy", four, by=by)


@pytest.mark.parametrize(
    ("text", "name", "items"),
    [
        ("target[:,0,1]", "target", (0, 1)),
        (" target [ : , 0 , -1 ] ", "target", (0, -1)),
        ("energy", "energy", ()),
        ("energy[:]", "energy", ()),
        ("jets/pt[:, 3]", "jets/pt", (3,)),
    ],
)
def test_expressions_are_read(text, name, items):
    found = event_number(text)
    assert (found.name, found.items) == (name, items)
    values = {name: np.arange(2 * 4**2).reshape(2, *(4 for _ in items), -1)[..., 0]}
    np.testing.assert_array_equal(found.take(values), values[name][(slice(None), *items)])


def test_a_name_is_found_without_regard_to_case():
    np.testing.assert_array_equal(event_number("ENERGY").take({"Energy": np.array([1, 2])}), [1.0, 2.0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", [0, 2, 9]),
        ("equal:3", [0, 3, 6, 9]),
        ("0,1.5,100", [0, 1.5, 100]),
        (None, [0, 1, 2, 3, 9]),
    ],
)
def test_edges_of_bins(text, expected):
    np.testing.assert_allclose(bin_edges(text, np.array([0, 1, 2, 3, 9, np.nan]), 4), expected)


def test_values_that_stand_often_make_fewer_bins():
    np.testing.assert_allclose(bin_edges("4", np.array([1.0, 1, 1, 1, 2]), 4), [1, 2])
    np.testing.assert_allclose(bin_edges("4", np.array([3.0, 3]), 4), [2.5, 3.5])


@pytest.mark.parametrize(
    "text", ["x", "0", "-1", "1,1", "2,1", "1,x", "equal:", "odd:3", "1,inf", "10000000"]
)
def test_wrong_bins_are_refused(text):
    with pytest.raises(UsageError, match="--bins"):
        bin_edges(text, np.array([1.0, 2]), 4)


def test_a_value_is_in_one_bin():
    edges = np.array([0.0, 1.0, 2.0])
    found = in_bins(np.array([-0.1, 0, 0.5, 1, 2, 2.1, np.nan, np.inf]), edges)
    assert found.tolist() == [-1, 0, 0, 1, 1, -1, -1, -1]
