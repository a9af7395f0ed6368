"""Signs of life of the storage that come while the attempts they are for begin and end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from ladera.engine.store import pulse


def beat_while(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Let something happen in the middle of a beat for all."""
    happened: list[None] = []

    def monotonic() -> float:
        if threading.current_thread() is threading.main_thread() and not happened:
            happened.append(None)
            happens()
        return time.monotonic()

    with monkeypatch.context() as patch:
        patch.setattr(pulse, "time", SimpleNamespace(monotonic=monotonic))
        pulse.beat_for_all()
    assert happened


def test_an_attempt_that_ends_during_a_beat_for_all_stays_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end = threading.Event(), threading.Event()

    def save() -> None:
        with pulse.attempt():
            begun.set()
            assert end.wait(20)

    thread = threading.Thread(target=save)
    thread.start()
    assert begun.wait(20)

    def happens() -> None:
        end.set()
        thread.join()

    beat_while(monkeypatch, happens)
    time.sleep(0.05)
    assert pulse.silent() == 0


def test_what_begins_to_compute_during_a_beat_for_all_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, compute, computes, end = (threading.Event() for _ in range(4))

    def save() -> None:
        with pulse.attempt():
            begun.set()
            assert compute.wait(20)
            with pulse.computing():
                computes.set()
                assert end.wait(20)

    thread = threading.Thread(target=save)
    thread.start()
    assert begun.wait(20)

    def happens() -> None:
        compute.set()
        assert computes.wait(20)

    beat_while(monkeypatch, happens)
    time.sleep(0.05)
    assert pulse.silent() == 0
    end.set()
    thread.join()
