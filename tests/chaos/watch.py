"""What is seen of a scan's files while it is disturbed: who owned a point when, and each epoch as it came."""

import contextlib
import dataclasses
import json
import os
import threading
from pathlib import Path

from tests.chaos.workload import Scan

_SECONDS = 0.15


@dataclasses.dataclass
class Seen:
    """What was seen of an attempt: when it began, and its heartbeats, by the file system's clock."""

    began: float
    beats: set[float] = dataclasses.field(default_factory=set)


class Watcher(threading.Thread):
    """Looks at the files of a scan until it is stopped.

    An epoch that is once in the history must stay there as it is: its row holds the seconds that it took, so
    one that is trained again, or written by a second process, differs. An attempt must have no heartbeat
    once the next one has begun. Points that are once in the plan must stay there as they are.

    Parameters
    ----------
    scan : Scan
        Which.
    """

    def __init__(self, scan: Scan) -> None:
        super().__init__(name=f"watcher of {scan.directory.name}", daemon=True)
        self._scan = scan
        self._stopped = threading.Event()
        self._attempts: dict[tuple[Path, int], Seen] = {}
        self._rows: dict[Path, tuple[float, list[str]]] = {}
        self._plan: tuple[float, list[dict[str, object]]] = (0.0, [])
        self.rewritten: list[str] = []
        self.replanned: list[str] = []

    def run(self) -> None:
        """Look again and again."""
        while not self._stopped.wait(_SECONDS):
            self.look()

    def stop(self) -> None:
        """Look once more, and end."""
        self._stopped.set()
        self.join()
        self.look()

    def look(self) -> None:
        """Look once."""
        with contextlib.suppress(FileNotFoundError):
            self._look_at_plan(self._scan.directory / "plan.json")
        for point in self._scan.points():
            with contextlib.suppress(FileNotFoundError):
                self._look_at_history(point)
            with contextlib.suppress(FileNotFoundError):
                self._look_at_attempts(point)

    def overlaps(self) -> list[str]:
        """Attempts that lived on when the next one had begun."""
        found = []
        for (point, number), seen in self._attempts.items():
            after = self._attempts.get((point, number + 1))
            # one more may have been under way, and means nothing: it is not a write to what counts
            late = [] if after is None else [beat for beat in seen.beats if beat > after.began]
            if len(late) > 1:
                found.append(f"{point.name}: attempt {number} had {len(late)} heartbeats after the next")
        return found

    def _look_at_plan(self, file: Path) -> None:
        time = file.stat().st_mtime
        before, known = self._plan
        if time == before:
            return
        points = json.loads(file.read_text())["points"]
        if points[: len(known)] != known:
            self.replanned.append(f"{self._scan.directory.name}: of {len(known)} points some are others now")
        self._plan = time, points

    def _look_at_attempts(self, point: Path) -> None:
        with os.scandir(point / "attempts") as entries:
            for entry in entries:
                stem, _, suffix = entry.name.partition(".")
                if not stem.isdigit() or suffix not in ("json", "beat"):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    time = entry.stat().st_mtime
                    seen = self._attempts.setdefault((point, int(stem)), Seen(time))
                    if suffix == "beat":
                        seen.beats.add(time)

    def _look_at_history(self, point: Path) -> None:
        file = point / "history.csv"
        time = file.stat().st_mtime
        before, known = self._rows.get(point, (0.0, []))
        if time == before:
            return
        rows = file.read_text().splitlines()[1:]
        for old, new in zip(known, rows, strict=False):
            if old != new:
                self.rewritten.append(f"{point.name}: epoch {old.split(',')[0]} was trained twice")
        if len(rows) < len(known):
            self.rewritten.append(f"{point.name}: {len(known)} epochs became {len(rows)}")
        self._rows[point] = time, rows


def attempts(point: Path) -> list[dict[str, object]]:
    """The attempts at a point, in order, as they are on file."""
    files = sorted((point / "attempts").glob("[0-9]*.json"), key=lambda file: int(file.stem))
    return [json.loads(file.read_text()) for file in files]
