"""How busy the GPU is, as `nvidia-smi` sees it."""

import os
import statistics
import subprocess
from types import TracebackType

_EVERY_MILLISECONDS = 100


class GpuUse:
    """Samples the GPU from each entry to its exit; without a GPU, or without `nvidia-smi`, there are none."""

    def __init__(self) -> None:
        self._samples: list[float] = []
        self._process: subprocess.Popen[str] | None = None

    @property
    def share(self) -> float | None:
        """Mean share of the time in which a kernel ran, 0 to 1; None if it is not known."""
        return statistics.fmean(self._samples) / 100 if self._samples else None

    def __enter__(self) -> "GpuUse":
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        command += [f"--id={_first_visible()}", f"--loop-ms={_EVERY_MILLISECONDS}"]
        try:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError:  # no such program
            self._process = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            printed = self._process.communicate()[0]
            self._samples += [float(line) for line in printed.split() if line.isdecimal()]


def _first_visible() -> str:
    """The GPU that a back end takes first, by the number or name that `nvidia-smi` knows it by."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0] or "0"
