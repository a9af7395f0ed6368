"""The control channel: commands of another process, for the owner only, whatever is sent."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladera.engine.controls import COMMANDS, Controls
from ladera.engine.errors import StoreError
from ladera.engine.event_lines import to_line
from ladera.engine.events import Probed
from ladera.engine.store import control_server
from ladera.engine.store.control import Control, NoAnswerError, UnreachableError, send
from ladera.engine.store.control_server import ControlServer


class Owner:
    """A process that serves its control channel on a thread."""

    def __init__(self, directory: Path) -> None:
        self.controls = Controls()
        self.server = ControlServer(directory, self.controls)
        self._stop = threading.Event()
        self._news: list[str] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            self.server.serve(0.01)
            while self._news:
                self.server.broadcast(self._news.pop(0))

    def tell(self, event: Probed) -> None:
        self._news.append(to_line(event))

    def taken(self) -> list[tuple[str, Any]]:
        return [(command.name, command.value) for command in self.controls.take()]

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.server.close()


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    one = Owner(tmp_path)
    yield one
    one.close()


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("pause", None), ("resume", None), ("step", 3), ("run_epochs", 1), ("finish_epoch", None), ("stop", None),
        ("abandon", None), ("checkpoint", None), ("set", {"key": "optimizer.lr", "value": 0.1}), ("pace", 0.5),
        ("probe", {"name": "layers", "layer": 2}),
    ],
)  # fmt: skip
def test_each_command_arrives_as_it_was_sent(tmp_path: Path, owner: Owner, command: str, value: Any) -> None:
    send(tmp_path, command, value)
    assert owner.taken() == [(command, value)]


def test_every_way_to_ask_is_a_command() -> None:
    ways = {name for name, member in vars(Controls).items() if callable(member) and name[0] != "_"}
    assert set(COMMANDS) == ways - {"send", "take", "wait", "give_way", "stand_aside"}


@pytest.mark.parametrize(
    ("command", "value", "complaint"),
    [
        ("dance", None, 'no command "dance"'),
        ("stop", "SIGTERM", "no value"),
        ("step", 0, "no value"),
        ("step", True, "no value"),
        ("step", "3", "no value"),
        ("step", 10**12, "no value"),
        ("pace", float("nan"), "no value"),
        ("pace", -1, "no value"),
        ("set", {"key": "optimizer.lr"}, "no value"),
        ("set", {"key": 3, "value": 3}, "no value"),
        ("probe", "layers", "no value"),
    ],
)
def test_what_makes_no_sense_is_refused_and_reaches_nobody(
    tmp_path: Path, owner: Owner, command: str, value: Any, complaint: str
) -> None:
    with pytest.raises(StoreError, match=complaint):
        send(tmp_path, command, value)
    assert owner.taken() == []


def raw(directory: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(str(directory / "control.sock"))
    return connection


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_end_the_service(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    directory = tmp_path_factory.mktemp("run")
    one = Owner(directory)
    try:
        with raw(directory) as connection:
            connection.sendall(data + b"\n")
            answers = b""
            while answers.count(b"\n") <= data.count(b"\n"):
                answers += connection.recv(4096)
            assert all("error" in json.loads(line) for line in answers.splitlines())
        send(directory, "pause")
        assert ("pause", None) in one.taken()
    finally:
        one.close()


@pytest.mark.parametrize(
    "data", [b"[" * 60_000 + b"\n", b'{"command": {}}\n', b"null\n", b'"pause"\n', b"\xff\n"]
)
def test_garbage_is_answered_with_an_error(tmp_path: Path, owner: Owner, data: bytes) -> None:
    with raw(tmp_path) as connection:
        connection.sendall(data)
        assert "error" in json.loads(connection.recv(4096))
    assert owner.taken() == []


def test_a_line_without_end_is_cut_off(tmp_path: Path, owner: Owner) -> None:
    with raw(tmp_path) as connection:
        try:
            for _ in range(100):
                connection.sendall(b"x" * 10_000)
            assert connection.recv(1) == b""
        except OSError:
            pass
    send(tmp_path, "pause")
    assert owner.taken() == [("pause", None)]


def test_answers_reach_every_watcher(tmp_path: Path, owner: Owner) -> None:
    watchers = [Control(tmp_path) for _ in range(3)]
    for number, watcher in enumerate(watchers):
        watcher.send("step", number + 1)
    event = Probed(probe="layers", step=7, answer={"text": "naïve\u2028", "values": [1.0, 2.5]})
    owner.tell(event)
    for watcher in watchers:
        answers: list[Probed] = []
        while not answers:
            answers = watcher.poll()
        assert [to_line(answer) for answer in answers] == [to_line(event)]
        watcher.close()
    assert owner.taken() == [("step", 1), ("step", 2), ("step", 3)]


def test_a_watcher_that_does_not_read_is_let_go_and_holds_up_nobody(
    tmp_path: Path, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_server, "_MOST_UNSENT", 100_000)
    deaf = raw(tmp_path)
    reader = Control(tmp_path)
    reader.send("pause")
    deaf.sendall(b'{"command": "pause"}\n')
    while len(owner.server._watchers) < 2:
        pass
    got = 0
    for step in range(60):
        owner.tell(Probed(probe="big", step=step, answer={"x": "y" * 20_000}))
        answers: list[Probed] = []
        while not answers:
            answers = reader.poll()
        got += len(answers)
    assert got == 60
    while len(owner.server._watchers) > 1:
        pass
    deaf.close()
    reader.close()


def test_the_socket_belongs_to_its_owner_only(tmp_path: Path, owner: Owner) -> None:
    assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600


def test_another_user_is_turned_away(tmp_path: Path, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "_same_user", lambda _: False)
    with pytest.raises(StoreError):
        send(tmp_path, "stop")
    assert owner.taken() == []


def test_the_other_end_is_known_by_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = socket.socketpair()
    with one, other:
        assert control_server._same_user(one)
        if os.geteuid() != 0:
            monkeypatch.setattr(os, "geteuid", lambda: 12345)
            assert not control_server._same_user(one)


def test_a_path_too_long_for_a_socket_is_no_obstacle(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 20) / ("name" * 20)
    directory.mkdir(parents=True)
    one = Owner(directory)
    try:
        send(directory, "checkpoint")
        assert one.taken() == [("checkpoint", None)]
    finally:
        one.close()
    assert list(directory.iterdir()) == []


def test_a_socket_that_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "control.sock"))
    left.close()
    with pytest.raises(StoreError, match="takes no commands"):
        send(tmp_path, "pause")
    one = Owner(tmp_path)
    send(tmp_path, "pause")
    one.close()


def test_a_process_with_too_many_files_open_reaches_nobody(
    tmp_path: Path, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", fail)
        with pytest.raises(UnreachableError, match=r"no command can be sent .*: Too many open files"):
            Control(tmp_path)
    send(tmp_path, "pause")
    assert owner.taken() == [("pause", None)]


class Peer:
    """A process that listens, and says what the test wants."""

    def __init__(self, directory: Path, *said: bytes) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(directory / "control.sock"))
        self._listener.listen()
        self._said = said
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()

    def _talk(self) -> None:
        with self._listener.accept()[0] as connection:
            while connection.recv(4096):
                for data in self._said:
                    connection.sendall(data)

    def close(self) -> None:
        self._thread.join(30)
        self._listener.close()


def test_what_an_odd_or_newer_peer_says_is_passed_over(tmp_path: Path) -> None:
    good = Probed(probe="layers", step=7, answer={"a": 1})
    odd = (
        b"\xff no JSON\n[1]\nnull\n",
        b'{"event": "thought", "text": "of a version to come"}\n{"event": ["probed"]}\n',
        b'{"event": "probed", "probe": 3}\n' + to_line(good).encode() + b'\n{"ok": true}\n',
    )
    peer, control = Peer(tmp_path, *odd), Control(tmp_path)
    control.send("pause")
    assert control.poll() == [good]
    control._socket.sendall(b"again\n")
    answers: list[Probed] = []
    while not answers:
        answers = control.poll()
    assert answers == [good] and not control.closed
    control.close()
    peer.close()


@pytest.mark.parametrize("said", [(), (to_line(Probed(probe="p", step=1, answer={})).encode() + b"\n",)])
def test_a_peer_that_does_not_answer_is_not_waited_for_longer_than_asked(
    tmp_path: Path, said: tuple[bytes, ...]
) -> None:
    peer, control = Peer(tmp_path, *said), Control(tmp_path, timeout=0.05)
    with pytest.raises(NoAnswerError, match=r"no answer within 0.05 s"):
        control.send("pause")
    assert not control.closed
    control.close()
    peer.close()


def test_a_peer_that_goes_away_is_known_to_be_gone(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "control.sock"))
    listener.listen()
    control = Control(tmp_path)
    connection, _ = listener.accept()
    connection.sendall(b'{"ok": true}\n')
    control.send("pause")
    assert control.poll() == [] and not control.closed
    connection.close()
    listener.close()
    assert control.poll() == [] and control.closed
    with pytest.raises(UnreachableError, match="takes no commands any more"):
        control.send("resume")
    control.close()


def test_nobody_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="takes no commands"):
        send(tmp_path, "pause")
