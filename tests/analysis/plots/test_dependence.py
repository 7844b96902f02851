import h5py
import numpy as np
import pytest


def test_efficiencies_are_those_of_the_scores_in_each_bin(draw, four):
    drawing = draw("dependence", four[:2], key="Ele", by="target[:,0,1]", bins="0,50,1000", efficiency=0.7)
    assert len(drawing.pages) == 2
    with h5py.File(four[0].paths.predictions) as file:
        scores, positive = file["scores"][:, 0].astype(float), file["labels"][:] == 0
        number = file["extras/target"][:, 0, 1]
    passed = scores >= np.quantile(scores[positive], 0.3)
    rows = drawing.data[drawing.data["point"] == four[0].record.point]
    assert len(rows) == 4
    for row in rows.to_dict("records"):
        side = positive if row["events"] == "signal" else ~positive
        inside = side & (number >= row["low"]) & (number < row["high"])
        assert row["efficiency"] == pytest.approx(passed[inside].mean())
        assert row["efficiency_up"] > 0


def test_without_an_adversary_it_takes_what_looks_like_an_energy(draw, four):
    usual, named = (draw("dependence", four[:1], by=by) for by in (None, "target[:,0,1]"))
    assert usual.data.equals(named.data)
