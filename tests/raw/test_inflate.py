"""Every library inflates to the same bytes and finds the same damage."""

import logging
import sys
import tracemalloc
import zlib
from collections.abc import Iterator

import numpy as np
import pytest

from dlscan.raw import inflate as inflating
from dlscan.raw.inflate import inflate, warn_if_slow

LIBRARIES = [(), ("deflate",), ("zlib_ng",), ("deflate", "zlib_ng")]
VALUES = np.random.default_rng(1).integers(0, 9, 300_000).astype(np.uint8).tobytes()


@pytest.fixture(params=LIBRARIES, ids=lambda missing: "without " + " ".join(missing))
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    """Some of the libraries cannot be imported."""
    names: tuple[str, ...] = request.param
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)
    forget()
    yield names
    monkeypatch.undo()
    forget()


def forget() -> None:
    for function in (
        inflating._filled,
        inflating._empty,
        inflating._libdeflate,
        inflating._zlib_ng,
        warn_if_slow,
    ):
        function.cache_clear()


@pytest.mark.parametrize("size", [1, 5000, 300_000])
@pytest.mark.parametrize("empty", [False, True])
def test_the_same_bytes(missing: tuple[str, ...], size: int, empty: bool) -> None:
    values = bytes(size - 1) + b"\1" if empty else VALUES[:size]
    assert bytes(inflate(memoryview(zlib.compress(values, 4)), size)) == values


@pytest.mark.parametrize("values", [VALUES[:5000], VALUES, bytes(300_000)])
@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (lambda packed: packed[:-30], 0),
        (lambda packed: packed[:-1] + bytes([packed[-1] ^ 1]), 0),
        (lambda packed: b"", 0),
        (lambda packed: b"\xff" * 100, 0),
        (lambda packed: packed, 1),
        (lambda packed: packed, -1),
    ],
)
def test_damage_is_a_value_error(missing: tuple[str, ...], values: bytes, spoil: object, wanted: int) -> None:
    packed = spoil(zlib.compress(values, 4))
    with pytest.raises(ValueError, match=r"data|decompresses to"):
        inflate(packed, len(values) + wanted)


@pytest.mark.parametrize("size", [1000, 50_000_000])
def test_it_takes_no_more_memory_than_asked_for(missing: tuple[str, ...], size: int) -> None:
    packed = zlib.compress(bytes(60_000_000), 9) if size == 1000 else zlib.compress(VALUES[:1000], 4)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="decompress"):
            inflate(packed, size)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_missing_libraries_are_said_once(missing: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "dlscan")
    warn_if_slow()
    warn_if_slow()
    assert len(caplog.records) == bool(missing)
    for name in missing:
        assert name.replace("_", "-") in caplog.text
