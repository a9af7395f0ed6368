"""Signals sent to this very process: what they ask of the training, and that a busy lock cannot hang a handler."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from ladera.engine.controls import Controls
from ladera.tui.signals import passed_on


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def sent(controls: Controls) -> list[tuple[str, object]]:
    return [(command.name, command.value) for command in controls.take()]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ending_signals_save_and_stop(number: signal.Signals, code: int) -> None:
    controls, ended = Controls(), []
    with passed_on(controls, ending=lambda: ended.append(1)) as received:
        assert received.exit_code is None
        os.kill(os.getpid(), number)
        until(lambda: ended)
    assert sent(controls) == [("stop", number.name)]
    assert received.exit_code == code  # 128 + n, as a shell counts


def test_interrupted_twice_is_now() -> None:
    controls, left = Controls(), []
    with passed_on(controls, leave=left.append):
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: controls.pending)
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: left)
    assert left == [130]


def test_an_interrupt_that_comes_on_two_ways_is_one() -> None:
    controls, left, ended = Controls(), [], []
    with passed_on(controls, leave=left.append, ending=lambda: ended.append(1), echo=60.0):
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: ended)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGUSR1)
        until(lambda: len(controls._queue) == 2)
    assert sent(controls) == [("stop", "SIGINT"), ("checkpoint", None)]
    assert (left, ended) == ([], [1])


def test_terminate_twice_still_saves() -> None:
    controls, left, ended = Controls(), [], []
    with passed_on(controls, leave=left.append, ending=lambda: ended.append(1)) as received:
        os.kill(os.getpid(), signal.SIGTERM)
        until(lambda: len(ended) == 1)
        os.kill(os.getpid(), signal.SIGTERM)
        until(lambda: len(ended) == 2)
    assert left == []
    assert received.exit_code == 143


def test_usr1_saves_and_hup_goes_on() -> None:
    controls, hung_up = Controls(), []
    with passed_on(controls, hung_up=lambda: hung_up.append(1)) as received:
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: hung_up)
        os.kill(os.getpid(), signal.SIGUSR1)
        until(lambda: controls.pending)
    assert sent(controls) == [("checkpoint", None)]
    assert received.exit_code is None


def test_handlers_are_put_back_and_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupt = signal.getsignal(signal.SIGINT)
        with passed_on(Controls()):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as under nohup
            assert signal.getsignal(signal.SIGINT) is not interrupt
        assert signal.getsignal(signal.SIGINT) is interrupt
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_amid_the_commands_lock_hangs_nothing() -> None:
    # A handler that called Controls itself would wait for the lock that the interrupted main thread holds.
    controls = Controls()
    count = 0
    with passed_on(controls):
        previous = signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGUSR1))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
        try:
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                count += len(controls.take())
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
    assert count + len(controls.take()) > 0
