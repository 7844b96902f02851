import os
import signal
import threading

import pytest

from dlscan.train.interruption import Interruption


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP])
def test_signal_is_noted_and_the_handler_before_comes_back(number):
    before = signal.getsignal(number)

    with Interruption(None) as interruption:
        assert interruption.signal is None
        os.kill(os.getpid(), number)
        assert interruption.signal == number.name

    assert signal.getsignal(number) is before


def test_there_is_always_time_without_a_limit():
    assert not Interruption(None).out_of_time(1e9)


def test_time_is_out_when_what_comes_next_would_not_fit():
    interruption = Interruption(100)

    assert not interruption.out_of_time(50)
    assert interruption.out_of_time(101)


def test_signals_are_left_alone_outside_the_main_thread():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def enter():
        with Interruption(None):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]
