"""What methods make of a synthetic objective: no training, no files."""

import dataclasses
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
import pytest

from dlscan.config.search import Dimension
from dlscan.errors import DlscanError
from dlscan.search import Ask, Space, Trial, propose, seed_of
from dlscan.search.methods import METHODS, Stream
from dlscan.search.methods.evolution import _moved
from dlscan.search.methods.tpe import _trial
from dlscan.search.space import Draw
from tests.slow import slow


def dimension(value: Any) -> Dimension:
    return Dimension.parse(value, "scan.space.key")


SPACE = Space(
    {
        "optimizer": dimension(["adam", "sgd", "rmsprop"]),
        "activation": dimension(["relu", "elu", "tanh"]),
        "rate": dimension({"log": [1e-5, 1.0]}),
        "width": dimension({"int": [4, 1024], "log": True}),
        "dropout": dimension({"uniform": [0, 0.9]}),
    }
)
NAMES = {"adam": 0.0, "sgd": 0.03, "rmsprop": 0.01, "relu": 0.01, "elu": 0.0, "tanh": 0.03}


def regret(values: dict[str, Any]) -> float:
    """How far a point is from the best of `SPACE`, which has 0."""
    numbers = 0.04 * (math.log10(values["rate"]) + 2.7) ** 2 + 0.3 * (values["dropout"] - 0.25) ** 2
    numbers += 0.0075 * math.log2(values["width"] / 130) ** 2
    return numbers + NAMES[values["optimizer"]] + NAMES[values["activation"]]


def searched(method: str, seed: int, points: int = 64, batch: int = 8) -> list[Trial]:
    return gone_on(method, SPACE, [], regret, points, seed, batch)


def gone_on(
    method: str,
    space: Space,
    trials: list[Trial],
    loss: Callable[[dict[str, Any]], float],
    points: int,
    seed: int = 1,
    batch: int = 8,
) -> list[Trial]:
    """What is known when there are so many points, or when the search stops."""
    trials = [*trials]
    while len(trials) < points:
        ask = Ask(min(batch, points - len(trials)), seed_of(seed, len(trials)), seed, batch)
        draws = propose(method, space, trials, ask)
        if draws == "stop":
            break
        assert isinstance(draws, list)
        trials += [
            Trial(draw.values, "done", (-loss(draw.values),), draw.notes, number=len(trials) + n)
            for n, draw in enumerate(draws, 1)
        ]
    return trials


def mean_regret(method: str, seeds: int) -> float:
    return float(np.mean([min(regret(each.values) for each in searched(method, n)) for n in range(seeds)]))


def test_methods_that_learn_find_more_than_chance_in_batches() -> None:
    chance = mean_regret("random", 24)
    assert mean_regret("tpe", 3) < chance / 2
    assert mean_regret("cmaes", 3) <= 0.012
    assert mean_regret("evolution", 12) < chance / 2


@slow
def test_regret_over_24_repeats() -> None:
    assert mean_regret("tpe", 24) < mean_regret("random", 24) / 2
    assert mean_regret("cmaes", 24) <= 0.012
    assert mean_regret("evolution", 24) <= 0.012
    assert mean_regret("sobol", 24) < mean_regret("random", 24) * 1.2


@pytest.mark.parametrize("method", ["random", "sobol", "tpe", "cmaes", "evolution"])
def test_the_same_question_has_the_same_answer_and_no_point_comes_twice(method: str) -> None:
    trials = searched(method, 3, 24)
    assert len({str(trial.values) for trial in trials}) == 24
    ask = Ask(8, seed_of(3, 24), 3, 8)
    assert propose(method, SPACE, trials, ask) == propose(method, SPACE, trials, ask)
    first, second = (
        propose(method, SPACE, trials[:count], Ask(8, seed_of(3, count), 3, 8)) for count in (8, 16)
    )
    assert isinstance(first, list)
    assert [draw.values for draw in first] == [trial.values for trial in trials[8:16]]
    assert first != second


@pytest.mark.parametrize("method", METHODS)
def test_a_small_space_is_tried_once_and_then_the_search_stops(method: str) -> None:
    space = Space({"a": dimension([True, 1]), "b": dimension({"int": [1, 3]}), "c": dimension(["x"])})
    trials: list[Trial] = []
    for count in range(20):
        draws = propose(method, space, trials, Ask(4, count, rounds=2))
        if isinstance(draws, str):
            break
        trials += [Trial(draw.values, "done", (float(draw.values["b"]),), draw.notes) for draw in draws]
    assert draws == "stop"
    assert len(trials) == len({str(trial.values) for trial in trials}) == 6


