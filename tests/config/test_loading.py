"""The experiment file: what is read, and what is said of a wrong one."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

import pytest
import yaml

from dlscan.config import ColumnSplit, Experiment, FractionSplit, Normalization, experiment_from, load, plain
from dlscan.config.loading import DURATIONS
from dlscan.config.models import FAMILIES
from dlscan.errors import ConfigError

DESIGN = """
name: lcd-dense
output: scans
data:
  raw: /data/LCD/V2
  classes: {Ele: EleEscan, Gamma: GammaEscan, Pi0: Pi0Escan, ChPi: ChPiEscan}
  inputs: [ECAL, HCAL]
  extras: [target]
  split: {train: 0.8, validation: 0.1, test: 0.1, seed: 1}
  normalize: {ECAL: {tanh-log: 100}, HCAL: tanh-log}
  balance: weights
  prepared: prepared/lcd
model:  {family: dense, width: 128, depth: 2, activation: relu, dropout: 0.0, batch_norm: false}
train:
  epochs: 100
  batch_size: 1024
  optimizer: Adam
  learning_rate: 1e-3
  early_stopping: {monitor: val_loss, patience: 10, min_delta: 0.0}
  time_limit: 2h
  seed: 1
scan:
  grid: {model.width: [32, 64, 128, 256, 512], model.depth: [1, 2, 3, 4]}
  repeats: 1
