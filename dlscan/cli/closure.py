"""`dlscan closure`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.cli.experiment import experiment_arguments
from dlscan.cli.output import examples, say, tell
from dlscan.cli.progress_bar import ProgressBar
from dlscan.cli.signals import terminable

if TYPE_CHECKING:
    from dlscan.closure.run import Closure


@click.command(
    epilog=examples(
        "dlscan closure lcd.yaml --replicas 100",
        "dlscan closure lcd.yaml --law gaussians --set distance=1",
        "dlscan closure lcd.yaml --law laws.py:mine --events 10000",
        "dlscan closure lcd.yaml --permute",
    )
)
@experiment_arguments
@click.option(
    "--law", default="gaussians", show_default=True, help="gaussians, resolution or FILE.py:FUNCTION."
)
@click.option(
    "--set",
    "parameters",
    metavar="NAME=NUMBER",
    multiple=True,
    help="Set a parameter of the law; may be repeated.",
)
@click.option("--replicas", type=click.IntRange(1), default=20, show_default=True, help="Number of replicas.")
@click.option(
    "--events", type=click.IntRange(40), default=4000, show_default=True, help="Events of each replica."
)
@click.option(
    "--true-events",
    type=click.IntRange(1000),
    default=100_000,
    show_default=True,
    help="Events that measure the true performance of a network.",
)
@click.option(
    "--level",
    type=click.Choice(["0", "1", "2"]),
    default="2",
    show_default=True,
    help="What each replica draws afresh: 0 the seed of training, 1 the test events too, 2 all events.",
)
@click.option("--permute", is_flag=True, help="Shuffle the labels, so that there is nothing to learn.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the events.")
@click.option(
    "--processes", type=click.IntRange(1), help="Number of replicas at the same time.  [default: all CPUs]"
)
def closure(
    file: Path,
    overrides: tuple[str, ...],
    law: str,
    parameters: tuple[str, ...],
    replicas: int,
    events: int,
    true_events: int,
    level: str,
    permute: bool,
    seed: int,
    processes: int | None,
) -> None:
    """Test the whole chain on events whose best answer is known.

    Each replica draws events from a law, writes raw files, prepares them, trains every point of the scan of
    EXPERIMENT, chooses the best by validation and measures it on the test split. The true performance of the
    chosen network is measured on many more events. Run the same command again to continue.
    """
    from dlscan.closure import close, find_law
    from dlscan.closure.settings import Settings
    from dlscan.config import FractionSplit, load

    experiment = load(file, overrides)
    split = experiment.data.split
    tested = split.test if isinstance(split, FractionSplit) else Settings.tested
    settings = Settings(
        find_law(law, dict(map(_parameter, parameters))),
        int(level),
        events,
        true_events,
        seed,
        permute,
        tested,
    )
    try:
        with terminable(), ProgressBar() as progress:
            found = close(experiment, settings, replicas, processes, progress)
    except KeyboardInterrupt:
        tell("What is finished is kept; run the same command again to continue.")
        raise
    say(text(found))


def _parameter(written: str) -> tuple[str, float]:
    name, equals, number = written.partition("=")
    try:
        if not equals or not name:
            raise ValueError
        value = float(number)
    except ValueError:
        raise click.UsageError(f"--set {written}: must read NAME=NUMBER, such as distance=1") from None
    return name, int(value) if value.is_integer() and "." not in number else value


def text(found: "Closure") -> str:
    """What a closure test found, a line each."""
    from dlscan.closure.summary import NOMINAL

    own = found.summary
    digits = 5 if own.metric == "Mean_AUC" else 4

    of = f", the best of {own.models} by validation" if own.models > 1 else ""
    exact = []
    if own.best_covered is not None:
        exact = [
            f"                   exact answer: {own.best_covered} of {own.count} on the same test events"
        ]
    lines = [
        f"{found.directory}: {own.count} replicas, {own.metric}{of}",
        f"reached            {own.reached.text(digits)}",
        f"exact              {own.exact.text(digits)}",
        f"reached - exact    {own.gap.text(digits, '+')}",
        f"coverage           {own.covered} of {own.count} intervals hold the truth: {own.coverage:.1%}, and "
        f"{NOMINAL:.1%} +- {own.coverage_error:.1%} are right",
        *exact,
        f"test - truth       {own.test_bias.text(digits, '+')}",
        f"validation - truth {own.validation_bias.text(digits, '+')}",
        f"pulls              {own.pulls}: {found.picture}",
        own.sentence,
    ]
    return "\n".join(lines)
