import h5py
import numpy as np
import pytest

from dlscan.analysis.points.records import load
from dlscan.errors import UsageError
from dlscan.metrics import auc, background_efficiencies, pair


def areas(axes):
    return [text.get_text().split(" ")[0] for text in axes.get_legend().get_texts()]


def scores_of(point):
    with h5py.File(point.paths.predictions) as file:
        return file["scores"][:], file["labels"][:]


def test_there_is_a_panel_per_class_with_the_area_of_each_model(draw, four, panels, legend):
    (page,) = draw("roc", four).pages
    assert list(panels(page)) == [f"{name} against the rest" for name in ("Ele", "Gamma", "Pi0", "ChPi")]
    for title, axes in panels(page).items():
        expected = [point.record.metrics[f"{title.split()[0]}_AUC"] for point in four]
        assert areas(axes) == [f"{area:.4f}" for area in expected]
    assert legend(page)[0] == "Width=64 Depth=2"


def test_rejection_stands_over_signal_efficiency_on_a_log_axis(draw, four, panels):
    drawing = draw("roc", four, key="Pi0")
    axes = panels(drawing.pages[0])["Pi0 against the rest"]
    assert (axes.get_yscale(), axes.get_ylabel()) == ("log", "Background rejection")
    scores, labels = scores_of(four[0])
    events = scores[:, 2], labels == 2
    rows = drawing.data.query("point == 1").set_index("signal_efficiency")
    for efficiency in (0.5, 0.7, 0.9):
        (found,) = background_efficiencies(*events, None, [efficiency])
        row = rows.loc[efficiency]
        assert row["background_efficiency"] == pytest.approx(found.value)
        assert row["rejection"] == pytest.approx(1 / found.value)
        assert row["rejection_low"] == pytest.approx(1 / (found.value + found.up))
        assert row["rejection_high"] == pytest.approx(1 / (found.value - found.down))
    assert drawing.data["auc"].iloc[0] == pytest.approx(four[0].record.metrics["Pi0_AUC"])


def test_pairs_leave_the_other_classes_out_and_know_which_is_signal(draw, four, panels):
    drawing = draw("roc", four, key="gamma_vs_pi0,pi0_vs_gamma")
    assert drawing.name == "roc-Gamma_vs_Pi0-Pi0_vs_Gamma"
    assert list(panels(drawing.pages[0])) == ["Gamma against Pi0", "Pi0 against Gamma"]
    scores, labels = scores_of(four[0])
    (found,) = background_efficiencies(*pair(scores, labels, 1, 2), [0.5])
    row = drawing.data.query("point == 1 and signal == 'Gamma' and signal_efficiency == 0.5").iloc[0]
    assert (row["background"], row["background_efficiency"]) == ("Pi0", pytest.approx(found.value))
    recorded = four[0].record.metrics
    assert row["rejection"] == pytest.approx(recorded["Gamma_vs_Pi0_Rejection@50"])
    other = drawing.data.query("point == 1 and signal == 'Pi0' and signal_efficiency == 0.5").iloc[0]
    assert other["rejection"] == pytest.approx(recorded["Pi0_vs_Gamma_Rejection@50"])
    assert [row["auc"], other["auc"]] == pytest.approx([recorded["Gamma_vs_Pi0_AUC"]] * 2)


def test_pairs_all_together(draw, four, panels):
    (page,) = draw("roc", four[:1], key="pairs").pages
    assert list(panels(page)) == [
        "Ele against Gamma",
        "Ele against Pi0",
        "Ele against ChPi",
        "Gamma against Pi0",
        "Gamma against ChPi",
        "Pi0 against ChPi",
    ]


def test_the_ratio_is_to_the_best_by_validation_or_to_the_reference(draw, four, footnote):
    best = max(four, key=lambda point: point.record.metrics["val_Mean_AUC"]).record.point
    drawing = draw("roc", four, key="Ele")
    rows = drawing.data.dropna(subset=["ratio"])
    assert set(rows.query(f"point == {best}")["ratio"]) == {1.0}
    drawing = draw("roc", four, key="Ele", reference="lcd:2")
    rows = drawing.data.query("signal_efficiency == 0.8").set_index("point")
    for number in (1, 2, 3, 4):
        expected = rows.loc[number, "rejection"] / rows.loc[2, "rejection"]
        assert rows.loc[number, "ratio"] == pytest.approx(expected)
    (page,) = drawing.pages
    assert footnote(page).endswith("Ratio: rejection divided by that of Width=64 Depth=3.")
    assert [axes.get_ylabel() for axes in page.axes] == ["Background rejection", "Ratio"]


