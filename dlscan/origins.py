"""The networks that others begin with: which file that is, whether it fits, whether it is still the same.

Nothing here loads Keras: what a `.keras` file takes is written in its `config.json`.
"""

import dataclasses
import json
import math
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlscan.config import Experiment, Model, mask_name, network_name
from dlscan.config.build import Problem, plain
from dlscan.config.models import trainer_of
from dlscan.config.pretrained import SUFFIX, Pretrained
from dlscan.errors import DlscanError, ScanError
from dlscan.files import checksum
from dlscan.record import PointPaths, Record
from dlscan.spelling import hint

if TYPE_CHECKING:
    from dlscan.dataset import Manifest

KEY = "model.pretrained"
# Keys of a model in which a network may differ from that which it begins with.
# Of a variational autoencoder what its loss takes is nothing of its encoder.
_MAY_DIFFER = ("head", "dropout", "initializer", "pretrained", "inputs", "beta", "sigma")

Shape = tuple[int | None, ...]


@dataclasses.dataclass(frozen=True)
class Origin:
    """The network that another one begins with.

    Attributes
    ----------
    file : Path
        Of the network.
    checksum : str
        Of the file.
    point : int or None
        Of its scan, if it is of one.
    classes : tuple of str
        What it tells apart; empty where that is not known.
    task : object
        What it has learned, as in an experiment file.
    params : mapping
        `model.*` as its record has them.
    """

    file: Path
    checksum: str
    point: int | None = None
    classes: tuple[str, ...] = ()
    task: Any = None
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict, compare=False)

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Origin":
        """What `plain` gave.

        Raises
        ------
        KeyError, TypeError
            If it is none.
        """
        return cls(**{**value, "file": Path(value["file"]), "classes": tuple(value["classes"])})

    def plain(self) -> dict[str, Any]:
        """The value that `read` reads back, without what is only needed to check a plan."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del own["params"]
        return {**own, "file": str(self.file), "classes": list(self.classes)}

    @property
    def noted(self) -> dict[str, Any]:
        """What a record says of it."""
        return {"file": str(self.file), "checksum": self.checksum, "point": self.point}

    def require_same(self) -> None:
        """Check that its file is what it was.

        Raises
        ------
        ScanError
            If it is another, or gone.
        """
        try:
            now = checksum(self.file)
        except (OSError, DlscanError):
            raise ScanError(
                f"{self.file}: missing, but {KEY} begins with this network; put it back"
            ) from None
        if now != self.checksum:
            raise ScanError(
                f"{self.file}: has changed since it was chosen for {KEY} (checksum {self.checksum[:12]}, "
                f"now {now[:12]}); restore the original file, or start a scan with another name"
            )


def origin_of(pretrained: Pretrained) -> Origin:
    """Find what a network begins with.

    Raises
    ------
    Problem
        If there is no such network, or none that can be read.
    """
    source = pretrained.source
    if source.suffix == SUFFIX:
        if not source.is_file():
            raise Problem(f"{KEY}.from", f"{source}: no such file")
        return Origin(source, checksum(source))
    if not (source / "points").is_dir():
        raise Problem(f"{KEY}.from", f"{source}: neither the directory of a scan nor a {SUFFIX} file")
    records = _records(source)
    if pretrained.point is None:
        paths, record = _best(source, records)
    elif pretrained.point in records:
        paths, record = records[pretrained.point]
    else:
        done = ", ".join(map(str, sorted(records))) or "none"
        raise Problem(f"{KEY}.point", f"{source} has no finished point {pretrained.point}; finished: {done}")
    if trainer_of(record.params.get("model.family")) != "networks":
        raise Problem(KEY, f"point {record.point} of {source} is boosted trees, and has no weights to take")
    file = record.model_file(paths)
    if not file.is_file():
        raise Problem(KEY, f"{file}: missing")
    try:
        record.require_whole(file)
    except ScanError as error:
        raise Problem(KEY, str(error)) from None
    params = {key: value for key, value in record.params.items() if key.startswith("model.")}
    return Origin(file, checksum(file), record.point, record.classes, record.task, params)


def origins_of(experiment: Experiment) -> dict[str, Origin]:
    """What the networks of an experiment begin with, by their `Pretrained.place`.

    Raises
    ------
    ConfigError
        If one cannot be found; it names file and key.
    """
    models = dict.fromkeys(point.model for point in experiment.combinations.examples)
    found: dict[str, Origin] = {}
    for model in models:
        if model.pretrained is not None and model.pretrained.place not in found:
            try:
                found[model.pretrained.place] = origin_of(model.pretrained)
            except Problem as problem:
                raise experiment.problem(problem.key, str(problem)) from None
    return found


def require_origins(experiment: Experiment, manifest: "Manifest", planned: Collection[str] = ()) -> None:
    """Check that the networks of all points fit what they begin with.

    Parameters
    ----------
    experiment : Experiment
        Whose points they are.
    manifest : Manifest
        Of its dataset.
    planned : collection of str
        Places of networks which a plan has already, see `Pretrained.place`: checked when it was made.

    Raises
    ------
    ConfigError
        If one does not; it says which inputs, shapes or keys differ.
    """
    for model in dict.fromkeys(point.model for point in experiment.combinations.examples):
        if model.pretrained is None or model.pretrained.place in planned:
            continue
        try:
            origin = origin_of(model.pretrained)
            _require_keys(model, origin)
            _require_inputs(taken_raw(model, manifest, experiment), origin)
        except Problem as problem:
            raise experiment.problem(problem.key, str(problem)) from None


def taken_raw(model: Model, manifest: "Manifest", experiment: Experiment) -> dict[str, Shape]:
    """The shape of an event of everything that a network takes, masks too, by the network's names."""
    found: dict[str, Shape] = {}
    for name, own in experiment.data.inputs.items():
        if model.takes(name):
            stored = name if own.view is None else str(own.dataset)
            column = manifest.inputs[stored]
            found[network_name(stored)] = column.shape
            if column.masked:
                found[mask_name(name)] = column.shape[:1]
    return found


