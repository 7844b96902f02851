"""`python -m benchmarks.model_parallel`: what each of several devices holds of a network, in model parallel.

Without GPUs, JAX divides the processor into devices. They share its memory, but what each holds is counted
apart.
"""

from __future__ import annotations

import collections
import json
import os
from pathlib import Path
from typing import Any

import click

from benchmarks.report import save

HERE = Path(__file__).parent
COUNTS = (1, 2, 4, 8)
# Numbers of an event, as of a calorimeter: 25 x 25 x 25 and 5 x 5 x 60; classes.
CELLS, CLASSES = 17_125, 4


def measure(count: int, width: int, depth: int, cells: int, events: int) -> dict[str, Any]:
    """Train a dense network for two steps on so many devices.

    Returns
    -------
    dict
        `parameters`; `made`, `trained` and `settled`: bytes of weights and optimizer on the device that has
        most, when they are made, behind steps, and between epochs; `arguments`, `temporary` and `peak`: what
        XLA says that the step takes of each device; `losses`: of the two steps.
    """
    from dlscan.config import Train
    from dlscan.models.model_parallel import place
    from dlscan.models.replicas import replicas
    from dlscan.train.steps import Trained, steps
    from dlscan.train.steps.spread import plain

    train = Train(devices=count, parallel="model") if count > 1 else Train()
    devices = replicas(train)
    with place(devices):
        network, optimizer, objective = _made(train, width, depth, cells)
    point = Trained.single(network, optimizer, objective)
    variables = [*network.model.variables, *optimizer.variables]
    found = {"parameters": network.model.count_params(), "made": _most(one.value for one in variables)}
    made: Any = steps([point], devices=devices)
    fed = _fed(devices, events, cells)
    losses = [float(made.train(({"events": fed}, None))[0][0][0])]
    (values,) = made._states
    found["trained"] = _most(values.values())
    memory = made._train.lower([values], plain({"events": fed}), None).compile().memory_analysis()
    found["arguments"], found["temporary"] = memory.argument_size_in_bytes, memory.temp_size_in_bytes
    found["peak"] = (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes
    )
    losses.append(float(made.train(({"events": fed}, None))[0][0][0]))
    made.settle()
    return {**found, "settled": _most(one.value for one in variables), "losses": losses}


def _made(train: Any, width: int, depth: int, cells: int) -> Any:
    """A dense network, its optimizer and its loss."""
    from dlscan.models import Network, keras
    from dlscan.tasks.classify import Classification
    from dlscan.train.objectives import supervised
    from dlscan.train.optimizers import make_optimizer

    given = tensor = keras.Input((cells,), name="x")
    for number in range(depth):
        kernel = keras.initializers.GlorotUniform(number)
        tensor = keras.layers.Dense(width, "relu", kernel_initializer=kernel)(tensor)
    scores = keras.layers.Dense(CLASSES, kernel_initializer=keras.initializers.GlorotUniform(depth))(tensor)
    ends = {"scores": scores}
    network = Network(keras.Model({"x": given}, scores), {"x": given}, ends, ends)
    optimizer = make_optimizer(train, 1)
    optimizer.build(network.model.trainable_variables)
    task = Classification(tuple("abcd"))
    return network, optimizer, supervised(task, train, {}, network.model.trainable_variables)


def _fed(devices: Any, events: int, cells: int) -> Any:
    """A batch on the devices."""
    import numpy as np

    from dlscan.train.devices import sender
    from dlscan.train.feed import Fed

    rng = np.random.default_rng(0)
    arrays = {
        "x": rng.normal(size=(events, cells)).astype(np.float32),
        "labels": rng.integers(CLASSES, size=events).astype(np.int32),
        "weights": np.ones(events, np.float32),
    }
    sent = sender(devices)(arrays)()
    return Fed({"x": sent["x"]}, {"scores": sent["labels"]}, sent["weights"], events)


def _most(values: Any) -> int:
    """Bytes on the device that has most of these."""
    held: collections.Counter[str] = collections.Counter()
    for value in values:
        for shard in value.addressable_shards:
            held[str(shard.device)] += shard.data.nbytes
    return max(held.values())


def page(rows: dict[int, dict[str, Any]], width: int, depth: int, cells: int, events: int) -> str:
    """The result as Markdown."""
    first = rows[min(rows)]
    lines = [
        "# Memory of each device in model parallel",
        "",
        f"A dense network of {depth} layers of {width:,} on {cells:,} numbers, {first['parameters']:,}",
        f"weights, with Adam; batches of {events:,} events. MB of the device that has most; the columns from",
        "arguments on are what XLA plans for a step.",
        "",
        "| devices | weights, optimizer | share | between epochs | arguments | temporary | in all | share |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for count, row in rows.items():
        cells_of = [
            str(count),
            _mb(row["trained"]),
            f"{row['trained'] / first['trained']:.3f}",
            _mb(row["settled"]),
            *(_mb(row[key]) for key in ("arguments", "temporary", "peak")),
            f"{row['peak'] / first['peak']:.3f}",
        ]
        lines.append(f"| {' | '.join(cells_of)} |")
    return "\n".join(lines) + "\n"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f}"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--width", default=1024, show_default=True)
@click.option("--depth", default=4, show_default=True)
@click.option("--cells", default=CELLS, show_default=True, help="Numbers of an event.")
@click.option("--events", default=256, show_default=True, help="Of a batch.")
@click.option("--devices", "counts", multiple=True, type=int, default=COUNTS, help="How many; several times.")
@click.option("--json", "as_json", is_flag=True, help="Print numbers for a program, and write no page.")
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
def main(
    width: int, depth: int, cells: int, events: int, counts: tuple[int, ...], as_json: bool, out: Path
) -> None:
    """Measure what each device holds, and write `model_parallel.md`."""
    os.environ["KERAS_BACKEND"] = "jax"
    simulated = f"--xla_force_host_platform_device_count={max(counts)}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {simulated}"
    rows = {count: measure(count, width, depth, cells, events) for count in counts}
    if as_json:
        click.echo(json.dumps(rows))
        return
    text = page(rows, width, depth, cells, events)
    save(out, "model_parallel", text)
    click.echo(text)


if __name__ == "__main__":
    main()