def test_a_lucky_training_makes_no_model_the_best(draw, write_scan, footnote):
    def change(number, record):
        record["metrics"]["val_Mean_AUC"] = [0.99, 0.5, 0.9, 0.9][number - 1]

    points = load([write_scan(grid={"model.width": [1, 2]}, repeats=2, change=change)])
    assert [point.look for point in points] == [2, 3, 0, 1]
    # all of them, and what a report takes: the first of each model
    for given in (points, points[::2]):
        rows = draw("roc", given, key="Ele").data.dropna(subset=["ratio"])
        assert set(rows.query("point == 3")["ratio"]) == {1.0}
    drawing = draw("roc", points, key="Ele", most=2)
    assert set(drawing.data["point"]) == {3, 4}
    assert "2 of 4 trainings: those of the best models by mean AUC (validation); 2 are not shown" in footnote(
        drawing.pages[0]
    )


def test_a_reference_that_is_not_among_the_best_is_drawn_too(draw, four):
    worst = min(four, key=lambda point: point.record.metrics["val_Mean_AUC"]).record.point
    drawing = draw("roc", four, key="Ele", most=1, reference=str(worst))
    assert set(drawing.data["point"]) > {worst}
    with pytest.raises(UsageError, match="--reference 9: no finished point"):
        draw("roc", four, reference="9")


def test_one_model_alone_has_no_ratio(draw, four):
    drawing = draw("roc", four[:1], key="Ele")
    assert len(drawing.pages[0].axes) == 1
    assert "ratio" not in drawing.data


def test_where_no_background_passes_the_rejection_is_left_open(draw, write_scan):
    scan = write_scan(grid={"model.width": [1]}, classes=("Ele", "Pi0"), events=40)
    with h5py.File(load([scan])[0].paths.predictions, "a") as file:
        labels = file["labels"][:]
        file["scores"][:] = np.stack([labels == 0, labels == 1], axis=1)
    drawing = draw("roc", scan, key="Ele")
    assert drawing.data["rejection"].isna().all()
    assert np.isinf(drawing.data["rejection_high"]).all()
    assert [text.get_text() for text in drawing.pages[0].axes[0].texts] == ["almost no background passes"]


def test_plain_is_signal_over_background_efficiency(draw, write_scan, panels):
    scan = write_scan(events=20_000, grid={"model.width": [1]}, classes=("Ele", "Pi0"))
    drawing = draw("roc", scan, plain=True)
    assert drawing.name == "roc-plain"
    (axes,) = panels(drawing.pages[0]).values()
    assert axes.get_title() == "Ele against Pi0"
    background, signal = axes.lines[1].get_data()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Background efficiency", "Signal efficiency")
    scores, labels = scores_of(load([scan])[0])
    expected = auc(scores[:, 0], labels == 0)
    # thinned to what the eye can see, yet with the ends and the area of the whole
    assert len(signal) <= 1000
    assert (background[0], signal[0], background[-1], signal[-1]) == (0, 0, 1, 1)
    assert np.sum(np.diff(background) * (signal[1:] + signal[:-1]) / 2) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("plain", [True, False])
def test_scans_with_other_classes_have_a_panel_for_each_class(draw, write_scan, panels, plain):
    one = write_scan("one", {"model.width": [1]}, classes=("Ele", "Pi0"))
    two = write_scan("two", {"model.width": [1]}, classes=("Pi0", "Muon"))
    points = load([one, two])
    (page,) = draw("roc", points, plain=plain).pages
    assert {title.split()[0]: areas(axes) for title, axes in panels(page).items()} == {
        "Ele": [f"{points[0].record.metrics['Ele_AUC']:.4f}"],
        "Pi0": [f"{point.record.metrics['Pi0_AUC']:.4f}" for point in points],
        "Muon": [f"{points[1].record.metrics['Muon_AUC']:.4f}"],
    }