def test_keys_are_drawn_only_where_they_apply() -> None:
    def applies(key: str, values: dict[str, Any]) -> bool:
        return key in ("family", "rate") or (key == "leaves") == (values["family"] == "bdt")

    space = Space(
        {
            "family": dimension(["dense", "bdt"]),
            "rate": dimension({"log": [1e-4, 0.1]}),
            "leaves": dimension({"int": [4, 64]}),
            "width": dimension({"int": [4, 64]}),
        },
        applies,
    )
    for method in ("random", "sobol", "tpe", "cmaes", "evolution"):
        trials: list[Trial] = []
        for count in range(8):
            draws = propose(method, space, trials, Ask(4, count))
            assert isinstance(draws, list)
            trials += [Trial(draw.values, "done", (draw.values["rate"],), draw.notes) for draw in draws]
        assert {tuple(trial.values) for trial in trials} <= {
            ("family", "rate", "leaves"),
            ("family", "rate", "width"),
        }


def test_what_diverged_ranks_last_and_what_crashed_tells_nothing() -> None:
    space = Space({"x": dimension({"uniform": [0, 1]})})
    good = [Trial({"x": x}, "done", (1.0 - x,)) for x in np.linspace(0.5, 1, 20)]
    bad = [Trial({"x": x}, "diverged") for x in np.linspace(0, 0.4, 20)]
    lost = [Trial({"x": x}, "crashed") for x in np.linspace(0, 0.4, 20)]

    def drawn(trials: Sequence[Trial]) -> list[float]:
        draws = propose("tpe", space, trials, Ask(20, 1))
        assert isinstance(draws, list)
        return [draw.values["x"] for draw in draws]

    assert np.median(drawn([*good, *bad])) > 0.45
    assert drawn([*good, *lost]) == drawn(good)


def test_points_that_were_pruned_are_worse_than_those_that_are_done() -> None:
    space = Space({"x": dimension({"uniform": [0, 1]})})
    good = [Trial({"x": x}, "done", (0.5,)) for x in np.linspace(0.6, 1, 10)]
    early = [Trial({"x": x}, "pruned", (0.9,), reached=3) for x in np.linspace(0, 0.4, 40)]
    draws = propose("tpe", space, [*good, *early], Ask(20, 1))
    assert isinstance(draws, list)
    assert np.median([draw.values["x"] for draw in draws]) > 0.5
    ranked = sorted([good[0], early[0], Trial({}, "diverged")], key=lambda trial: trial.rank)
    assert [trial.state for trial in ranked] == ["diverged", "pruned", "done"]


def test_children_differ_from_a_good_recent_parent_in_one_dimension() -> None:
    first = [Trial(SPACE.at([n / 16] * 5), "done", (float(n),)) for n in range(16)]
    lost = [
        *(
            Trial(SPACE.at([0.9, 0.9, 0.9, 0.9, n / 10]), state, (99.0,))
            for n, state in enumerate(["crashed"] * 4)
        ),
        Trial(SPACE.at([0.5, 0.9, 0.9, 0.9, 0.9]), "running"),
        Trial(SPACE.at([0.1, 0.9, 0.9, 0.9, 0.9]), "diverged"),
    ]
    draws = propose("evolution", SPACE, [*first, *lost], Ask(40, 1))
    assert isinstance(draws, list)
    parents = []
    for draw in draws:
        alike = [sum(draw.values[key] == each.values[key] for key in SPACE.dimensions) for each in first]
        assert max(alike) >= 4
        parents.append(first[alike.index(max(alike))].worth[0])
    # of fifteen that told something and one that diverged, twelve compete at a time
    assert min(parents) >= 11
    assert np.mean(parents) > 14

    # who is older than the population is no parent, however good
    old = Trial(SPACE.at([0.99] * 5), "done", (1000.0,))
    same = propose("evolution", SPACE, [old, *first], Ask(40, 1))
    assert isinstance(same, list)
    assert all(sum(draw.values[k] == old.values[k] for k in SPACE.dimensions) < 4 for draw in same)


def test_the_first_points_of_an_evolution_are_random_as_many_as_its_population() -> None:
    draws = propose("evolution", SPACE, [], Ask(40, 1, population=4))
    assert isinstance(draws, list)
    # nothing is known of any of them, so that there are no parents
    assert len({draw.values["rate"] for draw in draws}) == 40
    told = [Trial(draw.values, "done", (float(n),)) for n, draw in enumerate(draws[:4])]
    for count, is_child in ((3, False), (4, True)):
        (new,) = propose("evolution", SPACE, told[:count], Ask(1, 2, population=4))
        assert not isinstance(new, str)
        alike = [sum(new.values[key] == each.values[key] for key in SPACE.dimensions) for each in told]
        assert (max(alike) >= 4) == is_child


