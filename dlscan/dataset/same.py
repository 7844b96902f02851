"""Whether a directory still holds the dataset that was opened there."""

import dataclasses
import os
from pathlib import Path

from dlscan.dataset.manifest import Manifest
from dlscan.errors import DataError

# inode, size, and times of the last change of the content and of the file, in ns
_Stamp = tuple[int, int, int, int]


@dataclasses.dataclass
class SameDataset:
    """Holds a stream, or a training, to the dataset that it began with.

    `dlscan prepare` replaces a dataset as a whole. Who opens one of its files and calls `require` after that
    knows that the file belongs to this dataset.

    Parameters
    ----------
    directory : Path
        Of the dataset.
    config_hash : str
        The dataset's identity: it says which events are in which split.
    """

    directory: Path
    config_hash: str
    _seen: _Stamp | None = None

    def require(self) -> None:
        """Check that the directory holds this dataset; cheap unless its manifest was written anew.

        Raises
        ------
        DataError
            If it holds another one, or none.
        """
        stamp = self._stamp()
        if stamp is not None and stamp == self._seen:
            return
        if self._seen is not None and not self.directory.exists():
            raise DataError(
                f"{self.directory}: the dataset was removed while it was in use; prepare it again to continue"
            )
        found = Manifest.read(self.directory).config_hash
        if found != self.config_hash:
            raise DataError(
                f"{self.directory}: the dataset was replaced by one with other events or splits while it "
                f"was in use (hash {self.config_hash[:12]}, now {found[:12]}); to continue, prepare the "
                "original dataset again and give the new one its own data.prepared"
            )
        self._seen = stamp

    def _stamp(self) -> _Stamp | None:
        try:
            # opened, because NFS remembers old answers
            with (self.directory / "manifest.json").open("rb") as file:
                status = os.fstat(file.fileno())
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
