"""A process is known by its boot, its namespace, its number and its start."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dlscan.process import identity, lives

SLEEP = "import time, dlscan.process as p; print(p.identity(), flush=True); time.sleep(1000)"


@pytest.fixture
def child() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([sys.executable, "-c", SLEEP], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def said(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_a_process_lives_until_it_is_killed_even_if_nobody_has_noticed(child):
    who = said(child)
    assert who.split(":")[2] == str(child.pid)
    assert lives(who) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert lives(who) is False  # a zombie
    child.wait()
    assert lives(who) is False


def test_a_number_that_was_given_to_another_process_is_not_the_old_one(child):
    machine, start = said(child).rsplit(":", 1)
    assert lives(f"{machine}:{int(start) - 1}") is False


@pytest.mark.parametrize("part", [0, 1], ids=["boot", "namespace"])
def test_a_process_of_another_machine_or_container_is_not_known(part):
    parts = str(identity()).split(":")
    parts[part] = "elsewhere"
    assert lives(":".join(parts)) is None


@pytest.mark.parametrize("damaged", ["", "a:b", "a:b:c:d", "x"])
def test_what_is_no_identity_is_not_known(damaged):
    assert lives(damaged) is None


def test_a_process_of_this_machine_with_no_number_is_not_known():
    assert lives(f"{str(identity()).rsplit(':', 2)[0]}:x:1") is None
