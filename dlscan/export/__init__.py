"""Take a trained model out of a scan: to one file that C++, a server or plain Keras reads."""

from dlscan.export.export import FORMATS, Exported, export

__all__ = ["FORMATS", "Exported", "export"]
