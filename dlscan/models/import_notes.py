"""What TensorFlow says of its own build while it is imported, kept from the terminal.

It says so before it looks at `TF_CPP_MIN_LOG_LEVEL`, and straight to the file of standard error.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

# Lines of its lowest level, and the one that says where lines before its start go.
_NOTES = (
    r"^(I[0-9]{4} [0-9:.]+ +[0-9]+ (port|cpu_feature_guard)\.cc:|WARNING: All log messages before absl::)"
)


@contextlib.contextmanager
def hidden(environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Drop these lines from standard error inside of this.

    Only if TensorFlow is the back end, and not if `TF_CPP_MIN_LOG_LEVEL` is 0. All else comes
    through, even if the process dies meanwhile: another process reads it.
    """
    if environment["KERAS_BACKEND"] != "tensorflow" or environment.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    reader = _reader()
    if reader is None:
        yield
        return
    before = os.dup(2)
    assert reader.stdin is not None
    _flush()
    os.dup2(reader.stdin.fileno(), 2)
    reader.stdin.close()
    try:
        yield
    finally:
        _flush()
        os.dup2(before, 2)
        os.close(before)
        # a process that was started meanwhile may still write to it
        with contextlib.suppress(subprocess.TimeoutExpired):
            reader.wait(5)


def _reader() -> "subprocess.Popen[bytes] | None":
    """A process that passes what it reads on to standard error; None without a grep that can."""
    command = ["grep", "-a", "--line-buffered", "-v", "-E", _NOTES]
    try:
        # one that knows these options, and passes on what it should
        tried = subprocess.run(command, input=b"a\n", capture_output=True, check=True)
        if tried.stdout != b"a\n":
            return None
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=2,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for this process
        )
    except (OSError, subprocess.SubprocessError):
        return None


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
