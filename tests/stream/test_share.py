"""A share of the training events: the same wherever they lie, nested, of each class alike."""

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dlscan.config import Experiment, experiment_from
from dlscan.config.share import Share
from dlscan.dataset import Manifest
from dlscan.prepare import prepare
from dlscan.stream import Batches
from dlscan.stream.share import Choice
from tests.conftest import write_raw

Event = tuple[str, int]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, module_experiment: Experiment) -> dict[str, Path]:
    """A dataset, and an index of the same events."""
    found = {}
    for name in ("prepared", "index"):
        place = tmp_path_factory.mktemp(name) / "data"
        prepare(at(module_experiment, place), processes=1, index_only=name == "index")
        found[name] = place
    return found


@pytest.fixture(scope="module")
def module_experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    home = tmp_path_factory.mktemp("share")
    write_raw(home / "raw")
    data = {"raw": "raw", "inputs": ["ECAL", "HCAL"], "extras": ["target"]}
    return experiment_from({"name": "share", "data": data}, home / "share.yaml")


def at(experiment: Experiment, place: Path) -> Experiment:
    return dataclasses.replace(experiment, data=dataclasses.replace(experiment.data, prepared=place))


def events_of(place: Path, share: Share | None, epoch: int = 0, **options: object) -> list[Event]:
    """What is delivered, in order: the file and the row of each event."""
    files = [source.file for source in Manifest.read(place).sources]
    found: list[Event] = []
    with Batches(place, batch_size=16, extras=True, share=share, **{"workers": 0, **options}) as batches:
        for batch in batches.epoch(epoch):
            found += [(files[number], row) for number, row in batch.sources.tolist()]
        if options.get("balance") != "oversample":
            assert batches.events == len(found)
    return found


def per_class(events: list[Event]) -> Counter[str]:
    return Counter(file.split("/")[0] for file, _ in events)


@pytest.mark.parametrize("kind", ["prepared", "index"])
@pytest.mark.parametrize("options", [{}, {"workers": 2}, {"cache": "ram"}, {"shuffle": False}], ids=str)
def test_a_share_has_the_same_events_each_epoch_whoever_reads_them(
    places: dict[str, Path], kind: str, options: dict[str, object]
) -> None:
    chosen = events_of(places["prepared"], Share(0.3))
    assert len(chosen) == len(set(chosen))
    whole = per_class(events_of(places["prepared"], None))
    assert per_class(chosen) == {name: int(0.3 * count + 0.5) for name, count in whole.items()}
    for epoch in (0, 1):
        assert set(events_of(places[kind], Share(0.3), epoch, **options)) == set(chosen)


def test_a_smaller_share_is_within_a_larger_one(places: dict[str, Path]) -> None:
    shares = [set(events_of(places["prepared"], Share(part))) for part in (0.001, 0.1, 0.5, 0.9)]
    for small, large in zip(shares, [*shares[1:], set(events_of(places["prepared"], None))], strict=True):
        assert small < large
    assert set(per_class(list(shares[0])).values()) == {1}
    other = set(events_of(places["prepared"], Share(0.5, seed=2)))
    assert len(other) == len(shares[2])
    assert other != shares[2]


def test_all_events_come_in_the_order_that_they_have_without_a_share(places: dict[str, Path]) -> None:
    assert events_of(places["prepared"], Share(1.0)) == events_of(places["prepared"], None)


@pytest.mark.parametrize("kind", ["prepared", "index"])
def test_classes_of_a_share_are_repeated_among_its_events(places: dict[str, Path], kind: str) -> None:
    chosen = set(events_of(places["prepared"], Share(0.2)))
    found = events_of(places[kind], Share(0.2), balance="oversample")
    assert set(found) == chosen
    assert len(set(per_class(found).values())) == 1


def test_the_choice_follows_from_names_and_rows_alone() -> None:
    rng = np.random.default_rng(1)
    numbers, rows, labels = rng.integers(0, 3, 200), np.arange(200), rng.integers(0, 2, 200)
    choice = Choice(Share(0.25), ("a.h5", "b.h5", "c.h5"))
    chosen = choice.chosen(numbers, rows, labels)
    order = rng.permutation(200)
    np.testing.assert_array_equal(choice.chosen(numbers[order], rows[order], labels[order]), chosen[order])
    renamed = Choice(Share(0.25), ("c.h5", "a.h5", "b.h5"))
    np.testing.assert_array_equal(renamed.chosen((numbers + 1) % 3, rows, labels), chosen)


def test_manifests_do_not_know_of_shares(
    make_experiment: Callable[..., Experiment],
) -> None:
    first = prepare(make_experiment(), processes=1).manifest
    second = prepare(make_experiment("data.fraction=0.5"), processes=1)
    assert second.manifest.config_hash == first.config_hash
