"""Inflate gzip chunks, by the fastest library that is there; all of them give the same bytes.

Measured on chunks of calorimeter images and of tables: libdeflate is a fifth faster than zlib-ng, but several
times slower where nearly all is zero. Both are several times faster than the zlib of the standard library.
"""

import functools
import logging
import zlib
from collections.abc import Callable
from typing import Any, cast

Inflate = Callable[[Any, int], "bytes | bytearray"]

# A chunk that inflates to more than so many times its length is nearly all zero
_EMPTY = 40

log = logging.getLogger("dlscan")


def inflate(data: "bytes | memoryview", size: int) -> "bytes | bytearray":
    """Inflate a zlib stream and check its checksum (Adler-32).

    Parameters
    ----------
    data : bytes-like
        The stream; what follows its end is ignored.
    size : int
        Bytes that it must inflate to.

    Raises
    ------
    ValueError
        If the stream is damaged, cut short or holds another number of bytes.
    """
    found = (_empty() if size > _EMPTY * len(data) else _filled())(data, size)
    if len(found) != size:
        raise ValueError(f"inflates to {len(found)} bytes, not to {size}")
    return found


@functools.cache
def warn_if_slow() -> None:
    """Say once in this process that no fast library is there."""
    missing = [name for name, found in (("zlib-ng", _zlib_ng()), ("deflate", _libdeflate())) if found is None]
    if missing:
        log.warning(
            "the package%s %s cannot be imported: gzip is inflated several times slower than it could be",
            "s" * (len(missing) > 1),
            " and ".join(missing),
        )


@functools.cache
def _filled() -> Inflate:
    return _libdeflate() or _zlib_ng() or _checked(zlib.decompress, zlib.error)


@functools.cache
def _empty() -> Inflate:
    return _zlib_ng() or _libdeflate() or _checked(zlib.decompress, zlib.error)


@functools.cache
def _libdeflate() -> Inflate | None:
    try:
        import deflate
    except ImportError:
        return None

    def inflate_filled(data: Any, size: int) -> bytearray:
        try:
            return deflate.zlib_decompress(data, size)
        except deflate.DeflateError:
            # it does not say what is wrong; the standard library does
            zlib_says = _checked(zlib.decompress, zlib.error)(data, size)
            raise ValueError(f"inflates to {len(zlib_says)} bytes, not to {size}") from None

    return inflate_filled


@functools.cache
def _zlib_ng() -> Inflate | None:
    try:
        from zlib_ng import zlib_ng
    except ImportError:
        return None
    # its stub calls the class an instance
    return _checked(zlib_ng.decompress, cast(type[Exception], zlib_ng.error))


def _checked(decompress: Callable[[Any, int, int], bytes], error: type[Exception]) -> Inflate:
    def inflate_checked(data: Any, size: int) -> bytes:
        try:
            return decompress(data, zlib.MAX_WBITS, size)
        except error as damage:
            raise ValueError(str(damage)) from None

    return inflate_checked