def test_a_generation_waits_for_its_points_and_replaces_those_that_crashed() -> None:
    draws = propose("cmaes", SPACE, [], Ask(20, 1, pack=4))
    assert isinstance(draws, list)
    assert len(draws) == 8  # the usual 4 + 3 ln 5, in whole packs
    trials = [Trial(draw.values, "running", (), draw.notes) for draw in draws]
    assert propose("cmaes", SPACE, trials, Ask(20, 2)) == "wait"
    done = [Trial(draw.values, "done", (-regret(draw.values),), draw.notes) for draw in draws]
    lost = [*done[:6], Trial(draws[6].values, "crashed", (), draws[6].notes), done[7]]
    more = propose("cmaes", SPACE, lost, Ask(20, 2))
    assert isinstance(more, list)
    assert [draw.notes["generation"] for draw in more] == [0]
    diverged = [*done[:7], Trial(draws[7].values, "diverged", (), draws[7].notes)]
    more = propose("cmaes", SPACE, diverged, Ask(20, 2))
    assert isinstance(more, list)
    assert {draw.notes["generation"] for draw in more} == {1}


def test_a_generation_with_more_points_than_it_needs_is_full() -> None:
    draws = propose("cmaes", SPACE, [], Ask(20, 1, pack=4))
    assert isinstance(draws, list)
    more = [Trial(draw.values, "running", (), draw.notes) for draw in [*draws, draws[0]]]
    assert propose("cmaes", SPACE, more, Ask(20, 2)) == "wait"


def test_where_a_search_began_does_not_move_when_other_points_are_done_later() -> None:
    space = Space({"x": dimension({"uniform": [0, 1]}), "y": dimension({"uniform": [0, 1]})})

    def other(worth: float, x: float) -> Trial:
        return Trial({"x": x, "y": x}, "done", (worth,))

    draws = propose("cmaes", space, [other(0.5, 0.2)], Ask(20, 1))
    assert isinstance(draws, list)
    told = [Trial(draw.values, "done", (-draw.values["x"],), draw.notes) for draw in draws]
    same, later = (
        propose("cmaes", space, [*others, *told], Ask(6, 2))
        for others in ([other(0.5, 0.2)], [other(0.5, 0.2), other(0.9, 0.8)])
    )
    assert same == later


# rounding makes values coincide, moves them nearer to another step, or leaves them rooms of unequal sizes
UNEVEN = [
    {"int": [1, 16], "log": True, "steps": 9},
    {"int": [1, 8], "log": True, "steps": 7},
    {"int": [1, 4], "log": True, "steps": 4},
    {"int": [1, 8], "log": True},
    {"uniform": [0.12341, 0.12363], "steps": 9},
    {"uniform": [0.12341, 0.12342], "steps": 9},
]


@pytest.mark.parametrize("value", UNEVEN)
def test_each_value_of_a_dimension_has_a_place_that_gives_it(value: dict[str, Any]) -> None:
    own = dimension(value)
    assert own.values is not None
    places = [own.place(each) for each in own.values]
    assert [own.at(place) for place in places if place is not None] == list(own.values)


@pytest.mark.parametrize("value", UNEVEN)
@pytest.mark.parametrize("method", ["tpe", "cmaes", "evolution"])
def test_each_value_is_drawn_however_values_are_rounded(method: str, value: dict[str, Any]) -> None:
    space = Space({"x": dimension(value), "y": dimension({"uniform": [0, 1]})})
    values = space.dimensions["x"].values
    assert values is not None
    drawn = set()
    for number in range(len(values)):
        trials: list[Trial] = []
        for _ in range(6):
            draws = propose(method, space, trials, Ask(8, seed_of(number, len(trials)), pack=8))
            assert isinstance(draws, list)
            trials += [
                Trial(each.values, "done", (-abs(values.index(each.values["x"]) - number),), each.notes)
                for each in draws
            ]
        drawn |= {each.values["x"] for each in trials}
    assert drawn == set(values)


@pytest.mark.parametrize("value", UNEVEN[:3])
def test_tpe_is_told_the_values_that_were_tried(value: dict[str, Any]) -> None:
    space = Space({"x": dimension(value)})
    values = space.dimensions["x"].values
    assert values is not None
    told = [_trial(optuna, space, Trial({"x": x}, "running"), ()).params["x"] for x in values]
    assert [values[number] for number in told] == list(values)


