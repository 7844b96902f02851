import pytest

from dlscan.errors import ScanError, UsageError


@pytest.fixture
def scan(write_scan):
    def change(number, record):
        width, depth = record["params"]["model.width"], record["params"]["model.depth"]
        record["metrics"]["val_Mean_AUC"] = 0.8 + 0.001 * width + 0.0001 * ((7 * number) % 5) + 1e-6 * depth
        # as of many events
        record["errors"]["val_Mean_AUC"] = [1e-5, 1e-5]
        record["metrics"]["initial_loss"] = 0.1 * number

    grid = {"model.width": [16, 64, 128], "model.depth": [2, 3, 4, 5]}
    scan = write_scan(grid=grid, events=30, classes=("Ele", "Pi0"), change=change)
    for path in scan.glob("points/*/predictions.h5"):
        path.unlink()
    return scan


def test_bars_are_the_shares_from_large_to_small(draw, scan):
    drawing = draw("importance", scan)
    rows = drawing.data.set_index("parameter")
    assert list(rows.index) == ["Width", "Depth", "(number of events)", "(left over)"]
    assert rows.loc["Width", "share"] > 0.99
    assert rows["more_than_chance"].tolist()[:2] == [True, False]
    (axes,) = drawing.pages[0].axes
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["Width", "Depth", "number of events", "left over"]
    assert axes.patches[0].get_width() == pytest.approx(rows.loc["Width", "share"])
    assert axes.texts[1].get_text().endswith("compatible with chance")


def test_what_is_known_of_the_events_is_said(draw, scan, footnote):
    def said(key):
        return footnote(draw("importance", scan, key=key).pages[0])

    assert "for 12 of 12 trainings taken from their own intervals, as if independent." in said("val_Mean_AUC")
    assert (
        "The noise of loss after the first epoch (training) from the finite number of events is unknown"
        in said("initial_loss")
    )
    assert "not known" not in said("Parameters")


def test_repeats_tell_what_other_seeds_give(draw, write_scan):
    scan = write_scan(grid={"model.width": [16, 64, 128], "model.depth": [2, 3]}, events=40, repeats=3)
    rows = draw("importance", scan).data.set_index("parameter")
    assert list(rows.index)[2:] == ["(number of events)", "(other seeds)", "(left over)"]
    assert (rows["share"] >= 0).all()


def test_folds_of_a_model_are_no_repeats(draw, write_scan):
    def few(widths):
        return write_scan(f"w{len(widths)}", {"model.width": widths, "data.fold": [1, 2, 3]}, events=40)

    with pytest.raises(ScanError, match="2 models are too few to tell whether Width matters"):
        draw("importance", few([8, 16]))
    rows = draw("importance", few([8, 16, 32, 64, 128, 256, 512])).data
    assert "(other seeds)" not in list(rows["parameter"])
    assert rows["share"].sum() == pytest.approx(1.0)


def test_parameters_can_be_chosen(draw, scan):
    assert draw("importance", scan, by="depth", key="Parameters").data["parameter"].tolist() == [
        "Depth",
        "(left over)",
    ]


def test_few_points_are_refused(draw, four):
    with pytest.raises(ScanError, match="4 models are too few to tell which of 2 parameters matters"):
        draw("importance", four)


def test_points_that_vary_nothing_are_refused(draw, write_scan):
    with pytest.raises(UsageError, match="do not vary any parameter"):
        draw("importance", write_scan(grid={}, events=50))


def test_of_very_many_trainings_some_are_drawn_at_random(draw, forty, footnote, monkeypatch):
    monkeypatch.setattr("dlscan.analysis.plots.importance.MOST_TRAININGS", 30)
    (page,) = draw("importance", forty).pages
    assert "From 30 of the 40 trainings, drawn at random." in footnote(page)
