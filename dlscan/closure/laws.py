"""Laws that events are drawn from: what is measured, what is true, and what the best answer would be."""

import dataclasses
import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlscan.errors import ConfigError, UsageError
from dlscan.spelling import hint

Floats = NDArray[np.float64]


class Drawn(NamedTuple):
    """Events of a law.

    Attributes
    ----------
    inputs : dict of str to ndarray, each (N, ...)
        What a network sees.
    truth : ndarray, (N,)
        The class, 0 or 1, as integers; or the number to predict.
    exact : ndarray, (N,)
        Of classes the likelihood ratio p(x | 1) / p(x | 0), or what rises with it; of a number its mean given
        x. No network can do better.
    """

    inputs: dict[str, NDArray[Any]]
    truth: NDArray[Any]
    exact: Floats

    @property
    def classified(self) -> bool:
        """Whether the truth is a class."""
        return self.truth.dtype.kind in "biu"


def gaussians(events: int, seed: int, distance: float = 2.0, features: int = 4) -> Drawn:
    """Two normal distributions of unit width, `distance` apart: the best AUC is Phi(distance / sqrt 2)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, events)
    direction = np.ones(features) / np.sqrt(features)
    x = rng.normal(size=(events, features)) + distance * np.outer(labels - 0.5, direction)
    return Drawn({"x": x}, labels, distance * (x @ direction))


def resolution(events: int, seed: int, a: float = 0.5, b: float = 0.02) -> Drawn:
    """Energies E from 10 to 110 in a calorimeter of resolution a / sqrt(E) + b, shared by three layers.

    Of a sum s that is measured, the mean energy follows from the flat distribution of E by Bayes' theorem.
    """
    rng = np.random.default_rng(seed)
    energy = rng.uniform(10, 110, events)
    measured = rng.normal(energy, energy * (a / np.sqrt(energy) + b))
    shares = rng.dirichlet((8.0, 4.0, 2.0), events)
    grid = np.linspace(10, 110, 2001)
    width = grid * (a / np.sqrt(grid) + b)
    # the mean depends on the sum alone: it is found on a grid of sums, and linear between them
    sums = np.linspace(measured.min(), measured.max(), 400)
    weights = np.exp(-0.5 * ((sums[:, None] - grid) / width) ** 2) / width
    mean = np.interp(measured, sums, (weights @ grid) / weights.sum(axis=1))
    return Drawn({"layers": measured[:, None] * shares}, energy, mean)


LAWS: Mapping[str, Callable[..., Any]] = {"gaussians": gaussians, "resolution": resolution}


@dataclasses.dataclass(frozen=True)
class Law:
    """A law by its name, with its parameters; what is needed to draw from it in another process.

    Attributes
    ----------
    name : str
        One of `LAWS`, or `FILE.py:function`.
    parameters : dict of str to float
        Keyword arguments of the function.
    """

    name: str
    parameters: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def identity(self) -> dict[str, Any]:
        """What tells it from another: a file by its content."""
        path, colon, _ = self.name.rpartition(":")
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest() if colon else ""
        return {"law": self.name, "parameters": self.parameters, "sha256": digest}

    def draw(self, events: int, seed: int) -> Drawn:
        """Events of the law.

        Raises
        ------
        ConfigError
            If its function fails, or gives anything else than it should.
        """
        try:
            found = self._function()(events, seed, **self.parameters)
            inputs, truth, exact = found
            drawn = Drawn(
                {str(name): np.asarray(values) for name, values in dict(inputs).items()},
                np.asarray(truth),
                np.asarray(exact, np.float64),
            )
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(f"--law {self.name}: {type(error).__name__}: {error}") from error
        self._check(drawn, events)
        return drawn

    def _check(self, drawn: Drawn, events: int) -> None:
        arrays = {**drawn.inputs, "labels": drawn.truth, "the exact answer": drawn.exact}
        if not drawn.inputs:
            raise ConfigError(f"--law {self.name}: gives no inputs")
        for name, values in arrays.items():
            if not values.ndim or len(values) != events:
                raise ConfigError(
                    f"--law {self.name}: {name} has the shape {values.shape}, not {events} events"
                )
            if name not in drawn.inputs and values.ndim != 1:
                raise ConfigError(f"--law {self.name}: {name} must be one number per event")
            if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
                raise ConfigError(f"--law {self.name}: {name} must be finite numbers")
        if drawn.classified and set(np.unique(drawn.truth).tolist()) != {0, 1}:
            raise ConfigError(f"--law {self.name}: labels must be 0 and 1, both among {events} events")

    def _function(self) -> Callable[..., Any]:
        if self.name in LAWS:
            return LAWS[self.name]
        path, _, name = self.name.rpartition(":")
        space: dict[str, Any] = {"__name__": "dlscan_law", "__file__": path}
        exec(compile(Path(path).read_text(encoding="utf-8"), path, "exec"), space)
        if not callable(space.get(name)):
            raise ConfigError(f"--law {self.name}: {path} has no function {name!r}")
        function: Callable[..., Any] = space[name]
        return function


def find_law(text: str, parameters: Mapping[str, float]) -> Law:
    """The law that `gaussians` or `FILE.py:f` means.

    Raises
    ------
    UsageError
        If there is none, or it has no such parameter.
    """
    path, colon, _ = text.rpartition(":")
    if colon:
        if not Path(path).is_file():
            raise UsageError(f"--law {text}: no such file: {path}")
        return Law(f"{Path(path).resolve()}:{text.rpartition(':')[2]}", dict(parameters))
    if text not in LAWS:
        raise UsageError(f"--law {text}: neither FILE.py:FUNCTION nor a law; {hint(text, LAWS)}")
    known = [name for name in inspect.signature(LAWS[text]).parameters if name not in ("events", "seed")]
    for name in parameters:
        if name not in known:
            raise UsageError(f"--set {name}: {text} has no such parameter; {hint(name, known)}")
    return Law(text, dict(parameters))