@pytest.mark.parametrize("value", UNEVEN[:4])
def test_a_number_that_evolves_becomes_another_one_or_stays_at_a_bound(value: dict[str, Any]) -> None:
    own = dimension(value)
    assert own.values is not None
    rng = np.random.default_rng(1)
    for number, each in enumerate(own.values):
        moved = {_moved(own, each, rng) for _ in range(300)}
        assert {*own.values[max(number - 1, 0) : number + 2]} - {each} <= moved
        low, *_, high = own.values
        assert each in (low, high) or each not in moved


def test_zoom_looks_closer_where_it_is_good_and_stays_within_the_bounds() -> None:
    space = Space({"rate": dimension({"log": [1e-5, 10.0], "steps": 7}), "name": dimension(["a", "b"])})
    trials: list[Trial] = []
    rounds: list[list[float]] = []
    while isinstance(draws := propose("zoom", space, trials, Ask(100, 1, rounds=3)), list):
        rounds.append([draw.values["rate"] for draw in draws])
        running = [Trial(draw.values, "running", (), draw.notes) for draw in draws]
        assert propose("zoom", space, [*trials, *running], Ask(100, 1, rounds=3)) == "wait"
        worths = [-((math.log10(r.values["rate"]) - 0.6) ** 2) - (r.values["name"] == "b") for r in running]
        trials += [
            Trial(each.values, "done", (worth,), each.notes, 0.01)
            for each, worth in zip(running, worths, strict=True)
        ]
    assert draws == "stop"
    assert next(len(each) for each in rounds) == 14
    assert len(rounds) == 3
    spans = [max(each) / min(each) for each in rounds]
    assert spans[0] > 3 * spans[1] > 9 * spans[2]
    assert all(1e-5 <= rate <= 10 for each in rounds for rate in each)
    assert all(trial.values["name"] == "a" for trial in trials[14:])
    best = max(trials, key=lambda trial: trial.worth).values["rate"]
    assert math.log10(best) == pytest.approx(0.6, abs=0.1)


def rates(low: float, high: float, **more: Any) -> Space:
    return Space({"rate": dimension({"log": [low, high]}), **{key: dimension(more[key]) for key in more}})


def off(values: dict[str, Any]) -> float:
    """How far the rate is from 0.003 in powers of ten."""
    return abs(math.log10(values["rate"]) + 2.5)


@pytest.mark.parametrize("method", ["zoom", "cmaes", "tpe", "evolution", "random", "sobol"])
def test_a_narrower_space_is_searched_within_its_bounds(method: str) -> None:
    narrow = rates(1e-2, 1e-1)
    known = [each for each in gone_on(method, rates(1e-4, 1e-1), [], off, 8) if narrow.has(each.values)]
    new = gone_on(method, narrow, known, off, 40)[len(known) :]
    assert len(new) >= 5
    assert all(narrow.has(each.values) for each in new)
    assert len({each.values["rate"] for each in [*known, *new]}) == len(known) + len(new)


def test_zoom_looks_at_what_a_wider_space_has_more_and_ends() -> None:
    known = gone_on("zoom", rates(1e-4, 1e-1), [], off, 100)
    wide = rates(1e-8, 1e-1)
    trials = gone_on("zoom", wide, known, off, 200)
    assert len(trials) < 200
    assert any(each.values["rate"] == 1e-8 for each in trials)
    # points of before have noted no digest, and no space that is this one
    old = [dataclasses.replace(each, notes=without_digest(each)) for each in known]
    assert [each.values for each in gone_on("zoom", wide, old, off, 200)] == [each.values for each in trials]


@pytest.mark.parametrize("seed", range(3))
def test_cmaes_begins_again_around_the_best_point_when_the_space_changes(seed: int) -> None:
    space = rates(1e-4, 1e-1, dropout={"uniform": [0, 0.5]}, name=["elu", "relu", "x"])
    wide = rates(1e-9, 1e-1, dropout={"uniform": [0, 0.5]}, name=["selu", "elu", "relu", "x"])

    def loss(values: dict[str, Any]) -> float:
        return off(values) + (values["name"] != "relu")

    known = gone_on("cmaes", space, [], loss, 64, seed)
    draws = propose("cmaes", wide, known, Ask(8, seed, pack=8))
    assert isinstance(draws, list)
    assert {draw.notes["generation"] for draw in draws} == {0}
    best = min(known, key=lambda each: loss(each.values)).values["rate"]
    assert draws[0].notes["start"][0] == wide.dimensions["rate"].place(best)
    assert np.median([off(draw.values) for draw in draws]) < 2.5


