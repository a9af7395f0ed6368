"""A run's log from elsewhere: whatever stands in its fields, what is shown of it is text, and nothing raises."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ladera.engine.event_lines import to_line
from ladera.engine.events import CheckpointSaved, CommandTaken, Diagnosed, Resumed, StorageFailed
from ladera.engine.history import History
from ladera.engine.store import log
from ladera.tui.frame import frame
from ladera.tui.summary import summary
from ladera.tui.widgets.line import written

EVIL = "\x1b]52;c;QUJD\x07\x9b2J\u202e[bold]x"
#: Controls but the line end, C1, direction marks.
DRIVES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ODD: list[Any] = [None, -1, [], {"x": 1}, 10**400, EVIL]


def told(script: Any) -> list[dict[str, Any]]:
    """Every kind of record, as a log has them."""
    events = [
        *script.events(), Diagnosed(finding="overfit", text="It overfits.", evidence={"gap": 1.0}, epoch=8),
        CommandTaken(command="set", value={"key": "optimizer.lr", "value": 0.1}, epoch=8, step=80),
        CheckpointSaved(epoch=8, step=80, path="checkpoints/step-000000080"), StorageFailed(what="log", error="full"),
        Resumed(epoch=8, step=80, changes={"optimizer.lr": [0.1, 0.2]}), script.events(reason="finished", restored=5)[-1],
    ]  # fmt: skip
    lines = {event.name: json.loads(to_line(event)) for event in events}
    started, epoch, checked = (lines[name] for name in ("run_started", "epoch_ended", "checked"))
    rest = [line for name, line in lines.items() if name not in ("run_started", "epoch_ended", "checked")]
    return [started, epoch, checked, *rest]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key in value:
            yield (*path, key)
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(min(len(value), 1)):
            yield (*path, index)
            yield from places(value[index], (*path, index))


def put(record: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed: Any = copy.deepcopy(record)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


def renamed(record: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    changed: Any = copy.deepcopy(record)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if isinstance(inner, dict):
        inner[EVIL] = inner.pop(path[-1])
    return changed


def history_of(records: list[dict[str, Any]]) -> History:
    history = History()
    events = [log.parse(json.dumps(record).encode()) for record in records]
    log.fold(history, [event for event in events if event is not None])
    return history


def shown(script: Any, history: History, name: str = "digits-0001") -> str:
    run = script.run(history=history, directory=Path("runs") / name)
    return frame(run, 60, 20)


@pytest.mark.parametrize(
    "name",
    ["run_started", "epoch_ended", "checked", "diagnosed", "command", "checkpoint_saved", "storage_failed",
     "resumed", "run_ended"],
)  # fmt: skip
def test_no_text_of_a_log_drives_the_terminal_and_no_odd_value_raises(script: Any, name: str) -> None:
    records = told(script)
    (at,) = (index for index, record in enumerate(records) if record["event"] == name)
    for path in places(records[at]):
        if path == ("event",):
            continue
        inside = path[0] == "experiment" and len(path) > 1  # known settings of ours: only some, for time
        for changed in [put(records[at], path, odd) for odd in (ODD[-1:] if inside else ODD)] + [
            renamed(records[at], path)
        ]:
            history = history_of([*records[:at], changed, *records[at + 1 :]])
            text = shown(script, history)
            assert not DRIVES.search(text), (path, changed)
            if history.started is not None and history.ended is not None:
                lines = "\n".join(line.plain for line in summary(history, 100, directory="x"))
                assert not DRIVES.search(lines), (path, changed)


def test_a_directory_with_a_hostile_name_is_text(script: Any) -> None:
    assert not DRIVES.search(shown(script, history_of(told(script)), EVIL))


async def test_what_reaches_a_line_of_the_lab_is_text(open_lab: Any, script: Any) -> None:
    async with open_lab(script.events()) as lab:
        line = lab.app.lab.query_one("#diagnosis")
        assert written(line, f"one{EVIL}\n  two") == "one]52;c;QUJD2J[bold]x\n  two"
