"""Networks as ONNX and SavedModel: Keras writes them, this names what is in them."""

import contextlib
import errno
import io
import json
import logging
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.errors import BackendError, UsageError
from dlscan.export import about, onnx_file
from dlscan.export.onnx_file import Arrays
from dlscan.models import backend, keras
from dlscan.models.saved import read_network

Run = Callable[[Mapping[str, NDArray[Any]]], Arrays]

# Beside the files of a SavedModel that TensorFlow reads is room for those of others.
_EXTRA = "assets.extra"
_REASON = 300


class ExportedNetwork:
    """A trained network that is to be written in another form.

    Parameters
    ----------
    model : keras.Model
        Takes raw events by name.
    file : Path
        Where it was read.
    names : sequence of str
        Of its outputs: the heads of its task.
    precision : str
        What it was trained in.
    sources : mapping of str to mapping
        The record's: files with layers. Where the model needs them, they have been run before.
    """

    formats: tuple[str, ...] = ("keras", "onnx", "saved-model")

    def __init__(
        self,
        model: Any,
        file: Path,
        names: Sequence[str],
        precision: str,
        sources: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._file, self._precision, self._sources = file, precision, sources
        outputs = model.output if isinstance(model.output, Mapping) else {names[0]: model.output}
        # sorted, as all back ends flatten them
        self._model = keras.Model(model.input, {name: outputs[name] for name in sorted(outputs)})
        self.inputs = {name: tuple(tensor.shape[1:]) for name, tensor in model.input.items()}
        self.dtypes = {name: str(tensor.dtype) for name, tensor in model.input.items()}
        self.outputs = {name: int(tensor.shape[-1]) for name, tensor in self._model.output.items()}

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """What Keras gives for events."""
        given = self._model(self._of(inputs), training=False)
        return {name: keras.ops.convert_to_numpy(tensor) for name, tensor in given.items()}

    def write(self, form: str, path: Path, texts: Mapping[str, str]) -> None:
        """Write it to `path`, with texts about it.

        Raises
        ------
        UsageError
            If a package is missing.
        BackendError
            If the back end cannot write this network; it says which one might.
        """
        if form == "keras":
            shutil.copyfile(self._file, path)
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr(about.FILE, json.dumps(dict(texts)))
            return
        if self._precision != "float32":
            raise UsageError(
                f"--format {form}: this network computes in {self._precision}, which cannot be exported; use "
                "--format keras, or train it with train.precision: float32"
            )
        # a network that was never called has no signature
        self({name: np.zeros((1, *shape), self.dtypes[name]) for name, shape in self.inputs.items()})
        if form == "onnx":
            onnx_file.onnx()
            self._export(path, "onnx")
            with self._what_it_cannot("onnx"):
                onnx_file.describe(path, list(self.outputs), texts)
            return
        self._export(path, "tf_saved_model")
        (path / _EXTRA).mkdir(exist_ok=True)
        (path / _EXTRA / about.FILE).write_text(json.dumps(dict(texts)))

    def reader(self, form: str, path: Path) -> Run:
        """What the written file gives for events."""
        if form == "onnx":
            return onnx_file.runner(path)
        if form == "saved-model":
            import tensorflow

            loaded = tensorflow.saved_model.load(str(path))
            signature = loaded.signatures["serving_default"]

            def serve(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
                given = {name: tensorflow.constant(inputs[name]) for name in self.inputs}
                return {name: tensor.numpy() for name, tensor in signature(**given).items()}

            # the signature is gone with what it belongs to
            serve.loaded = loaded  # type: ignore[attr-defined]
            return serve
        model = read_network(path, self._sources, trust_files=True)

        def call(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
            given = model(self._of(inputs), training=False)
            named = given if isinstance(given, Mapping) else {next(iter(self.outputs)): given}
            return {name: keras.ops.convert_to_numpy(tensor) for name, tensor in named.items()}

        return call

    def _of(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        return {name: keras.ops.convert_to_tensor(inputs[name]) for name in self.inputs}

    def _export(self, path: Path, form: str) -> None:
        signature = {
            name: keras.InputSpec(shape=tensor.shape, dtype=tensor.dtype, name=name)
            for name, tensor in self._model.input.items()
        }
        with self._what_it_cannot(form), _silent():
            self._model.export(path, format=form, input_signature=[signature], verbose=False)

    @contextlib.contextmanager
    def _what_it_cannot(self, form: str) -> Iterator[None]:
        """Say in one line what a back end cannot export, and what can."""
        try:
            yield
        except ImportError as error:
            extra = "onnx" if form == "onnx" else "cpu"
            raise UsageError(
                f"exporting with {backend()} needs the package {error.name}: pip install 'dlscan[{extra}]'"
            ) from None
        except OSError:  # a full disk is no matter of the network
            raise
        except Exception as error:  # each back end raises whatever a missing part leads to
            full = os.strerror(errno.ENOSPC)
            if full in str(error):  # TensorFlow has errors of its own for it
                raise OSError(errno.ENOSPC, full) from None
            reason = " ".join(str(error).split())[:_REASON]
            raise BackendError(
                f"{self._file}: {backend()} cannot export this network as {form} ({reason}); {_other(form)}"
            ) from None


def _other(form: str) -> str:
    """What may write a network that this back end cannot write; all of them read the same file."""
    if backend() != "tensorflow":
        return "try KERAS_BACKEND=tensorflow, which reads the same file"
    return (
        "try KERAS_BACKEND=torch, which reads the same file, or --format saved-model"
        if form == "onnx"
        else "use --format keras"
    )


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Converters tell every step, some by print."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
