"""`dlscan export`."""

from pathlib import Path

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.output import examples, say

_SUFFIXES = {".keras": "keras", ".onnx": "onnx"}


@click.command(
    epilog=examples(
        "dlscan export scans/lcd-dense 7 -o lcd.onnx",
        "dlscan export scans/lcd-dense 7 --format saved-model -o serving/lcd/1",
    )
)
@scan_argument
@click.argument("number", metavar="N", type=int)
@click.option(
    "--format",
    "form",
    type=click.Choice(("keras", "onnx", "saved-model")),
    help="Format of the file.  [default: by PATH: NAME.keras, NAME.onnx, or saved-model without a suffix]",
)
@click.option(
    "-o",
    "path",
    metavar="PATH",
    required=True,
    type=click.Path(path_type=Path),
    help="File or directory to write.",
)
@click.option("--no-check", is_flag=True, help="Do not compare with the model on 1,000 test events.")
@click.option("--overwrite", is_flag=True, help="Replace PATH if it exists.")
@click.option("--trust-files", is_flag=True, help="Run the file that defines layers, as named by the record.")
def export(
    scan: str,
    number: int,
    form: str | None,
    path: Path,
    no_check: bool,
    overwrite: bool,
    trust_files: bool,
) -> None:
    """Write the model of point N of SCAN for other programs.

    SCAN is a scan's directory, its experiment file, or the beginning of either name. The exported file takes
    raw events, because normalisation is part of it. Its inputs have the names of the experiment file. Its
    metadata say which scan it comes from and what its outputs are. It is only written if its outputs agree
    with those of the model to 1e-5 on 1,000 test events.

    \b
      onnx         for onnxruntime, in Python or C++; needs pip install 'dlscan[onnx]'
      saved-model  for TensorFlow Serving: a directory
      keras        for Keras alone, on any back end

    Boosted trees are exported as onnx.
    """
    from dlscan.analysis.points.done import point_of
    from dlscan.errors import UsageError
    from dlscan.export import export as write
    from dlscan.notebook import load
    from dlscan.spelling import some

    form = form or _SUFFIXES.get(path.suffix) or ("saved-model" if not path.suffix else None)
    if form is None:
        raise UsageError(f"-o {path}: the suffix tells no format; give --format keras, onnx or saved-model")
    loaded = load(scan)
    point = loaded.trained(point_of(loaded.points, str(number), "N"), trust_files)
    done = write(point, form, path, not no_check, overwrite)
    say(f"{done.path}: point {number} of {point.scan}, {point.record.name}")
    for name, shape in done.inputs.items():
        dtype = done.dtypes[name]
        say(f"  input   {name} {dtype} ({', '.join(map(str, ('events', *shape)))})")
    for name, columns in done.outputs.items():
        say(f"  output  {name} float32 (events, {len(columns)}): {some(columns)}")
    if done.events:
        say(
            f"  compared with the model on {done.events:,} test events: largest difference "
            f"{done.difference:.1e}"
        )
