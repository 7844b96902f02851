"""A scan in a job's sandbox, where no file system is shared: points come with the job and go home with it.

Before training the job script runs `python -m dlscan.batch.sandbox there DATASET POINT...`: a scan is made of
the points' directories and of `plan.json`, all in the current directory. After training it runs
`python -m dlscan.batch.sandbox home POINT...`.
"""

import sys
from pathlib import Path
from typing import Any

import yaml

from dlscan.errors import DlscanError
from dlscan.files import read_json, write_json, write_text
from dlscan.record import PointPaths

SCAN = Path("scan")
# the point's experiment file as it is at home; a job that is killed leaves it for its successor
_HOME = "config.home.yaml"


def settle(dataset: Path, points: list[Path]) -> None:
    """Make a scan of what came with the job.

    Parameters
    ----------
    dataset : Path
        Where the prepared dataset is here.
    points : list of Path
        The points' directories; their experiment files are made to read that dataset.
    """
    (SCAN / "points").mkdir(parents=True, exist_ok=True)
    _link(SCAN / "plan.json", Path("plan.json"))
    for point in points:
        _link(SCAN / "points" / point.name, point)
        paths = PointPaths(point)
        home = point / _HOME
        if not home.exists():
            write_text(home, paths.config.read_text(encoding="utf-8"))
        config = yaml.safe_load(home.read_text(encoding="utf-8"))
        config["data"]["prepared"] = str(dataset.absolute())
        write_text(paths.config, yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=110))


def go_home(points: list[Path]) -> None:
    """Make the points as if they had been trained at home: paths of the sandbox mean nothing there."""
    for point in points:
        paths, home = PointPaths(point), point / _HOME
        if not home.exists():
            continue
        text = home.read_text(encoding="utf-8")
        if paths.record.exists():
            record: dict[str, Any] = read_json(paths.record)
            record["dataset"]["path"] = yaml.safe_load(text)["data"]["prepared"]
            write_json(paths.record, record)
        write_text(paths.config, text)
        home.unlink()


def main(arguments: list[str]) -> int:
    """Run from a job script; its words go to the job's log."""
    try:
        if arguments[0] == "there":
            settle(Path(arguments[1]), [Path(point) for point in arguments[2:]])
        else:
            go_home([Path(point) for point in arguments[1:]])
    except (DlscanError, OSError) as error:
        print(f"dlscan: {error}", file=sys.stderr)
        return 1
    return 0


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target.absolute())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
