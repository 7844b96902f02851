"""Whether raw files fit together, seen from their headers alone."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

import h5py

from dlscan.raw.find import RawFile


@dataclasses.dataclass(frozen=True)
class Layout:
    """What the headers of a raw file say.

    Attributes
    ----------
    events : int
        Rows of every dataset.
    shapes : dict of str to tuple of int
        Of one event, per dataset.
    dtypes : dict of str to str
        Per dataset.
    """

    events: int
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]


def check_files(
    files: Sequence[RawFile], datasets: Sequence[str]
) -> tuple[dict[RawFile, Layout], dict[RawFile, str]]:
    """Sort files into those that fit together and those that do not.

    Each file must open and hold every dataset, numeric, of one length that is not zero. Shapes and types must
    be those that most files have.

    Parameters
    ----------
    files : sequence of RawFile
        All files of all classes.
    datasets : sequence of str
        The names that every file must have.

    Returns
    -------
    good : dict of RawFile to Layout
        In the order of `files`.
    bad : dict of RawFile to str
        With the reason, in one line.
    """
    good: dict[RawFile, Layout] = {}
    bad: dict[RawFile, str] = {}
    for file in files:
        try:
            good[file] = _describe(file, datasets)
        except (OSError, RuntimeError, ValueError) as error:
            bad[file] = (
                "not an HDF5 file" if "signature not found" in str(error) else " ".join(str(error).split())
            )
    for name in datasets:
        for kind, of in (("shape", "shapes"), ("type", "dtypes")):
            common = Counter(getattr(layout, of)[name] for layout in good.values()).most_common(1)
            for file in [file for file in good if getattr(good[file], of)[name] != common[0][0]]:
                found = getattr(good.pop(file), of)[name]
                bad[file] = f"{name} has {kind} {found}, most files have {common[0][0]}"
    return good, {file: bad[file] for file in files if file in bad}


def _describe(file: RawFile, datasets: Sequence[str]) -> Layout:
    if file.path.is_dir():
        raise ValueError("a directory, not a file")
    with h5py.File(file.path) as handle:
        found = {}
        for name in datasets:
            dataset = handle.get(name)
            if not isinstance(dataset, h5py.Dataset):
                raise ValueError(f"has no dataset {name!r}; it has {', '.join(_names(handle)) or 'none'}")
            if dataset.dtype.kind not in "biuf":
                raise ValueError(f"{name} holds {dataset.dtype}, not numbers")
            if not dataset.shape:
                raise ValueError(f"{name} is a single number, not a row per event")
            if 0 in dataset.shape[1:]:
                raise ValueError(f"{name} has no values: its shape is {dataset.shape}")
            found[name] = dataset
        lengths = {name: dataset.shape[0] for name, dataset in found.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"datasets differ in length: {listed}")
        events = next(iter(lengths.values()))
        if not events:
            raise ValueError("holds no events")
        return Layout(
            events,
            {name: tuple(dataset.shape[1:]) for name, dataset in found.items()},
            {name: dataset.dtype.str for name, dataset in found.items()},
        )


def _names(handle: h5py.File) -> list[str]:
    names: list[str] = []
    handle.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names
