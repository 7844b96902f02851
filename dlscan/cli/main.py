"""The `dlscan` command, and the one place where errors become exit codes."""

import io
import logging
import os
import sys

import click

import dlscan
from dlscan import garbage
from dlscan.cli.bench import bench
from dlscan.cli.cancel import cancel
from dlscan.cli.closure import closure
from dlscan.cli.evaluate import evaluate
from dlscan.cli.export import export
from dlscan.cli.generate import generate
from dlscan.cli.init import init
from dlscan.cli.logs import logs
from dlscan.cli.output import examples, harmless, say
from dlscan.cli.pack_up import pack_up
from dlscan.cli.plot import plot
from dlscan.cli.predict import predict
from dlscan.cli.prepare import prepare
from dlscan.cli.report import report
from dlscan.cli.scan import scan
from dlscan.cli.show import show
from dlscan.cli.status import status
from dlscan.cli.table import table
from dlscan.cli.train import train
from dlscan.errors import DlscanError

INTERRUPTED = 130


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "dlscan init raw              # look at HDF5 files, write an experiment file",
        "dlscan prepare lcd.yaml      # check, split, shuffle and measure the data",
        "dlscan scan lcd.yaml         # train every point; run again to continue",
        "dlscan status scans/lcd      # the state of every point, and advice",
        "dlscan table scans/lcd       # compare the networks",
        "dlscan plot roc scans/lcd    # plot them",
        "dlscan report scans/lcd      # everything on one page, to share",
    ),
)
@click.version_option(dlscan.__version__, prog_name="dlscan")
def cli() -> None:
    """Which network, and how good is it really?

    Trains many networks on directories of HDF5 files, and compares them. The networks classify events,
    predict numbers such as an energy, find anomalies, or generate events.

    SCAN is the directory of a scan, its experiment file, or the beginning of either name.

    Exit codes: 0 success, 1 an error that you can act on, 2 wrong usage, 130 interrupted.
    """


for command in (
    init,
    prepare,
    bench,
    scan,
    train,
    status,
    cancel,
    logs,
    evaluate,
    table,
    plot,
    show,
    report,
    export,
    predict,
    generate,
    pack_up,
    closure,
):
    cli.add_command(command)


class _Messages(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message = harmless(super().format(record))
        return message if record.levelno < logging.WARNING else f"Warning: {message}"


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a name that the terminal cannot show is no reason to fail
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Messages("%(message)s"))
    log = logging.getLogger("dlscan")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    code = _run()
    garbage.keep_all()  # it would take a second to find out what a training leaves behind
    sys.exit(code)


def _run() -> int:
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()  # here, where a full disk can still be reported
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        shown = io.StringIO()  # it quotes what was typed
        error.show(shown)
        say(shown.getvalue(), err=True, nl=False)
        return error.exit_code
    except DlscanError as error:
        say(f"Error: {error}", err=True)
        return error.exit_code
    except OSError as error:
        # a full disk, a missing permission: the file and the system's reason say what to do
        if isinstance(error, BrokenPipeError):
            # `dlscan table | head` has seen enough; keep Python from complaining when it flushes at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        place = f"{error.filename}: " if error.filename else ""
        say(f"Error: {place}{error.strerror or error}", err=True)
        return DlscanError.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("Interrupted.", err=True)
        return INTERRUPTED