def _records(scan: Path) -> dict[int, tuple[PointPaths, Record]]:
    """The finished points of a scan by number."""
    found = {}
    for directory in sorted((scan / "points").iterdir()):
        paths = PointPaths(directory)
        try:
            record = Record.read(paths.record)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except ScanError as error:
            raise Problem(f"{KEY}.from", str(error)) from None
        found[record.point] = paths, record
    return found


def _best(scan: Path, records: Mapping[int, tuple[PointPaths, Record]]) -> tuple[PointPaths, Record]:
    """The best network by the number of the validation split that its task chooses by."""
    # `dlscan status` reads plans, has no need of this, and is to start at once
    from dlscan.tasks.metrics import metrics_of

    networks = [
        own for own in records.values() if trainer_of(own[1].params.get("model.family")) == "networks"
    ]
    if not networks:
        raise Problem(f"{KEY}.from", f"{scan} has no finished network")
    first = networks[0][1]
    metrics = metrics_of(first.task, first.classes)
    for task in metrics:
        for column in task.chosen_by:
            about = task.metric(column, str)
            values = [record.metrics.get(column) for _, record in networks]
            if about is not None and any(value is not None and math.isfinite(value) for value in values):
                worth = [
                    -math.inf if value is None or not math.isfinite(value) else about.about.goodness(value)
                    for value in values
                ]
                return networks[worth.index(max(worth))]
    raise Problem(f"{KEY}.from", f"no point of {scan} has a number to choose by; name one with point")


def _require_keys(model: Model, origin: Origin) -> None:
    """Check that a network is built as that which it begins with, as far as its record says."""
    if not origin.params:
        return
    own = {f"model.{key}": value for key, value in _flat(plain(model)).items()}
    differing = [
        f"{key} is {origin.params.get(key)!r} there and {own.get(key)!r} here"
        for key in dict.fromkeys([*own, *origin.params])
        if key.split(".")[1] not in _MAY_DIFFER and origin.params.get(key) != own.get(key)
        # a parameter that one of them does not know came later, with what it was before as its default
        if key in own and key in origin.params
    ]
    if differing:
        raise Problem(
            KEY,
            f"point {origin.point} in {origin.file.parent} is another network: {'; '.join(differing)}; only "
            "the head and dropout may differ",
        )


def _flat(value: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, item in value.items():
        found |= _flat(item, f"{above}{name}.") if isinstance(item, Mapping) else {f"{above}{name}": item}
    return found


def _require_inputs(own: Mapping[str, Shape], origin: Origin) -> None:
    """Check that a network takes what that which it begins with takes."""
    there = _inputs_of(origin.file)
    for name, shape in own.items():
        if name not in there:
            raise Problem(
                KEY, f"{origin.file} does not take {name}; {hint(name, there)}; choose with model.inputs"
            )
        if there[name] != tuple(shape):
            raise Problem(
                KEY,
                f"{origin.file} takes {name} of shape {_text(there[name])}, and here it is {_text(shape)}",
            )
    if missing := [name for name in there if name not in own]:
        raise Problem(KEY, f"{origin.file} takes {' and '.join(missing)} too, which is no input here")


def _inputs_of(file: Path) -> dict[str, Shape]:
    """The shape of an event of each input of a network, by its `config.json`."""
    try:
        with zipfile.ZipFile(file) as archive:
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
        inputs = [layer["config"] for layer in layers if layer["class_name"] == "InputLayer"]
        return {own["name"]: tuple((own.get("batch_shape") or own["shape"])[1:]) for own in inputs}
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise Problem(f"{KEY}.from", f"{file}: cannot be read as a network of Keras ({reason})") from None


def _text(shape: Shape) -> str:
    return "x".join("?" if length is None else str(length) for length in shape) or "1"
