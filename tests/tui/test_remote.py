"""Commands to a run of another process: sent by a thread, refusals come back as events, no key waits for an answer."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ladera.engine.controls import Controls
from ladera.engine.event_lines import to_line
from ladera.engine.events import CommandTaken, Event, Probed
from ladera.engine.store.control_server import ControlServer
from ladera.engine.store.directory import write_experiment
from ladera.engine.store.process import this_process
from ladera.engine.store.status import Status, write_status
from ladera.tui.remote import RemoteControls
from ladera.tui.watching import watch


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[RemoteControls]:
    """Controls of a run in a directory."""
    controls = RemoteControls(tmp_path, patience=0.2)
    yield controls
    controls.close()


def wait(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.005)
    return found


class Owner:
    """A process that takes commands."""

    def __init__(self, directory: Path) -> None:
        self.controls = Controls()
        self.server = ControlServer(directory, self.controls)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._end.is_set():
            self.server.serve(0.01)
            for command in self.controls.take():
                if command.name == "probe":
                    answer = Probed(probe=command.value["name"], step=3, answer={"a": 1})
                    self.server.broadcast(to_line(answer))
                else:
                    self.taken.append(command.name)

    taken: list[str]

    def __enter__(self) -> Owner:
        self.taken = []
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self.server.close()


def told(event: Event) -> tuple[str, str]:
    assert isinstance(event, CommandTaken)
    return event.command, event.error


def test_commands_arrive_in_their_order_and_answers_come_back(tmp_path: Path, remote: RemoteControls) -> None:
    with Owner(tmp_path) as owner:
        for name in ("pause", "resume", "checkpoint"):
            remote.send(name)
        remote.probe("layers")
        answers = wait(remote.answers)
        assert owner.taken == ["pause", "resume", "checkpoint"]
        assert answers == [Probed(probe="layers", step=3, answer={"a": 1})]


def test_a_refusal_comes_as_an_event_and_ends_nothing(tmp_path: Path, remote: RemoteControls) -> None:
    with Owner(tmp_path) as owner:
        remote.send("step", 0)
        (refused,) = wait(remote.answers)
        assert told(refused) == ("step", "step: 0 is no value for it")
        remote.send("pause")
        wait(lambda: owner.taken == ["pause"])


def test_where_nobody_listens_commands_and_questions_are_refused_in_words(remote: RemoteControls) -> None:
    remote.send("pause")
    (refused,) = wait(remote.answers)
    assert told(refused)[0] == "pause" and "no process of it listens" in told(refused)[1]
    remote.probe("layers")
    (answer,) = wait(remote.answers)
    assert isinstance(answer, Probed)
    assert answer.probe == "layers" and "no process of it listens" in answer.answer["error"]


def test_a_process_that_does_not_answer_holds_up_nobody_and_is_not_asked_twice(
    tmp_path: Path, remote: RemoteControls
) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "control.sock"))
    listener.listen()
    for name in ("step", "pause", "resume"):
        remote.send(name, 1 if name == "step" else None)
    refused: list[Event] = []
    wait(lambda: (refused.extend(remote.answers()), len(refused) == 3)[1])
    assert [told(event)[0] for event in refused] == ["step", "pause", "resume"]
    assert all("hangs or is stopped" in told(event)[1] for event in refused)
    connection, _ = listener.accept()
    connection.settimeout(5)
    assert connection.recv(4096) == b'{"command": "step", "value": 1}\n'  # once: it may still be obeyed
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    connection.close()
    listener.close()


def test_a_command_for_which_no_socket_is_left_is_refused_and_the_next_one_is_sent(
    tmp_path: Path, remote: RemoteControls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with Owner(tmp_path) as owner:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", fail)
            remote.send("pause")
            (refused,) = wait(remote.answers)
        assert told(refused)[0] == "pause" and "Too many open files" in told(refused)[1]
        remote.send("resume")
        wait(lambda: owner.taken == ["resume"])


def test_another_process_that_goes_on_with_the_run_is_found(tmp_path: Path, remote: RemoteControls) -> None:
    for _ in range(2):
        with Owner(tmp_path) as owner:
            remote.send("pause")
            wait(lambda owner=owner: owner.taken == ["pause"])
    assert remote.answers() == []


def test_letting_go_ends_the_thread(tmp_path: Path, remote: RemoteControls) -> None:
    with Owner(tmp_path) as owner:
        remote.send("pause")
        wait(lambda: owner.taken)
        sender = remote._sender
        assert sender is not None
        remote.close()
        sender.join(30)
        assert not sender.is_alive()
        remote.send("resume")  # and it can be taken up again
        wait(lambda: owner.taken == ["pause", "resume"])


# -- a run that is watched ---------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, script: Any) -> Path:
    """A run directory whose log has a run in it."""
    write_experiment(tmp_path, script.experiment().plain())
    now = time.time()
    status = Status(
        state="training", process=this_process().plain(), started=now, heartbeat=now, progressed=now
    )
    write_status(tmp_path, status, durable=False)
    (tmp_path / "events.jsonl").write_text("".join(to_line(event) + "\n" for event in script.events()))
    return tmp_path


def test_a_long_log_is_taken_in_by_portions_and_whole(
    place: Path, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladera.tui.watching._PORTION", 1000)
    monkeypatch.setattr("ladera.tui.watching._BUDGET", 0.0)  # one portion a poll
    monkeypatch.setattr("ladera.tui.watching._LOG_SECONDS", 0.0)
    run = watch(place)
    more = [CommandTaken(time=i, command="checkpoint", epoch=8, step=80 + i) for i in range(500)]
    with (place / "events.jsonl").open("a") as file:
        file.write("".join(to_line(event) + "\n" for event in more))
    polls: list[int] = []
    while len(run.history.commands) < 500:
        run.poll()
        polls.append(len(run.history.commands))
    assert max(b - a for a, b in pairwise(polls)) <= 10  # of about 100 bytes each
    assert run.history.commands == more


def test_damaged_lines_of_a_watched_log_are_counted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladera.tui.watching._LOG_SECONDS", 0.0)
    with (place / "events.jsonl").open("a") as file:
        file.write("no record\n")
    run = watch(place)
    assert run.damaged == 1
    bad = '{"event":"epoch_ended","time":1,"epoch":9,"step":90,"train":{},"validation":null,"lr":0.1,"seconds":1,"examples_per_second":1}'
    with (place / "events.jsonl").open("a") as file:
        file.write(f'{bad}\n{{"event":"checked","epoch":"ten"}}\n{{"event":"command","command":"pause"}}\n')
    while not run.history.paused:
        run.poll()
    assert run.damaged == 3


async def test_a_damaged_log_is_told_and_ends_nothing(open_lab: Any, place: Path) -> None:
    run = watch(place)
    async with open_lab(watched=run) as lab:
        with (place / "events.jsonl").open("a") as file:
            file.write('{"event":"command","command":"pace","value":[],"epoch":8,"step":80}\n')
        await lab.until(lambda: any("1 damaged line in the log" in note for note in lab.notes))
        assert lab.app._exception is None


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_a_stopped_process_does_not_hold_up_the_lab(open_lab: Any, place: Path) -> None:
    code = (
        "import socket, sys, time\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print('there', flush=True)\n"
        "time.sleep(60)\n"
    )
    peer = subprocess.Popen(
        [sys.executable, "-c", code, str(place / "control.sock")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert peer.stdout is not None and peer.stdout.readline() == "there\n"
        os.kill(peer.pid, signal.SIGSTOP)
        run = watch(place)
        run.controls = RemoteControls(place, patience=3600.0)
        async with open_lab(watched=run) as lab:
            await lab.press("p")
            await lab.press("n", "question_mark")  # keys go on working while nobody answers
            assert "Help" in lab.text and run.awaited == "pausing"
            await lab.press("escape")
        run = watch(place)
        run.controls._patience = 0.2
        async with open_lab(watched=run) as lab:
            await lab.press("p")
            await lab.until(lambda: any("pause was refused: no answer" in note for note in lab.notes))
            assert run.awaited == ""
    finally:
        peer.kill()
        peer.wait()
        assert peer.stdout is not None
        peer.stdout.close()
