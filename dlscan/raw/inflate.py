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
# No deflate stream inflates to more than so many times its length, and a few bytes
_MOST = 1032

log = logging.getLogger("dlscan")


def inflate(data: "bytes | memoryview", size: int) -> "bytes | bytearray":
    """Inflate a zlib stream and check its checksum (Adler-32).

    It takes no more memory than `size`, whatever the stream holds.

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
    if size > _MOST * (len(data) + 16):
        raise ValueError(f"{len(data):,} bytes of gzip data cannot decompress to {size:,}")
    found = (_empty() if size > _EMPTY * len(data) else _filled())(data, size)
    if len(found) != size:
        raise _wrong_length(len(found), size)
    return found


@functools.cache
def warn_if_slow() -> None:
    """Say once in this process that no fast library is there."""
    missing = [name for name, found in (("zlib-ng", _zlib_ng()), ("deflate", _libdeflate())) if found is None]
    if missing:
        log.warning(
            "the package%s %s cannot be imported: gzip data are decompressed several times slower than "
            "they could be",
            "s" * (len(missing) > 1),
            " and ".join(missing),
        )


@functools.cache
def _filled() -> Inflate:
    return _libdeflate() or _zlib_ng() or _checked(zlib.decompressobj, zlib.error)


@functools.cache
def _empty() -> Inflate:
    return _zlib_ng() or _libdeflate() or _checked(zlib.decompressobj, zlib.error)


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
            zlib_says = _checked(zlib.decompressobj, zlib.error)(data, size)
            raise _wrong_length(len(zlib_says), size) from None

    return inflate_filled


@functools.cache
def _zlib_ng() -> Inflate | None:
    try:
        from zlib_ng import zlib_ng
    except ImportError:
        return None
    # its stub calls the class an instance
    return _checked(zlib_ng.decompressobj, cast(type[Exception], zlib_ng.error))


def _checked(decompressor: Callable[[], Any], error: type[Exception]) -> Inflate:
    def inflate_checked(data: Any, size: int) -> bytes:
        stream = decompressor()
        try:
            found: bytes = stream.decompress(data, size + 1)
        except error as damage:
            raise ValueError(str(damage)) from None
        if len(found) == size and not stream.eof:
            raise ValueError("the gzip data end before their checksum")
        return found

    return inflate_checked


def _wrong_length(found: int, size: int) -> ValueError:
    return ValueError(
        f"decompresses to {'more than' if found > size else f'{found} bytes instead of'} {size}"
    )
