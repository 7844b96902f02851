"""The record of a point whose training has ended."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dlscan import clock
from dlscan.attempts import first_start
from dlscan.config import Experiment, plain
from dlscan.config.folds import ALL_TRAIN, FOLD
from dlscan.config.places import functions_by_key
from dlscan.config.share import FRACTION
from dlscan.config.source import InFile
from dlscan.metrics import Measured
from dlscan.record import Record
from dlscan.train.evaluate import Evaluation
from dlscan.train.history import speed, summary
from dlscan.train.provenance import versions

if TYPE_CHECKING:
    from dlscan.train.member import Member


# What is one parameter, not several that vary together: a loss with its number, {quantile: 0.9}, and where a
# network begins.
_WHOLE = ("train.loss", "model.pretrained")

# Keys of `train` that say nothing of what a network becomes.
_BESIDE = ("train.keep_checkpoint", "train.devices", "train.parallel")


def record_of(
    member: "Member[Any]", evaluation: Evaluation, files: Mapping[str, str], beside: float
) -> Record:
    """The record of a member whose model has been judged.

    Parameters
    ----------
    member : Member
        Its training has ended.
    evaluation : Evaluation
        What its model is worth.
    files : mapping of str to str
        The checksums of its files by their names.
    beside : float
        Seconds of the job that were not training, this point's share.
    """
    point, experiment, learner, attempt = (
        member.point,
        member.experiment,
        member.learner,
        member.claim.attempt,
    )
    measured, times = evaluation.measured | _of_history(member), speed(learner.history)
    facts = learner.facts()
    return Record(
        point=point.number,
        name=point.name,
        scan=point.scan,
        varied=point.varied,
        params=_params(experiment, point.varied),
        classes=evaluation.classes,
        metrics=measured.values,
        epochs=learner.epoch,
        best_epoch=learner.stopping.best_epoch,
        stopped=learner.finished or "",
        seconds_per_epoch=times["seconds_per_epoch"],
        train_seconds=times["train_seconds"],
        job_seconds=times["job_seconds"],
        task=experiment.task.plain(),
        events_per_second=times["events_per_second"],
        model_parameters=facts.parameters,
        seed=experiment.train.seed,
        started=first_start(member.paths),
        ended=clock.now(),
        attempts=attempt.number,
        host=attempt.host,
        device=facts.device,
        backend=facts.backend,
        versions=versions() | facts.versions,
        git_commit=point.git_commit,
        dataset={"path": str(experiment.data.prepared), "config_hash": learner.dataset}
        | ({"domain": learner.domain} if learner.domain else {}),
        errors=measured.errors,
        reasons=measured.reasons | ({"flops": facts.why_no_flops} if facts.flops is None else {}),
        flops=facts.flops,
        inference_events_per_second=evaluation.events_per_second,
        pack=member.pack,
        files=dict(files),
        beside_seconds=beside,
        sources=_sources(experiment),
        pretrained={} if (origin := member.origin) is None else origin.noted,
    )


def _of_history(member: "Member[Any]") -> Measured:
    """The numbers that the history tells; why there is none of validation where all events train."""
    learner = member.learner
    found = Measured(summary(learner.history, learner.stopping.best_epoch))
    if not member.validates:
        for name in [name for name in found.values if "val_" in name]:
            found.add(name, None, ALL_TRAIN)
    return found


def _sources(experiment: Experiment) -> dict[str, dict[str, str]]:
    """The files with the functions of a point, by the keys that name them."""
    found = functions_by_key(experiment.written)
    return {key: value.source.plain() for key, value in found.items() if isinstance(value, InFile)}


def _params(experiment: Experiment, varied: Sequence[str]) -> dict[str, Any]:
    """Every key that points may differ in; a varied section, as `train.early_stopping`, as a whole too."""
    params = _flat({name: plain(getattr(experiment, name)) for name in ("model", "train", "adversary")})
    if experiment.data.folds is not None:
        params[FOLD] = plain(experiment.data.fold or experiment.data.left_out[0])
    if experiment.data.fraction is not None:
        params[FRACTION] = experiment.data.value("fraction")
    # what is kept of a point or trained it says nothing of what it is, nor do another family's keys
    params = {
        key: value
        for key, value in params.items()
        if key not in _BESIDE and (key.startswith("model.") or experiment.model.reads(key))
    }
    for key in varied:
        if experiment.applies(key):
            params[key] = experiment.value(key)
        else:
            # another family's, or not for this optimizer: the table shows that there is none
            params.pop(key, None)
    return params


def _flat(value: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Dotted keys for what is nested."""
    flat: dict[str, Any] = {}
    for name, item in value.items():
        key = f"{above}{name}"
        flat |= _flat(item, f"{key}.") if isinstance(item, dict) and key not in _WHOLE else {key: item}
    return flat
