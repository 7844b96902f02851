"""`data.inputs`: a list of names, or a mapping of names to what they are."""

import pytest
import yaml

from dlscan.config import Data, Input, Inputs, Normalization, experiment_from, plain
from dlscan.config.build import build
from dlscan.dataset import content
from dlscan.errors import ConfigError


def _data(inputs, **keys):
    text = inputs if isinstance(inputs, str) else yaml.dump(inputs, sort_keys=False)
    return build(Data, {"raw": "r", "prepared": "p", "inputs": yaml.safe_load(text), **keys}, "data")


def test_a_list_and_a_mapping_of_bare_names_are_the_same_inputs():
    listed, mapped = _data("[ECAL, HCAL]"), _data("{ECAL: {}, HCAL: null}")
    assert listed == mapped
    assert list(listed.inputs) == ["ECAL", "HCAL"]
    assert listed.inputs["ECAL"] == Input()
    # what a plan and a manifest keep of it has not changed
    assert plain(mapped)["inputs"] == content(mapped)["inputs"] == ["ECAL", "HCAL"]


def test_what_an_input_says_comes_back_as_it_was_written():
    said = {
        "ECAL": {},
        "jet": {"dataset": "jets", "fields": ["pt", "eta", "cov.xx"]},
        "met": {"datasets": ["met_x", "met_y"], "fill": 0.0},
        "tracks": {"dataset": "tracks", "fields": ["d0"], "valid": "valid"},
        "hits": {"dataset": "hits", "offsets": "hits_n", "longest": 512},
        "cells": {"dataset": "ECAL", "as": "points", "longest": 128},
    }
    data = _data(said)
    assert data.inputs["jet"] == Input(dataset="jets", fields=("pt", "eta", "cov.xx"))
    assert plain(data)["inputs"] == said
    assert Inputs.parse(plain(data)["inputs"], "data.inputs") == data.inputs


def test_a_view_is_no_part_of_the_dataset():
    data = _data({"cells": {"dataset": "ECAL", "as": "points", "longest": 8}, "HCAL": {}})
    assert list(data.stored) == ["ECAL", "HCAL"]
    assert content(data)["inputs"] == ["ECAL", "HCAL"] == content(_data("[ECAL, HCAL]"))["inputs"]
    assert list(data.inputs.views) == ["cells"]


def test_one_normalisation_is_that_of_every_input_that_is_stored():
    data = _data({"cells": {"dataset": "ECAL", "as": "points", "longest": 8}, "jet": {}}, normalize="log")
    assert data.normalize == {"ECAL": Normalization("log"), "jet": Normalization("log")}
    assert data.value("normalize") == "log"


@pytest.mark.parametrize(
    ("inputs", "key", "words"),
    [
        ("[]", "data.inputs", "at least one"),
        ("{}", "data.inputs", "at least one"),
        ("ECAL", "data.inputs", "must be a list .* or a mapping"),
        ("[a, a]", "data.inputs", "'a' is listed twice"),
        ("{a: 3}", "data.inputs.a", "must be a mapping"),
        ("{a: {datset: b}}", "data.inputs.a.datset", "did you mean 'dataset'"),
        ("{a: {view: points}}", "data.inputs.a.view", "unknown key"),
        ("{a: {dataset: b, as: point, longest: 3}}", "data.inputs.a.as", "did you mean 'points'"),
        ("{a: {dataset: b, as: points}}", "data.inputs.a.longest", "missing"),
        ("{a: {as: points, longest: 3}}", "data.inputs.a.dataset", "missing"),
        ("{a: {dataset: b, as: points, longest: 3, fill: 0}}", "data.inputs.a", "has no fill"),
        ("{a: {longest: 0}}", "data.inputs.a.longest", "at least 1, got 0"),
        ("{a: {dataset: b, datasets: [c]}}", "data.inputs.a", "both dataset and datasets"),
        ("{a: {datasets: [c], fields: [d]}}", "data.inputs.a", "fields"),
        ("{a: {datasets: [c, c]}}", "data.inputs.a.datasets", "'c' twice"),
        ("{a: {dataset: /b}}", "data.inputs.a", "plain HDF5 name"),
        ("{a: {dataset: b, longest: 2}, a_mask: {}}", "data.inputs", "the mask of 'a'"),
        ("{a: {dataset: b, as: points, longest: 3}, b: {longest: 2}}", "data.inputs.a.dataset", "no image"),
    ],
)
def test_what_cannot_be_is_said_with_its_key(inputs, key, words):
    with pytest.raises(ConfigError, match=words) as caught:
        _data(inputs)
    assert caught.value.key == key


def test_the_normalisation_of_a_view_is_that_of_its_image():
    with pytest.raises(ConfigError, match="write ECAL"):
        _data({"cells": {"dataset": "ECAL", "as": "points", "longest": 8}}, normalize={"cells": "log"})


def test_an_experiment_is_built_again_from_what_it_writes(tmp_path):
    text = {"name": "a", "data": {"raw": "r", "inputs": {"jet": {"dataset": "jets", "fields": ["pt"]}}}}
    experiment = experiment_from(text, tmp_path / "a.yaml")
    assert experiment_from(experiment.plain(), tmp_path / "a.yaml") == experiment
