"""Tree-structured Parzen estimators by Optuna, made anew from what is known at every proposal."""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

from dlscan.config.search import Dimension
from dlscan.search.methods import Stream
from dlscan.search.methods.needs import needed
from dlscan.search.space import Ask, Draw, Space, Trial, place_in


def draw(space: Space, known: Sequence[Trial], ask: Ask) -> Stream:
    """See `dlscan.search.methods`.

    Points that run are known to run, so that those of a batch keep away from each other. One that diverged is
    worse than all others. One that crashed tells nothing.
    """
    optuna = needed("optuna", "tpe")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=ask.seed, constant_liar=True)
    study = optuna.create_study(directions=["maximize"] * ask.metrics, sampler=sampler)
    worst = _worst(known, ask.metrics)
    study.add_trials([_trial(optuna, space, each, worst) for each in known if each.state != "crashed"])
    while True:
        trial = study.ask()
        yield Draw(space.assign(partial(_suggested, trial)))


def _suggested(trial: Any, key: str, dimension: Dimension) -> Any:
    values = dimension.values
    if dimension.choices:
        return dimension.choices[trial.suggest_categorical(key, list(range(len(dimension.choices))))]
    if dimension.steps is not None and values is not None:
        return values[trial.suggest_int(key, 0, len(values) - 1)]
    if dimension.whole:
        return trial.suggest_int(key, int(dimension.low), int(dimension.high), log=dimension.log)
    place = trial.suggest_float(key, dimension.low, dimension.high, log=dimension.log)
    return dimension.rounded(place)


def _trial(optuna: Any, space: Space, known: Trial, worst: tuple[float, ...]) -> Any:
    states, rules = optuna.trial.TrialState, optuna.distributions
    params, distributions = dict[str, Any](), dict[str, Any]()
    for key, value in known.values.items():
        dimension = space.dimensions[key]
        if dimension.choices:
            params[key] = _position(dimension, value)
            distributions[key] = rules.CategoricalDistribution(list(range(len(dimension.choices))))
        elif dimension.steps is not None:
            # rounding makes values coincide: steps are not counted
            values = dimension.values or ()
            params[key] = values.index(dimension.at(place_in(dimension, value)))
            distributions[key] = rules.IntDistribution(0, len(values) - 1)
        elif dimension.whole:
            params[key] = value
            distributions[key] = rules.IntDistribution(int(dimension.low), int(dimension.high), dimension.log)
        else:
            params[key] = value
            distributions[key] = rules.FloatDistribution(dimension.low, dimension.high, dimension.log)
    how: dict[str, Any] = {"params": params, "distributions": distributions}
    if known.state == "running":
        return optuna.trial.create_trial(state=states.RUNNING, **how)
    if known.state == "pruned" and len(worst) == 1:
        return optuna.trial.create_trial(
            state=states.PRUNED, intermediate_values={known.reached: known.worth[0]}, **how
        )
    if known.state == "diverged" and len(worst) == 1:
        # without a value it ranks last
        return optuna.trial.create_trial(state=states.PRUNED, **how)
    worth = known.worth if known.state == "done" else worst
    return optuna.trial.create_trial(values=list(worth), **how)


def _position(dimension: Dimension, value: Any) -> int:
    return int(place_in(dimension, value) * len(dimension.choices))


def _worst(known: Sequence[Trial], metrics: int) -> tuple[float, ...]:
    worths = [trial.worth for trial in known if trial.state == "done"] or [(0.0,) * metrics]
    return tuple(min(each) for each in zip(*worths, strict=True))