def without_digest(trial: Trial) -> dict[str, Any]:
    return {key: value for key, value in trial.notes.items() if key != "digest"}


@pytest.mark.parametrize("method", ["cmaes", "zoom"])
def test_points_of_old_plans_have_no_digest_and_count_where_the_space_is_the_same(method: str) -> None:
    space = Space(
        {
            "rate": dimension({"log": [1e-4, 1e-1]}),
            "depth": dimension({"int": [1, 6]}),
            "dropout": dimension({"uniform": [0, 0.5], "steps": 5}),
            "name": dimension(["a", "b", True]),
            "only": dimension(["c"]),
        }
    )
    for points in (8, 20, 40):
        known = gone_on(method, space, [], off, points)
        old = [dataclasses.replace(each, notes=without_digest(each)) for each in known]
        ask = Ask(8, 3, pack=8)
        assert propose(method, space, old, ask) == propose(method, space, known, ask)
        mixed = [*old[: points // 2], *known[points // 2 :]]
        assert propose(method, space, mixed, ask) == propose(method, space, known, ask)


@pytest.mark.parametrize("digest", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_a_search_goes_on_with_more_keys(method: str, digest: bool) -> None:
    one = {"depth": dimension({"int": [1, 4]}), "name": dimension(["a", "b"])}
    more = {"first": dimension([1, 2]), **one, "dropout": dimension({"uniform": [0, 0.5], "steps": 4})}
    known = [
        dataclasses.replace(
            each,
            values={"first": 1, **each.values, "dropout": 0.5},
            notes=each.notes if digest else without_digest(each),
        )
        for each in gone_on(method, Space(one), [], lambda values: values["depth"], 6)
    ]
    trials = gone_on(method, Space(more), known, lambda values: values["depth"] + values["dropout"], 64)
    assert len(trials) > 12
    assert any(each.values["dropout"] == 0 for each in trials)


@pytest.mark.parametrize("method", METHODS)
def test_a_space_in_which_a_single_point_is_left_is_searched(method: str) -> None:
    single = Space({"name": dimension(["a"]), "depth": dimension([3])})
    (trial,) = gone_on(method, single, [], lambda values: 0.0, 2)
    assert trial.values == {"name": "a", "depth": 3}


@pytest.mark.parametrize("method", ["tpe", "cmaes", "evolution", "random", "sobol", "grid"])
def test_known_points_between_the_values_of_a_space_lead_to_no_others(method: str) -> None:
    space = Space({"share": dimension({"uniform": [0, 1], "steps": 3}), "rate": dimension([0.1, 0.2, 0.3])})
    known = [Trial({"share": 0.3, "rate": rate}, "done", (rate,)) for rate in (0.1, 0.2)]
    draws = propose(method, space, known, Ask(9, 1, population=2 if method == "evolution" else None))
    assert isinstance(draws, list)
    assert {draw.values["share"] for draw in draws} <= {0.0, 0.5, 1.0}


def test_a_fraction_is_outside_of_a_space_of_whole_numbers() -> None:
    space = Space({"depth": dimension({"int": [1, 4]})})
    assert space.located({"depth": 1.5}) is None
    found = space.located({"depth": 3.0})
    assert found is not None
    assert repr(found["depth"]) == "3"


def test_no_point_outside_of_the_space_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(space: Space, known: Sequence[Trial], ask: Ask) -> Stream:
        yield Draw({"rate": 1.0})
        yield Draw({"rate": 1e-3})
        yield "stop"

    monkeypatch.setitem(METHODS, "random", draw)
    assert propose("random", rates(1e-4, 1e-1), [], Ask(2, 1)) == [Draw({"rate": 1e-3})]


def test_several_metrics_are_searched_by_tpe() -> None:
    space = Space({"x": dimension({"uniform": [0, 2]})})
    trials = [Trial({"x": x}, "done", (-(x**2), -((x - 1) ** 2))) for x in np.linspace(0, 2, 20)]
    draws = propose("tpe", space, [*trials, Trial({"x": 0.3}, "diverged")], Ask(5, 1, metrics=2))
    assert isinstance(draws, list)
    assert np.mean([draw.values["x"] for draw in draws]) < 1.2


@pytest.mark.parametrize("method", ["tpe", "cmaes"])
def test_a_missing_package_names_its_extra(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, {"tpe": "optuna", "cmaes": "cmaes"}[method], None)
    with pytest.raises(DlscanError, match=r"dlscan\[search\]"):
        propose(method, SPACE, [], Ask(1, 1))