def test_a_class_without_events_takes_no_room_and_says_so(draw, write_scan, panels, footnote):
    scan = write_scan(grid={"model.width": [1]}, events=100)
    with h5py.File(load([scan])[0].paths.predictions, "a") as file:
        file["labels"][...] = np.minimum(file["labels"][:], 2)
    (page,) = draw("roc", scan).pages
    found = panels(page)
    assert "ChPi against the rest" not in found
    assert "Not drawn: ChPi against the rest (no test event of ChPi)." in footnote(page)
    assert len(areas(found["Ele against the rest"])) == 1


def test_many_classes_go_on_several_pages(draw, write_scan, panels):
    scan = write_scan(grid={"model.width": [1]}, classes=[str(number) for number in range(10)], events=100)
    assert [len(panels(page)) for page in draw("roc", scan, plain=True).pages] == [5, 5]


def test_weights_of_events_count(draw, write_scan):
    points = load([write_scan(grid={"model.width": [1]}, classes=("Ele", "Pi0"), events=200)])
    scores, labels = scores_of(points[0])
    weights = np.where(np.arange(200) % 3, 0.5, 2.0).astype(np.float32)
    with h5py.File(points[0].paths.predictions, "a") as file:
        file["weights"][...] = weights
    drawing = draw("roc", points, key="Ele")
    assert drawing.data["auc"].iloc[0] == pytest.approx(auc(scores[:, 0], labels == 0, weights))


def test_there_is_no_ratio_where_the_reference_is_not_drawn(draw, four, panels):
    (page,) = draw("roc", four, key="Pi0", reference="1").pages
    below = page.axes[1]
    # the reference itself is the line at 1, and ends where its curve does
    reference = next(line for line in below.lines if np.nanmax(np.abs(line.get_ydata() - 1)) == 0)
    known = np.isfinite(reference.get_ydata())
    assert not known.all()
    for line in below.lines:
        assert not (np.isfinite(line.get_ydata()) & ~known).any()


def test_a_curve_that_hardly_starts_takes_no_room_beside_others(draw, write_scan, panels, footnote):
    scan = write_scan(grid={"model.width": [1]}, events=300)
    with h5py.File(load([scan])[0].paths.predictions, "a") as file:
        scores, labels = file["scores"][:], file["labels"][:]
        scores[:, 0] = np.where(labels == 0, 0.99, 1e-6)
        file["scores"][...] = scores
    (page,) = draw("roc", scan).pages
    assert "Ele against the rest" not in panels(page)
    assert "Not drawn: Ele against the rest (almost no background passes; AUC up to > 0.9" in footnote(page)


def nearly_perfect(point, late):
    """Score the signal of Ele above all background, but for `late` background among its last events."""
    with h5py.File(point.paths.predictions, "a") as file:
        scores, labels = file["scores"][:], file["labels"][:]
        signal, background = np.flatnonzero(labels == 0), np.flatnonzero(labels)
        scores[signal, 0], scores[background, 0] = 0.99, 1e-6
        scores[signal[:3], 0], scores[signal[0], 0] = 0.5, 0.3
        scores[background[: late[0]], 0] = 0.6
        scores[background[late[0] : sum(late)], 0] = 0.4
        file["scores"][...] = scores


def test_a_reference_that_is_a_few_events_is_drawn_beside_a_whole_curve(draw, write_scan):
    points = load([write_scan(grid={"model.width": [1, 2]})])
    nearly_perfect(points[1], (1, 20))
    drawing = draw("roc", points, key="Ele", reference="2")
    rows = drawing.data.query("point == 2 and background_efficiency > 0")
    assert len(rows) >= 4
    panel, below = drawing.pages[0].axes
    np.testing.assert_array_equal(panel.lines[1].get_xdata(), rows["signal_efficiency"])
    assert np.isfinite(below.lines[1].get_ydata()).sum() == len(rows)


def test_a_model_without_any_curve_is_named_below(draw, write_scan, footnote):
    points = load([write_scan(grid={"model.width": [1, 2]})])
    nearly_perfect(points[1], (0, 0))
    (page,) = draw("roc", points, key="Ele", reference="2").pages
    # no ratio to a model that is not there
    assert [axes.get_ylabel() for axes in page.axes] == ["Background rejection"]
    assert "Ele against the rest: no curve of Width=2 (almost no background passes)." in footnote(page)
    assert "Ratio" not in footnote(page)
