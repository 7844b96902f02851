"""What a point leaves behind: where each file lies, and the record of a finished point."""

import dataclasses
import re
from pathlib import Path
from typing import Any

from dlscan.config.models import trainer_of
from dlscan.config.older import completed_params
from dlscan.errors import DlscanError, ScanError
from dlscan.fields import misfit, shown
from dlscan.files import checksum, checksum_of, parse_json, read_whole, write_json

# the file of a record
RECORD = "record.json"
# as YAML is written by dlscan: a point's file says what no plan has to be read for
_EPOCHS = re.compile(rb"^train:\n(?: .*\n)*? +epochs: (\d+)\n", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class PointPaths:
    """Every path of a point, named once."""

    directory: Path

    @property
    def scan(self) -> Path:
        """The directory of the scan, as `dlscan.scan` lays it out."""
        return self.directory.parent.parent

    @property
    def config(self) -> Path:
        """The point as an experiment file of its own."""
        return self.directory / "config.yaml"

    @property
    def record(self) -> Path:
        """Exists when the point is done."""
        return self.directory / RECORD

    @property
    def history(self) -> Path:
        """A line per epoch."""
        return self.directory / "history.csv"

    @property
    def last(self) -> Path:
        """The checkpoint: a directory."""
        return self.directory / "last"

    @property
    def losses(self) -> Path:
        """The losses of validation events, where `scan.halving.racing` compares these: a directory."""
        return self.directory / "losses"

    @property
    def best(self) -> Path:
        """The trained network, in the weights of its best epoch."""
        return self.directory / "best.keras"

    @property
    def trees(self) -> Path:
        """The boosted trees of the best round, where trees were trained."""
        return self.directory / "best.h5"

    @property
    def predictions(self) -> Path:
        """Scores of the test and validation events, and of a sample of the training events."""
        return self.directory / "predictions.h5"

    @property
    def attempts(self) -> Path:
        """A JSON file per try of a job at this point: a directory."""
        return self.directory / "attempts"

    @property
    def log(self) -> Path:
        """What the jobs of this point printed."""
        return self.directory / "log.txt"

    @property
    def lock(self) -> Path:
        """Locked while an attempt begins, and while its owner writes: see `dlscan.claims`."""
        return self.directory / "lock"


def require_whole(path: Path, digest: str | None, content: bytes | None = None) -> None:
    """Check that a file of a point has the checksum that its record has, if that has one.

    Raises
    ------
    ScanError
        If it has another.
    """
    if digest is None or (content is None and not path.exists()):
        return
    if (checksum(path) if content is None else checksum_of(content)) != digest:
        raise ScanError(
            f"{path}: damaged, its checksum does not match that in record.json; remove record.json and run "
            "the scan again to train this point again"
        )


@dataclasses.dataclass(frozen=True)
class Record:
    """A finished point.

    Attributes
    ----------
    point : int
        Its number in the plan, from 1.
    name : str
        Its parameters as its directory's name has them, such as `width=64-depth=3`.
    scan : str
        Name of the scan.
    varied : tuple of str
        The parameters that the scan varies, in the order of the grid: `("model.width", "model.depth")`.
    params : dict
        Every `model.*` and `train.*` key with its value.
    classes : tuple of str
        Labels, in the order of the score columns.
    metrics : dict of str to (float or None)
        What `dlscan.metrics.measure` and `measure_validation` say of the weights that were kept, their
        `test_loss`, and from the history `initial_loss`, `final_loss`, `initial_val_loss`, `final_val_loss`
        and `best_val_loss`. None where there is no number.
    epochs : int
        Epochs trained.
    best_epoch : int
        The epoch, from 1, whose weights were kept.
    stopped : {"epochs", "early"}
        Why training ended.
    seconds_per_epoch : float
        Median over the epochs, validation included, with all networks of its pack.
    train_seconds : float
        Sum over the epochs, of which each network that trained in them has an equal share: those of a scan
        add up to what its jobs took.
    events_per_second : float
        Training events per second of training, median over the epochs.
    model_parameters : int
        Trainable weights of the network, or leaves of boosted trees.
    seed : int
        The seed of weights and dropout; the order of events is that of the scan.
    started, ended : str
        ISO 8601, UTC; `started` is that of the first attempt.
    attempts : int
        How many jobs it took.
    host, device, backend : str
        Where the last attempt ran.
    versions : dict
        Of dlscan and of the packages that decide a result.
    git_commit : str or None
        Of the directory that holds the experiment file, if it is under git.
    dataset : dict
        `path` and `config_hash` of the prepared dataset, and `domain`, the latter of the other domain.
    errors : dict of str to [down, up]
        The 68.27 % interval of a metric is [value - down, value + up]; absent where there is none.
    reasons : dict of str to str
        Why a metric, or `flops`, is None.
    flops : int or None
        Floating-point operations of one forward pass of one event.
    inference_events_per_second : float or None
        Test events scored per second by the host and device above, without reading them.
    pack : int
        Points that the last job trained together; `events_per_second` is that of their common stream.
    files : dict of str to str
        The checksums of `best.keras` (of trees `best.h5`) and `predictions.h5`, by these names; older records
        have none.
    beside_seconds : float or None
        What that job took beside training, an equal share of its points: imports, building, scoring, writing.
    job_seconds : float or None
        What its epochs took, with all networks of its pack.
    task : object
        What it learned, as in the experiment file.
    sources : dict of str to dict
        The files that hold functions of the point, by the key that names the function, such as
        `model.family`: `path`, `sha256` and `text`, as they were planned.
    pretrained : dict
        The network that it began with: `file`, `checksum`, and `point` of its scan or None; else empty.
    """

    point: int
    name: str
    scan: str
    varied: tuple[str, ...]
    params: dict[str, Any]
    classes: tuple[str, ...]
    metrics: dict[str, float | None]
    epochs: int
    best_epoch: int
    stopped: str
    seconds_per_epoch: float
    train_seconds: float
    events_per_second: float
    model_parameters: int
    seed: int
    started: str
    ended: str
    attempts: int
    host: str
    device: str
    backend: str
    versions: dict[str, str]
    git_commit: str | None
    dataset: dict[str, str]
    # what follows came later: older records lack it
    errors: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    reasons: dict[str, str] = dataclasses.field(default_factory=dict)
    flops: int | None = None
    inference_events_per_second: float | None = None
    pack: int = 1
    beside_seconds: float | None = None
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    job_seconds: float | None = None
    task: Any = "classify"
    sources: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    pretrained: dict[str, Any] = dataclasses.field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the record whole: from then on the point is done."""
        write_json(path, dataclasses.asdict(self))

    def model_file(self, paths: PointPaths) -> Path:
        """Where the trained model is: a network, or boosted trees."""
        return paths.trees if trainer_of(self.params.get("model.family")) == "trees" else paths.best

    def require_whole(self, path: Path, content: bytes | None = None) -> None:
        """Check that `best.keras`, `best.h5` or `predictions.h5`, or its content, is what the training wrote.

        Raises
        ------
        ScanError
            If it is damaged or of another training.
        """
        require_whole(path, self.files.get(path.name), content)

    @classmethod
    def read(cls, path: Path) -> "Record":
        """Read the record at `path`.

        Raises
        ------
        ScanError
            If it is damaged.
        FileNotFoundError
            If the point is not done.
        """
        return cls.parsed(path, read_whole(path)[0])

    @classmethod
    def parsed(cls, path: Path, content: bytes) -> "Record":
        """As `read`, of a file that has been read already."""
        try:
            value = parse_json(path, content)
        except DlscanError as error:
            raise ScanError(f"{error}; run the scan again") from None
        # a metric that is not finite is missing in tables
        wrong = misfit(cls, value, finite=False)
        if not wrong and value.get("pack", 1) < 1:
            wrong = f"pack is {value['pack']}"
        if not wrong:
            ends = (
                f"the error of {name} is {shown(e)}"
                for name, e in value.get("errors", {}).items()
                if len(e) != 2
            )
            wrong = next(ends, "")
        if wrong:
            raise ScanError(f"{path}: damaged record ({wrong}); run the scan again")
        try:
            value |= {"varied": tuple(value["varied"]), "classes": tuple(value["classes"])}
            value["params"] = completed_params(value["params"])
            if value.get("job_seconds") is None:
                # older versions wrote what the job took, once for each network of the pack
                value["job_seconds"] = value["train_seconds"]
                value["train_seconds"] = value["train_seconds"] / (value.get("pack") or 1)
            # a newer version may say more; what it says beyond is not ours to judge
            return cls(**{name: item for name, item in value.items() if name in _FIELDS})
        except KeyError as error:
            raise ScanError(f"{path}: damaged record (it has no {error}); run the scan again") from None
        except TypeError as error:
            raise ScanError(f"{path}: damaged record ({error}); run the scan again") from None


_FIELDS = frozenset(field.name for field in dataclasses.fields(Record))


def is_done(paths: PointPaths, epochs: int | None = None) -> bool:
    """Whether a point has a record that can be read, and does not train on.

    Parameters
    ----------
    paths : PointPaths
        Of the point.
    epochs : int, optional
        How many it is to have at most; by default what its experiment file says.
    """
    try:
        record = Record.read(paths.record)
    except (FileNotFoundError, NotADirectoryError, ScanError):
        return False
    return reaches(record.epochs, record.stopped, _epochs_of(paths.config) if epochs is None else epochs)


def reaches(epochs: int, stopped: str, wanted: int) -> bool:
    """Whether a training has come to its end: a scan can get more epochs after its points are done."""
    return stopped == "early" or epochs >= wanted


def _epochs_of(config: Path) -> int:
    """The epochs in the file of a point, which is not built for that; 0 if it does not say so plainly."""
    try:
        found = _EPOCHS.search(config.read_bytes())
    except OSError:
        return 0
    return int(found[1]) if found else 0
