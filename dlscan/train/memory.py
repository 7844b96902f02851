"""Which errors mean that memory has run out: each back end has its own."""

_KINDS = ("ResourceExhaustedError", "OutOfMemoryError")
_WORDS = ("RESOURCE_EXHAUSTED", "out of memory", "can't allocate memory", "OOM when allocating")


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory, of the device or of the machine, was too small."""
    if isinstance(error, MemoryError) or type(error).__name__ in _KINDS:
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)