batch: {system: local, models_per_job: 1, gpus: 1, cpus: 8, memory: 32G, time: 4h, max_running: 20,
        options: {partition: gpu}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lcd.yaml"
    path.write_text(DESIGN, encoding="utf-8")
    return path


def test_load_reads_every_key_of_the_design(file: Path) -> None:
    experiment = load(file)
    assert experiment.name == "lcd-dense"
    assert experiment.directory == file.parent / "scans" / "lcd-dense"
    assert experiment.data.raw == Path("/data/LCD/V2")
    assert experiment.data.prepared == file.parent / "prepared/lcd"
    assert list(experiment.data.classes or {}) == ["Ele", "Gamma", "Pi0", "ChPi"]
    assert experiment.data.split == FractionSplit(0.8, 0.1, 0.1, 1)
    assert experiment.data.normalize == {
        "ECAL": Normalization("tanh-log", 100.0),
        "HCAL": Normalization("tanh-log"),
    }
    assert experiment.model.parameters.width == 128
    assert experiment.train.learning_rate == 1e-3
    assert experiment.train.optimizer == "adam"
    assert experiment.train.time_limit == 7200
    assert experiment.scan.grid["model.depth"] == (1, 2, 3, 4)
    assert experiment.batch.memory == 32 * 2**30


def test_parent_directories_are_gone_from_paths(file: Path) -> None:
    experiment = load(file, ["data.raw=../raw", "output=/a/../b"])
    assert experiment.data.raw == file.parent.resolve().parent / "raw"
    assert experiment.output == Path("/b")


def test_scans_of_one_file_share_the_dataset_that_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "lcd.yaml"
    path.write_text("name: lcd\ndata: {raw: r, inputs: [x]}\n")
    quick = load(path, ["name=quick"])
    assert quick.data.prepared == load(path).data.prepared == tmp_path.resolve() / "prepared/lcd"
    assert quick.directory.name == "quick"
    # unless the scan has its own, as it was with versions before
    (tmp_path / "prepared/quick").mkdir(parents=True)
    (tmp_path / "prepared/quick/manifest.json").touch()
    assert load(path, ["name=quick"]).data.prepared == tmp_path.resolve() / "prepared/quick"
    assert load(path, ["name=quick", "data.prepared=x"]).data.prepared == tmp_path.resolve() / "x"
    path.write_text("data: {raw: r, inputs: [x]}\n")
    assert load(path, ["name=fast"]).data.prepared == tmp_path.resolve() / "prepared/fast"


def test_all_errors_of_a_file_are_reported_at_once_a_line_each(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(
        "nmae: a\n"
        "data: {inputs: [x, 3], balance: weight, normalize: {x: standrd}}\n"
        "model: {widht: 3, depth: -1}\n"
        "train: {epochs: ten, learning_rate: 0, early_stopping: {patience: 0}}\n"
        "scan: {repeats: 0}\n"
        "batch: {memory: lots, time: 90}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(path, ["train.seed=x", "stream.workers=[", "oops"])
    first, *lines = str(caught.value).split("\n")
    assert first == f"{path}: {len(lines)} errors"
    assert {line.strip().split(": ")[0] for line in lines} == {
        "nmae",
        "name",
        "data.raw",
        "data.inputs[1]",
        "data.balance",
        "data.normalize.x",
        "model.widht",
        "model.depth",
        "train.epochs",
        "train.learning_rate",
        "train.early_stopping.patience",
        "train.seed",
        "scan.repeats",
        "batch.memory",
        "batch.time",
        "stream.workers",
        "oops",
    }
    assert len(lines) == 17


@pytest.mark.parametrize("address", ["tcp://head:8786", "head:8786"])
def test_the_file_of_a_scheduler_is_beside_the_experiment_and_an_address_is_left_alone(
    file: Path, address: str
) -> None:
    batch = load(file, ["batch.scheduler=dask/scheduler.json"]).batch
    assert batch.scheduler == str(file.parent.resolve() / "dask/scheduler.json")
    assert load(file, [f"batch.scheduler='{address}'"]).batch.scheduler == address


def test_the_same_file_is_the_same_experiment_from_wherever_it_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file.parent / "sub").mkdir()
    (file.parent / "link").symlink_to(file.parent)
    monkeypatch.chdir(file.parent / "sub")
    for name in ("../lcd.yaml", "../link/lcd.yaml", str(file)):
        assert load(Path(name)) == load(file)


def test_a_mapping_can_be_taken_over_from_another(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: a\ndata: &base {raw: r, inputs: [x]}\nmodel: &m {width: 3}\nmodel2: 1\n")
    with pytest.raises(ConfigError, match="model2"):
        load(path)
    path.write_text("name: a\ndata: {raw: r, inputs: [x]}\ntrain: {<<: &t {epochs: 3}, seed: 4}\n")
    assert (load(path).train.epochs, load(path).train.seed) == (3, 4)


def test_plain_builds_the_same_experiment_again(file: Path) -> None:
    experiment = load(file)
    again = yaml.safe_load(yaml.safe_dump(experiment.plain()))
    assert experiment_from(again, file) == experiment


def test_overrides_win_over_the_file(file: Path) -> None:
    experiment = load(
        file, ["train.epochs=5", "scan.grid.model.width=[32, 64]", "data.split.seed=7", "name=quick = ü"]
    )
    assert experiment.train.epochs == 5
    assert experiment.scan.grid == {"model.width": (32, 64), "model.depth": (1, 2, 3, 4)}
    assert experiment.data.split.seed == 7
    assert experiment.name == "quick = ü"


def test_an_override_makes_sections_that_the_file_lacks(make_experiment: Callable[..., Experiment]) -> None:
    assert make_experiment("batch.cpus=3").batch.cpus == 3


@pytest.mark.parametrize(
    ("override", "key", "message"),
    [
        ("train.epoch=5", "train.epoch", "did you mean 'epochs'"),
        ("trian.epochs=5", "trian", "did you mean 'train'"),
        ("model.widht=5", "model.widht", "did you mean 'width'"),
        ("train.epochs=ten", "train.epochs", "a whole number"),
        ("train.epochs=1.5", "train.epochs", "a whole number"),
        ("train.epochs=true", "train.epochs", "a whole number"),
        ("train.epochs=0", "train.epochs", "at least 1"),
        ("train.learning_rate=0", "train.learning_rate", "greater than 0"),
        ("train.learning_rate=.inf", "train.learning_rate", "finite"),
        ("train.optimizer=rmsporp", "train.optimizer", "did you mean 'rmsprop'"),
        ("train.loss=focall", "train.loss", "did you mean 'focal'"),
        ("train.loss=huber", "train.loss", "huber is no loss of the task classify, which has cross_entropy"),
        ("train.loss={quantile: 0.9}", "train.loss", "quantile is no loss of the task classify"),
        ("train.loss={quantile: 1}", "train.loss.quantile", "less than 1"),
        ("train.loss=quantile", "train.loss", "needs its number: {quantile: 0.9}"),
        ("train.loss=3", "train.loss", "must be one of auto, cross_entropy, focal"),
        ("train.gamma=1", "train.gamma", "only focal has gamma, but train.loss is auto"),
        ("train.label_smoothing=1", "train.label_smoothing", "less than 1"),
        ("train.l2=-1", "train.l2", "at least 0"),
        (
            "train.early_stopping.monitor=val_mae",
            "train.early_stopping.monitor",
            "val_loss, val_accuracy, loss",
        ),
        ("scan.grid.train.loss=[mse, huber]", "train.loss", "huber is no loss of the task classify"),
        ("train.schedule=plateu", "train.schedule", "did you mean 'plateau'"),
        ("train.schedule_factor=0.1", "train.schedule_factor", "only step and plateau have schedule_factor"),
        (
            "train.schedule_rate=0.2",
            "train.schedule_rate",
            "only decay has schedule_rate, but train.schedule",
        ),
        ("train.warm_up=100", "train.warm_up", "less than train.epochs, which is 100"),
        ("train.early_stopping.window=0", "train.early_stopping.window", "at least 1"),
        ("train.time_limit=soon", "train.time_limit", "2h"),
        ("train.precision=float16", "train.precision", "one of float32, mixed_float16"),
        ("train.gpu_memory=0", "train.gpu_memory", "greater than 0"),
        ("train.gpu_memory=1", "train.gpu_memory", "less than 1"),
        ("train.gpu_memory=half", "train.gpu_memory", "growth, all or a number"),
        ("train.jit=1", "train.jit", "true or false"),
        ("train.devices=0", "train.devices", "at least 1"),
        ("train.devices=every", "train.devices", "all or"),
        ("train.devices=3", "train.devices", "must share train.batch_size evenly, which is 1024, got 3"),
        ("train.parallel=layers", "train.parallel", "one of data, model"),
        (
            "train.parallel=model",
            "train.parallel",
            "over train.devices, which is 1; set it to 2",
        ),
        ("model.dropout=1", "model.dropout", "less than 1"),
        ("model.batch_norm=1", "model.batch_norm", "true or false"),
        ("model.family=densse", "model.family", "one of dense"),
        ("model=3", "model", "mapping"),
        ("data.split.train=0.9", "data.split", "add up to 1"),
        ("data.split={column: split, train: 1, test: 1}", "data.split", "different"),
        ("data.inputs=[]", "data.inputs", "at least one"),
        ("data.inputs=ECAL", "data.inputs", "a list"),
        ("data.inputs=[ECAL, ECAL]", "data.inputs", "twice"),
        ("data.extras=[HCAL]", "data.inputs", "twice"),
        ("data.normalize.FCAL=none", "data.normalize.FCAL", "did you mean"),
        ("data.normalize.ECAL=standrd", "data.normalize.ECAL", "did you mean 'standard'"),
        ("data.normalize.ECAL=[log, 1000]", "data.normalize.ECAL", "a factor is written {log: 1000}"),
        ("data.normalize.ECAL={scale: -1}", "data.normalize.ECAL.scale", "greater than 0"),
        ("data.classes={Ele: EleEscan}", "data.classes", "two classes"),
        ("data.classes={mean: a, Ele: b}", "data.classes", "label other than mean"),
        ("data.classes={ele: a, Ele: b}", "data.classes", "differ only in upper and lower case"),
        ("data.classes={S: a, B: b, S_vs_B: c}", "data.classes", "label other than S_vs_B"),
        ("data.classes={A_vs: a, B: b}", "data.classes", "label other than A_vs"),
        ("data.classes={S: a, VAL_S: b}", "data.classes", "label other than VAL_S"),
        ("data.classes={val: a, S: b}", "data.classes", "label other than val"),
        ("data.classes={Mean: a, S: b}", "data.classes", "label other than Mean"),
        ("data.classes={' ': a, S: b}", "data.classes", "label is invisible"),
        ("data.classes={'caf\u00e9': a, 'cafe\u0301': b}", "data.classes", "look the same"),
        ("data.classes={'a b': a, 'a  b': b}", "data.classes", "look the same"),
        ("data.classes={yes: a, no: b}", "data.classes", "in quotes"),
        ("data.inputs=[jets/pt, jets_pt]", "data.inputs", "are both jets_pt for the network"),
        ("data.inputs=[ECAL, /HCAL]", "data.inputs", "plain HDF5 name"),
        ("model.family=[dense]", "model.family", "one of dense"),
        ("train.learning_rate=1" + 400 * "0", "train.learning_rate", "finite"),
        ("scan.grid.train.optimizer=[Adam, adam]", "scan.grid.train.optimizer", "'adam' twice"),
        ("scan={repeats: 2, grid: {train.seed: [1, 2]}}", "scan.repeats", "choose one"),
        ("data.follow_links=1", "data.follow_links", "true or false"),
        ("data.folds=1", "data.folds.count", "at least 2"),
        ("data.folds=2.5", "data.folds", "must be the number of folds, from 2 to 100"),
        ("data.folds=true", "data.folds", "must be the number of folds, from 2 to 100"),
        (
            "data={folds: 3, fold: [1, 2], normalize: quantile, raw: a, inputs: [x]}",
            "data.normalize",
            "known with one fold left out, not with 2",
        ),
        ("data.folds=leave-one-out", "data.folds", "write a number of folds up to 100, such as 20"),
        ("data.folds={count: 3, group: run, order: time}", "data.folds", "choose one"),
        ("data.folds={group: run}", "data.folds.count", "required"),
        ("data.fold=1", "data.fold", "set data.folds too"),
        ("data={folds: 3, fold: 4, raw: a, inputs: [x]}", "data.fold", "from 1 to 3, got 4"),
        ("data={folds: 3, fold: [1, 2, 3], raw: a, inputs: [x]}", "data.fold", "fewer than 3"),
        ("data={folds: 3, fold: [2, 2], raw: a, inputs: [x]}", "data.fold", "different folds"),
        ("data.split={group: 1}", "data.split.group", "text"),
        ("data.balance=weight", "data.balance", "did you mean 'weights'"),
        (
            "data.weights=tagret",
            "data.weights",
            "must be one of data.extras, got 'tagret'; did you mean 'target'?",
        ),
        ("data.weights='target[0]'", "data.weights", "must be a dataset, with the place of one number"),
        ("data.labels={Ele: e$^-}", "data.labels.Ele", "every formula between two $ signs, got 'e$^-'"),
        ("data.labels={Ele: ' '}", "data.labels.Ele", "must be text, with"),
        ("data.labels=[Ele]", "data.labels", "must be a mapping"),
        ("scan.grid.model.width=[32, -3]", "scan.grid.model.width", "at least 1, got -3"),
        ("scan.grid.model.width=[32, 32]", "scan.grid.model.width", "twice"),
        ("scan.grid.model.width=[]", "scan.grid.model.width", "at least one"),
        ("scan.grid.model.widht=[3]", "scan.grid.model.widht", "did you mean 'width'"),
        ("scan.grid.data.raw=[a]", "scan.grid.data.raw", "model and train"),
        ("batch.system=slrum", "batch.system", "one of local"),
        ("batch.memory=lots", "batch.memory", "32G"),
        ("stream.workers=-1", "stream.workers", "at least 0"),
        ("stream.memory=some", "stream.memory", "32G"),
        ("stream.cache=disk", "stream.cache", "one of none, ram"),
        ("stream.transport=spare", "stream.transport", "did you mean 'sparse'"),
        ("name=a/b", "name", "directory"),
        ("epochs", "epochs", "key=value"),
    ],
)
def test_a_wrong_value_is_one_line_with_file_key_and_remedy(
    file: Path, override: str, key: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(file, [override])
    text = str(caught.value)
    assert text.startswith(f"{file}: {key}: ")
    assert message in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "not valid YAML"),
        ("name: a\nname: b", "line 2: key 'name' is listed twice"),
        ("- a", "must be a mapping"),
        ("", "must be a mapping"),
        ("name: a", "data: missing"),
        ("data: {raw: a, inputs: [x]}", "name: missing"),
        ("name: a\ndata: {raw: a}", "data.inputs: missing"),
        ("{[a]: 1}", "cannot be a key"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_experiment_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_of_thousands_is_not_quoted_in_full(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(file, [f"train.epochs={list(range(10_000))}"])
    assert "train.epochs: must be a whole number, got [0, 1, 2" in str(caught.value)
    assert len(str(caught.value)) < 1200


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such experiment file"):
        load(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("90 seconds", 90),
        ("45m", 2700),
        ("90 min", 5400),
        ("2h", 7200),
        ("1.5 hours", 5400),
        ("1d12h", 129600),
        ("2 days 30 minutes", 174600),
        ("4:00:00", 14400),
        ("90:30", 5430),
        ("1-0", 86400),
        ("1-00:00:00", 86400),
        ("2-12:30", 217800),
    ],
)
def test_durations_are_read_as_people_and_slurm_write_them(file: Path, text: str, seconds: float) -> None:
    experiment = load(file, [f"train.time_limit={text}", f"batch.time={text}"])
    assert experiment.train.time_limit == experiment.batch.time == seconds
    # what is written down of it is read again
    assert experiment_from(experiment.plain(), file).train.time_limit == seconds


@pytest.mark.parametrize("text", ["90", "1.5", "'90'"])
@pytest.mark.parametrize("key", ["train.time_limit", "batch.time"])
def test_a_bare_number_is_no_duration_and_both_readings_are_shown(file: Path, key: str, text: str) -> None:
    number = text.strip("'")
    with pytest.raises(ConfigError) as caught:
        load(file, [f"{key}={text}"])
    assert str(caught.value).startswith(
        f"{file}: {key}: {number} could mean seconds or, as in Slurm, minutes"
    )
    assert f"write {number}s or {number}min" in str(caught.value)


@pytest.mark.parametrize("key", ["batch.memory", "stream.memory"])
def test_a_size_without_its_unit_is_not_taken_for_bytes(file: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"{key}: 32 without a unit is bytes.*; write 32G or 32M"):
        load(file, [f"{key}=32"])
    experiment = load(file, ["batch.memory=2000000000"])
    assert experiment.batch.memory == 2_000_000_000
    # one that was written down is read
    plain = experiment.plain()
    plain["batch"]["memory"] = 32
    assert experiment_from(plain, file).batch.memory == 32


def test_a_bare_number_is_no_duration_in_a_grid_either(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"scan\.grid\.train\.time_limit: 90 could mean"):
        load(file, ["scan.grid.train.time_limit=[2h, 90]"])
    # what is the batch system's own is its own
    assert load(file, ["batch.options.time=90"]).batch.options["time"] == 90


def test_every_duration_of_the_file_is_known() -> None:
    sections = {field.name: field.type for field in dataclasses.fields(Experiment)}
    found = {
        f"{name}.{key}"
        for name, section in sections.items()
        if dataclasses.is_dataclass(section)
        for key, rule in get_type_hints(section).items()
        if "Duration" in str(rule)
    }
    assert found == set(DURATIONS)


@pytest.mark.parametrize(
    ("text", "validation"), [("0.1", 0.1), ("2", 2)], ids=["share of train", "value of the column"]
)
def test_a_split_by_column(file: Path, text: str, validation: float) -> None:
    experiment = load(file, [f"data.split={{column: split, train: 0, test: 1, validation: {text}}}"])
    assert experiment.data.split == ColumnSplit("split", 0, 1, validation)


def test_one_kind_of_normalisation_serves_all_inputs(file: Path) -> None:
    data = load(file, ["data.normalize=log"]).data
    assert {name: data.normalization(name).kind for name in data.inputs} == {"ECAL": "log", "HCAL": "log"}
    assert load(file, ["data.normalize=null", "data.extras=null"]).data.extras == ()


def test_a_column_is_monitored_however_its_letters_are_written(file: Path) -> None:
    for text, column in (("VAL_MEAN_AUC", "val_Mean_AUC"), ("Val_Loss", "val_loss")):
        stopping = load(file, [f"train.early_stopping.monitor={text}"]).train.early_stopping
        assert stopping is not None
        assert stopping.monitor == column


def test_early_stopping_can_be_switched_off(file: Path) -> None:
    assert load(file, ["train.early_stopping=null"]).train.early_stopping is None


def test_numbers_in_a_grid_are_numbers(file: Path) -> None:
    grid = load(file, ["scan.grid.train.learning_rate=[1e-3, 1E-4]"]).scan.grid
    assert grid["train.learning_rate"] == (1e-3, 1e-4)


def test_every_model_family_has_working_defaults(file: Path) -> None:
    for family in FAMILIES:
        task = getattr(FAMILIES[family], "tasks", ("classify",))[0]
        made = load(file, [f"model={{family: {family}}}", f"task={task}", "scan={}"])
        assert made.model.family == family


CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_file_in_configs_loads(path: Path) -> None:
    load(path)


def test_there_are_configs() -> None:
    assert {path.stem for path in CONFIGS} >= {"demo", "energy", "lcd-dense", "magic", "mnist"}


def test_the_regression_is_of_the_demo_s_dataset_and_the_page_shows_it(tmp_path: Path) -> None:
    demo, energy = (load(CONFIGS[0].parent / f"{name}.yaml") for name in ("demo", "energy"))
    assert dataclasses.replace(energy.data, labels={}) == demo.data
    page = (CONFIGS[0].parents[1] / "docs" / "regression.md").read_text(encoding="utf-8")
    (tmp_path / "energy.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    shown = load(tmp_path / "energy.yaml")
    parts = ("task", "model", "train", "scan")
    assert [getattr(shown, part) for part in parts] == [getattr(energy, part) for part in parts]


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("train.gpu_memory=all", "gpu_memory", "all"),
        ("train.gpu_memory=0.25", "gpu_memory", 0.25),
        ("train.devices=all", "devices", "all"),
        ("train.jit=true", "jit", True),
        ("train.jit=auto", "jit", "auto"),
        ("train.precision=mixed_bfloat16", "precision", "mixed_bfloat16"),
    ],
)
def test_how_a_gpu_is_used_can_be_said(file: Path, override: str, key: str, value: object) -> None:
    experiment = load(file, [override])
    assert getattr(experiment.train, key) == value
    assert plain(experiment.train)[key] == value


@pytest.mark.parametrize(
    ("overrides", "gpus"),
    [
        (["train.devices=4"], 4),
        (["scan.grid={train.devices: [1, 2]}"], 2),
        (["train.devices=4", "batch.gpus=8"], 8),
        (["train.devices=4", "batch.gpus=0"], 0),
        (["train.devices=all"], 1),
    ],
)
def test_jobs_get_a_gpu_for_each_device(file: Path, overrides: list[str], gpus: int) -> None:
    file.write_text(file.read_text().replace("gpus: 1, ", ""))
    assert load(file, overrides).batch.gpus == gpus


def test_fewer_gpus_than_devices_are_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"batch\.gpus: must be at least train\.devices, which is 4"):
        load(file, ["train.devices=4", "batch.gpus=2"])


def test_a_network_is_divided_over_devices_whatever_the_batch_size(file: Path) -> None:
    assert load(file, ["train.devices=3", "train.parallel=model", "batch.gpus=3"]).train.parallel == "model"


def test_trees_are_not_divided_over_devices(file: Path) -> None:
    asked = ["train.devices=2", "train.parallel=model", "batch.gpus=2"]
    with pytest.raises(ConfigError, match=r"train\.parallel: model divides networks over devices, not bdt"):
        load(file, [*asked, "model={family: bdt}", "scan={}"])
    # beside networks they are trained as ever
    both = load(file, [*asked, "scan={grid: {model.family: [dense, bdt]}}"])
    assert [point.train.parallel for point in both.combinations.examples] == ["model", "data"]


def test_labels_cuts_and_resampling_are_read_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "jets.yaml"
    path.write_text(
        "name: jets\n"
        "data:\n"
        "  raw: r\n"
        "  inputs: [x]\n"
        "  files: '**/*.h5'\n"
        "  labels: {column: jets.flavour, classes: {b: 5, light: [0, 1.5]}, other: rest, titles: {b: $b$}}\n"
        "  where: [jets.pt > 20, any(tracks.pt > 5)]\n"
        "  weights: jets.w\n"
        "  resample: {to: b, in: [jets.pt, 'm[:,0]'], bins: {jets.pt: [1, 2, 4], 'm[:, 0]': 3}, by: counts}\n"
    )
    first = load(path)
    again = experiment_from(first.plain(), path)
    assert again.data == first.data
    assert again.plain() == first.plain()
    assert again.data.label_column is not None
    assert again.data.label_column.names == ("b", "light", "rest")
    assert again.data.resample is not None
    assert again.data.resample.bins == ((1.0, 2.0, 4.0), 3)
    assert [each.text for each in again.data.where.expressions] == ["jets.pt > 20", "any(tracks.pt > 5)"]
