import h5py
import numpy as np
import pytest

from dlscan.analysis.points.records import load
from dlscan.errors import UsageError
from dlscan.metrics import auc, discriminant


def scores_of(point, split="test"):
    with h5py.File(point.paths.predictions) as file:
        group = file if split == "test" else file[split]
        return group["scores"][:], group["labels"][:]


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_shares_of_signal_and_background_are_those_of_the_scores(draw, four, split):
    drawing = draw("scores", four[:1], key="Gamma_vs_Pi0", bins="10")
    scores, labels = scores_of(four[0], split)
    ratio = discriminant(scores, 1, 2)
    for events, label in (("signal", 1), ("background", 2)):
        rows = drawing.data.query(f"split == '{split}' and events == '{events}'")
        counts, edges = np.histogram(ratio[labels == label], np.linspace(0, 1, 11))
        np.testing.assert_allclose(rows["low"], edges[:-1])
        np.testing.assert_allclose(rows["density"], counts / counts.sum() * 10)
        np.testing.assert_allclose(rows["error"], np.sqrt(counts) / counts.sum() * 10)


def test_a_page_per_model_with_both_areas(draw, four, legend):
    drawing = draw("scores", four[:2], key="Ele")
    assert [page.get_suptitle() for page in drawing.pages] == [
        "Scores of Width=64 Depth=2",
        "Scores of Width=64 Depth=3",
    ]
    (axes,) = drawing.pages[0].axes
    (text,) = [text.get_text() for text in axes.texts]
    for split, line in zip(("train", "test"), text.split("\n"), strict=True):
        scores, labels = scores_of(four[0], split)
        assert f"{auc(scores[:, 0], labels == 0):.4f}" in line
    assert legend(drawing.pages[0]) == [
        "signal, training (sample)",
        "background, training (sample)",
        "signal, test",
        "background, test",
    ]
    # training as areas, test as points with errors
    assert (len(axes.patches), len(axes.containers)) == (2, 2)


def test_without_scores_of_training_events_it_says_so(draw, write_scan, legend, footnote, warnings_in):
    points = load([write_scan(grid={"model.width": [1]}, events=100)])
    with h5py.File(points[0].paths.predictions, "a") as file:
        del file["train"]
    drawing = draw("scores", points, key="Ele")
    (page,) = drawing.pages
    assert legend(page) == ["signal, test", "background, test"]
    assert footnote(page).startswith("The scores of training events were not saved")
    assert set(drawing.data["split"]) == {"test"}
    assert len(page.axes[0].patches) == 0
    (warning,) = warnings_in()
    assert "training split not drawn" in warning


def test_a_class_without_events_says_so(draw, write_scan):
    points = load([write_scan(grid={"model.width": [1]}, events=100)])
    with h5py.File(points[0].paths.predictions, "a") as file:
        file["labels"][...] = np.minimum(file["labels"][:], 2)
    (page,) = draw("scores", points, key="ChPi").pages
    assert any("no signal events" in text.get_text() for text in page.axes[0].texts)


@pytest.mark.parametrize("bins", ["0", "ten", "0,0.5,1", "100000"])
def test_wrong_bins_are_refused(draw, four, bins):
    with pytest.raises(UsageError, match=f"--bins {bins}"):
        draw("scores", four, bins=bins)


def test_a_long_title_stays_left_of_the_legend(draw, write_scan):
    scan = write_scan(grid={"model.a_long_name": [1.23456789], "model.another_name": [9.87654321]}, events=60)
    (page,) = draw("scores", scan, key="Ele").pages
    page.draw_without_rendering()
    title, legend = (part.get_window_extent() for part in (page._suptitle, page.legends[0]))
    assert title.x1 < legend.x0
