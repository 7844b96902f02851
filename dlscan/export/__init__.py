"""Take a trained model out of a scan: to one file that C++, a server or plain Keras reads."""

from dlscan.export.about import Told, told_by
from dlscan.export.export import FORMATS, Exported, export
from dlscan.export.onnx_file import runner

__all__ = ["FORMATS", "Exported", "Told", "export", "runner", "told_by"]
