import gc

import pytest

from dlscan.garbage import no_search


@pytest.mark.parametrize("on", [True, False])
def test_the_search_is_as_it_was_before_whatever_happens(on: bool) -> None:
    assert gc.isenabled()
    try:
        if not on:
            gc.disable()
        with pytest.raises(ValueError, match="inside"), no_search():
            assert not gc.isenabled()
            raise ValueError("inside")
        assert gc.isenabled() is on
    finally:
        gc.enable()
