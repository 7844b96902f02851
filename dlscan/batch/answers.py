"""What a batch system's command says that is no answer to what it was asked."""

from dlscan.batch.call import CallError, last_line
from dlscan.errors import BatchError


def no_answer(command: str, text: str) -> CallError:
    """A command that ends well without naming a job or saying that there is none: a site's wrapper, say."""
    said = repr(last_line(text)) if text.strip() else "nothing"
    return CallError(f"`{command}` gave an unexpected answer: {said}")


def another_job(job: str, name: str, tag: str) -> BatchError:
    """The number of a job belongs to one of another name: who answers is not the one who gave the number."""
    return BatchError(
        f"job {job} is called {name!r} here, not {tag!r}: this is another cluster, or its job numbers were "
        "reset. Run this on the right cluster, or tell dlscan with `dlscan cancel --forget` that the jobs "
        "are gone"
    )
