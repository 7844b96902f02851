"""The example files of the project: experiment files, scripts that make raw data, job scripts."""

import importlib.metadata
import shutil
from pathlib import Path

from dlscan.errors import DlscanError, UsageError
from dlscan.spelling import hint

# Experiment files look for their data beside these directories, as in the repository.
_DIRECTORIES = ("configs", "data_prep", "jobs")


def names() -> list[str]:
    """Of the experiment files that `write` knows."""
    return sorted(path.stem for path in (_home() / "configs").glob("*.yaml"))


def write(name: str, directory: Path, replace: bool = False) -> list[Path]:
    """Copy an experiment file, with the scripts that make raw data and the job scripts.

    Parameters
    ----------
    name : str
        Of the experiment file, without its suffix.
    directory : Path
        Where `configs`, `data_prep` and `jobs` are put.
    replace : bool
        Whether files of other contents may be replaced.

    Returns
    -------
    list of Path
        What is there now, the experiment file first.

    Raises
    ------
    UsageError
        If there is no such example, or a file of another content is there.
    """
    home = _home()
    if name not in names():
        raise UsageError(f"--example {name}: no such example; {hint(name, names())}")
    sources = [home / "configs" / f"{name}.yaml"]
    for other in _DIRECTORIES[1:]:
        sources += sorted(path for path in (home / other).iterdir() if path.is_file())
    targets = {source: directory / source.relative_to(home) for source in sources}
    for source, target in targets.items():
        if target.exists() and not replace and target.read_bytes() != source.read_bytes():
            raise UsageError(f"{target}: exists with another content; move it away, or give --overwrite")
    for source, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return list(targets.values())


def _home() -> Path:
    """Where the examples are: in a clone of the repository, or where the package was installed."""
    clone = Path(__file__).parents[2]
    if (clone / "configs" / "demo.yaml").exists():
        return clone
    for file in importlib.metadata.files("dlscan") or ():
        if file.match("share/dlscan/configs/demo.yaml"):
            return Path(str(file.locate())).resolve().parents[1]
    raise DlscanError("the examples are missing from this installation; install dlscan again")
