"""Whether an experiment fits a dataset: its columns, classes, weights, and what networks and losses need."""

from dlscan.config import Experiment
from dlscan.config.build import Problem
from dlscan.config.labels import require_distinct
from dlscan.dataset.manifest import Manifest, changed_keys, content
from dlscan.dataset.notes import noted
from dlscan.dataset.scaled import has_range, why_out_of_range
from dlscan.dataset.taken import taken
from dlscan.errors import DataError
from dlscan.spelling import plural, some


def require(manifest: Manifest, experiment: Experiment) -> None:
    """Check that this dataset is the one that `experiment` asks for.

    Raises
    ------
    DataError
        With the keys of `data` that have changed since it was prepared, or if columns could not be told
        apart with its classes.
    """
    require_distinct(manifest.classes)
    wanted = content(experiment.data)
    changed = changed_keys(manifest.config, wanted)
    if manifest.raw not in (None, str(experiment.data.raw.resolve())):
        changed.insert(0, "data.raw")
    if changed:
        raise DataError(
            f"{experiment.data.prepared}: prepared with other values of {', '.join(changed)} than "
            f"{experiment.file} has now; run `{_prepare(manifest, experiment)}`{_replaced(experiment)}"
        )

    require_measured(manifest, experiment)


def require_measured(manifest: Manifest, experiment: Experiment) -> None:
    """Check that what was measured is enough for the weights and the normalisation of `experiment`.

    Raises
    ------
    ConfigError, DataError
        If not; the message says what.
    """
    _require_weights(manifest, experiment)
    require_task(manifest, experiment)
    _require_range(manifest, experiment)
    for name in manifest.inputs:
        for wanted in experiment.normalizations(name):
            reason = manifest.why_no_quantiles(name, wanted)
            if reason:
                raise experiment.problem("data.normalize", reason)
    _require_augment(manifest, experiment)


def require_transport(manifest: Manifest, experiment: Experiment) -> None:
    """Check that inputs can travel as `stream.transport` says.

    Raises
    ------
    ConfigError
        If it asks for entries and there can be none.
    """
    reason = manifest.why_dense(experiment.stream)
    if reason is None and (name := manifest.filled_by(experiment)):
        reason = f"data.augment leaves few zeros in {name}"
    if reason and experiment.stream.transport == "sparse":
        raise experiment.problem("stream.transport", f"sparse, but {reason}; choose auto or dense")


def require_families(manifest: Manifest, experiment: Experiment) -> None:
    """Check that the networks of all points can take the inputs.

    Raises
    ------
    ConfigError
        If those of one cannot.
    """
    for model in dict.fromkeys(point.model for point in experiment.combinations.all):
        inputs = taken(model, manifest.inputs, experiment.data.inputs)
        masked = [name for name, shaped in inputs.items() if shaped.masked]
        if reason := model.why_not_inputs({name: own.shape for name, own in inputs.items()}, masked):
            raise experiment.problem("model", reason)
        ragged = [name for name in inputs if name in manifest.inputs and manifest.inputs[name].masked]
        if model.trainer == "trees" and ragged:
            raise experiment.problem(
                "model",
                f"{model.family} needs as many values for every event, and {ragged[0]} has a varying "
                "number of entries; leave it out with model.inputs",
            )


def require_task(manifest: Manifest, experiment: Experiment) -> None:
    """Check that numbers which the task names are one of an event, and that its classes are there.

    Raises
    ------
    ConfigError
        If one is not.
    """
    if experiment.task.classifies and len(manifest.classes) < 2:
        raise experiment.problem(
            "task", f"there is one class, {manifest.classes[0]}, and nothing to tell apart"
        )
    for key, target in experiment.numbers:
        reason = target.why_not(manifest.extras[target.extra].shape)
        if reason:
            raise experiment.problem(key, reason)
    try:
        experiment.require_classes(manifest.classes)
    except Problem as problem:
        raise experiment.problem(problem.key, str(problem)) from None
    empty = [
        name
        for name, events in zip(manifest.classes, manifest.splits["train"].counts, strict=True)
        if name in experiment.task.train_on and not events
    ]
    if empty:
        raise experiment.problem("task.train_on", f"the training split has no event of {empty[0]}")


def _require_weights(manifest: Manifest, experiment: Experiment) -> None:
    """Check that the extra `data.weights` can weigh events, and balance them as `data.balance` says.

    Raises
    ------
    ConfigError
        If it holds several numbers per event, or classes that cannot be balanced.
    DataError
        If a number is not finite, or was not measured.
    """
    name, balance = experiment.data.weights, experiment.data.balance
    if name is None:
        return
    if manifest.extras[name].size != 1:
        shape = "x".join(map(str, manifest.extras[name].shape))
        raise experiment.problem(
            "data.weights", f"must hold one number per event, but {name} has the shape {shape}"
        )
    problem = manifest.why_no_weights(name, balance)
    if problem:
        raise DataError(f"{experiment.data.prepared}: {problem}; run `{_prepare(manifest, experiment)}`")
    try:
        manifest.class_weights(balance, name)
    except DataError as error:
        raise experiment.problem("data.balance", str(error).removeprefix("balance: ")) from None


def _require_augment(manifest: Manifest, experiment: Experiment) -> None:
    """Check that what is done to training events can be done to events of these shapes.

    Raises
    ------
    ConfigError
        If not; it names the step.
    """
    for augment in experiment.augmentations:
        for name, steps in augment.items():
            column = manifest.inputs[name]
            for number, step in enumerate(steps):
                reason = step.why_not(column.shape, column.masked, manifest.fields_of(name))
                if reason:
                    raise experiment.problem(f"data.augment.{name}[{number}]", reason)


def _require_range(manifest: Manifest, experiment: Experiment) -> None:
    """Check that what networks have to give back is what the loss of each can be of."""
    if not any(task.kind in ("reconstruct", "generate") for task in experiment.task.all):
        return
    for point in experiment.combinations.examples:
        for name, stored in manifest.inputs.items():
            if not point.model.takes(name) or stored.masked:
                continue
            how = point.data.normalization(name)
            if reason := why_out_of_range(point.train.loss.name, how, manifest.statistics[name]):
                raise experiment.problem("train.loss", f"{point.train.loss} {reason.format(name)}")
            steps = point.data.augment.get(name, ()) if has_range(point.train.loss.name) else ()
            if further := next((step.kind for step in steps if step.may_exceed), None):
                what = "a function of your own" if further == "own" else further
                raise experiment.problem(
                    f"data.augment.{name}",
                    f"{what} may bring cells out of the range that the loss {point.train.loss} needs; "
                    "leave it out, or set train.loss to mse",
                )


def _replaced(experiment: Experiment) -> str:
    """Whose dataset another one would replace, and how to keep it; empty where no scan uses it."""
    users = [f"{scan} ({directory})" for scan, directory in noted(experiment.data.prepared)]
    if not users:
        return ""
    return (
        f", which replaces the dataset of {plural(len(users), 'scan')} {some(users)}; to keep that, first "
        "set another data.prepared"
    )


def _prepare(manifest: Manifest, experiment: Experiment) -> str:
    """The command that makes this dataset, or this index, anew."""
    return experiment.command("prepare", *([] if manifest.raw is None else ["--index-only"]))
