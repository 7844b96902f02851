"""Which points go on after a rung: what holds for every order in which they come to it."""

import random

import pytest

from dlscan.scan.promotion import Standing, promote


@pytest.mark.parametrize(
    ("scores", "promoted", "pruned"),
    [
        ({1: [], 2: [], 3: []}, set(), set()),
        # the first to come do not wait for the others, nor do they go on alone
        ({1: [0.5], 2: [], 3: []}, set(), set()),
        ({1: [0.5], 2: [0.4], 3: [0.6], 4: []}, {2}, set()),
        ({1: [0.5], 2: [0.4], 3: [0.6]}, {2}, {1, 3}),
        # fewer than a factor of them: one goes on once nobody else can come
        ({1: [0.5], 2: []}, set(), set()),
        ({1: [0.5], 2: [0.7]}, {1}, {2}),
        # equal ones go by their number; what is no number is last
        ({1: [0.5], 2: [0.5], 3: [float("nan")]}, {1}, {2, 3}),
        # at the second rung there are those that were promoted; the others are over
        ({1: [0.5, 0.3], 2: [0.4, 0.4], 3: [0.6], 4: [0.6], 5: [0.6], 6: [0.6]}, {1}, {2, 3, 4, 5, 6}),
    ],
)
def test_points_are_compared_with_those_that_have_come_so_far(
    scores: dict[int, list[float]], promoted: set[int], pruned: set[int]
) -> None:
    assert promote(scores, 3) == Standing(frozenset(promoted), frozenset(pruned))


def test_a_point_that_diverged_ranks_last_and_is_not_waited_for() -> None:
    assert promote({1: [0.5], 2: [0.4], 3: []}, 3, lost=[3]) == Standing(frozenset({2}), frozenset({1}))
    # it was the best at the rung, and came no further
    found = promote({1: [0.1], 2: [0.4], 3: [0.5]}, 3, beyond=[1], lost=[1])
    assert found == Standing(frozenset({2}), frozenset({3}))


def test_who_has_gone_on_is_not_called_back_and_is_waited_for_at_the_next_rung() -> None:
    scores = {1: [0.5], 2: [0.4], 3: [0.3, 0.3], 4: [0.2], 5: [0.9], 6: [0.9]}
    # 1 went on when it was the best; now it is not, and 3, at the next rung, must not be taken to be alone
    assert promote(scores, 3, beyond=[1]) == Standing(frozenset({4}), frozenset({2, 5, 6}))
    assert promote({**scores, 1: [0.5, 0.4], 4: [0.2, 0.5]}, 3).promoted == {3}


def test_while_there_may_be_more_points_nobody_is_the_best_for_being_alone() -> None:
    alone = {1: [0.5]}
    assert promote(alone, 3).promoted == {1}
    assert promote(alone, 3, growing=True) == Standing()
    three = {1: [0.5], 2: [0.4], 3: [0.6]}
    assert promote(three, 3, growing=True) == Standing(frozenset({2}))


def train_in_some_order(
    worth: dict[int, float], factor: int, rungs: int, draw: random.Random
) -> tuple[set[int], set[int]]:
    """Let four workers train points as a scan does; those that were done, and those that diverged."""
    sick = {number for number in worth if draw.random() < 0.1}
    scores: dict[int, list[float]] = {number: [] for number in worth}
    running, new, lost, done = set[int](), list(worth), set[int](), set[int]()
    while True:
        found = promote(scores, factor, running, lost)
        assert not found.promoted & found.pruned
        assert not (found.promoted | found.pruned) & (running | lost)
        # nothing depends on the order in which points are told
        mixed = dict(draw.sample(sorted(scores.items()), len(scores)))
        assert promote(mixed, factor, running, lost) == found
        free = sorted(found.promoted - done)
        if len(running) < 4 and (free or new):
            number = free[0] if free else new.pop(0)
            running.add(number)
            continue
        if not running:
            # whoever is not done is out for good: nothing waits for ever
            assert set(worth) == done | lost | found.pruned
            return done, lost
        number = draw.choice(sorted(running))
        running.remove(number)
        if number in sick and draw.random() < 0.5:
            lost.add(number)
            continue
        if len(scores[number]) == rungs:
            done.add(number)
        else:
            scores[number].append(worth[number])


@pytest.mark.parametrize("seed", range(60))
def test_every_scan_comes_to_an_end_with_its_best_point_trained(seed: int) -> None:
    draw = random.Random(seed)
    worth = {number: draw.random() for number in range(draw.randint(1, 40))}
    done, lost = train_in_some_order(worth, draw.randint(2, 5), draw.randint(1, 3), draw)
    assert lost == set(worth) or min(worth.keys() - lost, key=worth.__getitem__) in done


def test_all_at_once_are_halved_by_the_factor() -> None:
    scores = {number: [number / 27] for number in range(27)}
    first = promote(scores, 3)
    assert first.promoted == set(range(9))
    second = promote(
        {number: own + [own[0]] * (number in first.promoted) for number, own in scores.items()}, 3
    )
    assert second.promoted == {0, 1, 2}
    assert second.pruned == set(range(3, 27))
