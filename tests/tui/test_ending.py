"""The watch over a process that was told to end: before the first event, and with storage that hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ladera.engine.events import Event
from ladera.engine.store import pulse
from ladera.tui import ending as ending_module
from ladera.tui.ending import Ending
from ladera.tui.signals import Received


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending_module, "SILENCE", 0.1)
    monkeypatch.setattr(ending_module, "_LOOK", 0.005)


def told_to_end(number: int = signal.SIGTERM, **options: Callable[[], bool]) -> tuple[Ending, list[int]]:
    left: list[int] = []
    ending, received = Ending(leave=left.append, **options), Received()  # type: ignore[arg-type]
    received.number = number
    ending.asked()  # the signal may come before the block that handles it has begun
    ending.listen(received)
    return ending, left


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_before_the_first_event_the_process_leaves_at_once(number: signal.Signals) -> None:
    _, left = told_to_end(number)
    until(lambda: left)
    assert left == [128 + number]


def test_with_the_first_event_it_stays_and_every_event_passes() -> None:
    left: list[int] = []
    ending, received = Ending(leave=left.append), Received()
    events = [Event(time=float(number)) for number in range(3)]
    passing = ending.begin(iter(events))
    received.number = signal.SIGTERM
    assert next(passing) is events[0]
    ending.listen(received)
    ending.asked()
    assert list(passing) == events[1:]
    time.sleep(0.3)
    assert left == []


def test_either_the_first_event_is_seen_or_nothing_comes_of_it() -> None:
    """An event that comes while the process is about to leave does not get through."""
    looked, release = threading.Event(), threading.Event()

    def idle() -> bool:
        looked.set()
        release.wait(20)
        return True

    ending, left = told_to_end(idle=idle)
    got: list[Event] = []
    passing: Iterator[Event] = ending.begin(iter([Event()]))
    assert looked.wait(20)
    thread = threading.Thread(target=lambda: got.append(next(passing)))
    thread.start()
    time.sleep(0.1)
    assert got == []
    release.set()
    thread.join(20)
    assert left == [143]


def test_storage_that_hangs_is_not_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    hanging = threading.Event()

    def save() -> None:
        with pulse.attempt():
            hanging.wait(20)

    ending, left = told_to_end()
    ending.begin(iter(()))
    ending, left = told_to_end(idle=lambda: False)
    thread = threading.Thread(target=save)
    thread.start()
    until(lambda: left)
    hanging.set()
    thread.join()
    assert left == [143]
    assert "left without saving" in capfd.readouterr().err


def test_storage_that_is_slow_and_a_processor_that_is_busy_are(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    def save() -> None:
        with pulse.attempt():
            for _ in range(30):  # three times as long as the silence that is put up with
                time.sleep(0.01)
                pulse.beat()
            with pulse.computing():
                time.sleep(0.3)
            for _ in range(30):
                time.sleep(0.01)
                pulse.beat_for_all()
        done.set()

    monkeypatch.setattr(ending_module, "SILENCE", 0.2)
    _, left = told_to_end(idle=lambda: False)
    thread = threading.Thread(target=save)
    thread.start()
    assert done.wait(20)
    assert left == []
    assert pulse.silent() == 0
    thread.join()


def test_as_long_as_one_attempt_gets_on_the_other_is_waited_for() -> None:
    hanging = threading.Event()

    def hang() -> None:
        with pulse.attempt():
            hanging.wait(20)

    thread = threading.Thread(target=hang)
    thread.start()
    until(lambda: pulse.silent() > 0.05)
    with pulse.attempt():
        assert pulse.silent() < 0.05
        with pulse.attempt():
            pass
        assert pulse.silent() < 0.05, "the end of an inner attempt is a sign of life"
    assert pulse.silent() > 0.05
    hanging.set()
    thread.join()
    assert pulse.silent() == 0


# The real program, with something in it that takes far longer than a test waits.
PROGRAM = """
import os, sys, time
from pathlib import Path
what, folder = sys.argv[1], Path(sys.argv[2])
def take_long():
    (folder / "now").touch()
    for _ in range(3000):  # a single sleep would not notice a signal that came just before it
        time.sleep(0.1)
if what == "import":
    class Slow:
        def find_spec(self, name, path=None, target=None):
            if name == "torch":
                take_long()
    sys.meta_path.insert(0, Slow())
else:
    import ladera.engine.training as training
    from ladera.tui import ending
    if what == "data":
        training.prepare = lambda *_: take_long()
    elif what == "validation":
        original = training.Training.portions
        def portions(self, x):
            slow = x is self.data.validation.x
            for portion in original(self, x):
                if slow:
                    (folder / "now").touch()
                    time.sleep(0.2)
                yield portion
        training.Training.portions = portions
        training._EVALUATE, training._PORTION = 1, 1  # an example at a time
    elif what == "storage":
        ending.SILENCE = 1.0
        fsync = os.fsync
        def hang(descriptor):
            if (folder / "now").exists():
                take_long()
            fsync(descriptor)
        os.fsync = hang
sys.argv = ["ladera", *sys.argv[3:]]
from ladera.tui.__main__ import main
main()
"""


def program(what: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    (folder / "program.py").write_text(PROGRAM)
    return subprocess.Popen(
        [sys.executable, str(folder / "program.py"), what, str(folder), *arguments],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("what", "number"), [("import", signal.SIGTERM), ("import", signal.SIGINT), ("data", signal.SIGTERM)]
)
def test_a_run_that_has_not_begun_ends_at_once_and_leaves_nothing(
    tmp_path: Path, what: str, number: signal.Signals
) -> None:
    process = program(what, tmp_path, "run", "digits")
    until(lambda: (tmp_path / "now").exists() or process.poll() is not None)
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert not (tmp_path / "runs").exists()


def test_an_evaluation_ends_at_once_and_the_run_goes_on_later(tmp_path: Path) -> None:
    settings = ["--set", "training.epochs=2", "--set", "stopping.enabled=false"]
    # 359 examples, a fifth of a second for each: more than a minute.
    process = program("validation", tmp_path, "run", "digits", *settings)
    until(lambda: (tmp_path / "now").exists() or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    done = subprocess.run(
        [sys.executable, "-m", "ladera.tui", "resume", "digits-0001", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [line.split('"')[3] for line in done.stdout.splitlines()]
    assert names[0] == "resumed"
    assert names.count("epoch_ended") == 2
    assert names[-1] == "run_ended"


def test_storage_that_hangs_does_not_keep_the_process(tmp_path: Path) -> None:
    process = program("storage", tmp_path, "run", "digits", "--set", "training.epochs=100000", "--set", "stopping.enabled=false")  # fmt: skip
    until(lambda: list(tmp_path.glob("runs/*/status.json")) or process.poll() is not None)
    (tmp_path / "now").touch()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert process.stderr is not None
    assert "left without saving" in process.stderr.read()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_refused_before_torch_is_imported(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    process = program("import", tmp_path, "run", "digits")
    assert process.wait(60) == 2


def test_a_place_that_is_no_directory_is_refused_before_torch_is_imported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = program("import", tmp_path, "run", "digits", "--runs-dir", "file/runs")
    assert process.wait(60) == 2
    assert process.stderr is not None
    assert "is no directory; choose another place with --runs-dir" in process.stderr.read()
