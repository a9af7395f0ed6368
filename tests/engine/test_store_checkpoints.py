"""Checkpoints: complete or not there, at every fault of a save; believed only bit for bit."""

from __future__ import annotations

import errno
import math
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ladera.engine.errors import StoreError
from ladera.engine.store import checkpoints
from ladera.engine.store.checkpoints import branch, found, latest_valid, prune, save

Tensors = dict[str, torch.Tensor]
ENGINE = Path(__file__).parents[2] / "engine"


def state(step: int) -> tuple[Tensors, dict[str, Any]]:
    values = torch.arange(step, step + 40, dtype=torch.float32)
    tensors = {
        "parameters": values,
        "buffers": torch.empty(0),
        "generator.dropout": torch.Generator().manual_seed(step).get_state(),
        "optimizer.m": values.double().view(5, 8)[:, ::2],
    }
    plain = {
        "training": {"step": step, "stopping": {"best_epoch": 1, "best": 0.5}},
        "epoch": 2,
        "low": math.inf,
    }
    return tensors, plain


def same(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[name], other[name]) and one[name].dtype == other[name].dtype for name in one
    )


def test_a_branch_starts_from_the_newest_checkpoint_not_after_an_epoch(tmp_path: Path) -> None:
    for step, epoch in ((10, 3), (20, 5), (30, 7)):
        tensors, plain = state(step)
        save(tmp_path, tensors, {**plain, "epoch": epoch}, 0)
    for asked, given in ((2, 2), (3.9, 2), (4, 4), (100, 6)):
        chosen = branch(tmp_path, asked)
        assert chosen.parent == {"run": tmp_path.name, "epoch": given}
        assert same(dict(chosen.tensors), state(10 + 10 * (given // 2 - 1))[0])
    damaged = tmp_path / "checkpoints" / "step-000000030" / "state.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    assert branch(tmp_path, 100).parent["epoch"] == 4
    with pytest.raises(StoreError, match="before epoch 1; what is kept is from the end of epoch 2 and 4"):
        branch(tmp_path, 1)
    with pytest.raises(StoreError, match="none is kept"):
        branch(tmp_path / "nothing", 1)


def test_what_was_saved_is_read_bit_for_bit(tmp_path: Path) -> None:
    tensors, plain = state(7)
    path = save(tmp_path, tensors, plain, 1234)
    read = latest_valid(tmp_path)
    assert read is not None
    assert (read.path, read.step, read.plain, read.log_bytes, read.skipped) == (path, 7, plain, 1234, ())
    assert same(dict(read.tensors), tensors)
    assert path.name == "step-000000007"
    assert {file.name: file.stat().st_mode & 0o777 for file in path.iterdir()} == {
        "state.safetensors": 0o600, "state.json": 0o600, "manifest.json": 0o600,
    }  # fmt: skip
    assert path.stat().st_mode & 0o777 == 0o700


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    assert latest_valid(tmp_path) is None
    (tmp_path / "checkpoints").mkdir()
    assert latest_valid(tmp_path) is None


def test_the_newest_is_found_by_its_step_not_by_its_date(tmp_path: Path) -> None:
    for step in (1_000_000_000, 20, 3):
        save(tmp_path, *state(step), 0)
    assert [path.name for path in found(tmp_path)] == ["step-1000000000", "step-000000020", "step-000000003"]
    read = latest_valid(tmp_path)
    assert read is not None
    assert read.step == 1_000_000_000


def test_a_second_save_of_a_step_is_the_newer_one(tmp_path: Path) -> None:
    paths = [save(tmp_path, *state(5), log_bytes) for log_bytes in range(11)]
    assert len(set(paths)) == 11
    read = latest_valid(tmp_path)
    assert read is not None
    assert read.log_bytes == 10


def test_pruning_keeps_what_it_is_told_and_collects_what_interrupted_saves_left(tmp_path: Path) -> None:
    paths = [save(tmp_path, *state(step), 0) for step in range(4)]
    folder = tmp_path / "checkpoints"
    (folder / ".staging-1-1").mkdir()
    (folder / ".staging-1-1" / "manifest.json").write_text("{}")
    (folder / "notes of mine").mkdir()
    assert latest_valid(tmp_path) is not None
    prune(tmp_path, [path.name for path in paths[2:]])
    assert sorted(path.name for path in folder.iterdir()) == [
        "notes of mine",
        *(path.name for path in paths[2:]),
    ]


# -- damage ----------------------------------------------------------------------------------------------------------


def refused(directory: Path) -> str:
    """The reason for which the newest of two checkpoints was passed over; the older one must be read."""
    read = latest_valid(directory)
    assert read is not None
    assert read.step == 1
    assert same(dict(read.tensors), state(1)[0])
    (reason,) = read.skipped
    return reason


@pytest.fixture
def two(tmp_path: Path) -> Path:
    save(tmp_path, *state(1), 0)
    return save(tmp_path, *state(2), 0)


@pytest.mark.parametrize("name", ["manifest.json", "state.json", "state.safetensors"])
def test_every_flipped_bit_is_noticed(two: Path, name: str) -> None:
    good = (two / name).read_bytes()
    bits = range(8 * len(good))
    if name != "manifest.json":
        bits = random.Random(4).sample(bits, 400)
    for bit in bits:
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        (two / name).write_bytes(bad)
        assert "step-000000002" in refused(two.parents[1]), bit


@pytest.mark.parametrize("name", ["manifest.json", "state.json", "state.safetensors"])
def test_every_truncation_is_noticed(two: Path, name: str) -> None:
    good = (two / name).read_bytes()
    for length in {0, 1, len(good) // 2, len(good) - 1, *range(0, len(good), 13)}:
        (two / name).write_bytes(good[:length])
        refused(two.parents[1])
    (two / name).write_bytes(good + b"\0")
    refused(two.parents[1])
    (two / name).unlink()
    assert "No such file" in refused(two.parents[1])


def test_a_file_of_another_checkpoint_is_noticed(two: Path) -> None:
    older = two.with_name("step-000000001")
    for name in ("state.json", "state.safetensors"):
        shutil.copy(older / name, two / name)
    assert "SHA-256" in refused(two.parents[1])


def test_with_no_valid_one_each_is_named(two: Path) -> None:
    for path in found(two.parents[1]):
        (path / "state.json").write_text("{}")
    with pytest.raises(StoreError, match=r"step-000000002.*step-000000001"):
        latest_valid(two.parents[1])


# -- faults while saving ---------------------------------------------------------------------------------------------

CALLS = ("open", "write", "fsync", "rename", "mkdir", "close")


def counted(patch: pytest.MonkeyPatch, root: Path, fails: Callable[[int, str], OSError | None]) -> list[str]:
    """Count the system calls below a directory, and let `fails` decide about each."""
    made: list[str] = []

    def about(target: Any) -> bool:
        try:
            place = os.readlink(f"/proc/self/fd/{target}") if isinstance(target, int) else os.fspath(target)  # noqa: PTH115
        except OSError:
            return False
        return str(place).startswith(str(root))

    def wrapped(name: str) -> Callable[..., Any]:
        original = getattr(os, name)

        def call(target: Any, *rest: Any, **options: Any) -> Any:
            if about(target):
                made.append(name)
                error = fails(len(made), name)
                if error is not None:
                    if name == "write" and error.errno == errno.ENOSPC:
                        original(target, bytes(rest[0])[: len(rest[0]) // 2])
                    if name == "close":
                        original(target)
                    raise error
            return original(target, *rest, **options)

        return call

    for name in CALLS:
        patch.setattr(os, name, wrapped(name))
    return made


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_save_that_fails_at_any_call_leaves_the_last_one_whole(tmp_path: Path, number: int) -> None:
    save(tmp_path, *state(1), 10)
    with pytest.MonkeyPatch.context() as patch:
        calls = counted(patch, tmp_path, lambda *_: None)
        trial = save(tmp_path, *state(2), 20)
    shutil.rmtree(trial)
    assert calls.count("fsync") == 5
    for fault in range(1, len(calls) + 1):
        with pytest.MonkeyPatch.context() as patch:
            error = OSError(number, os.strerror(number))
            counted(
                patch, tmp_path, lambda count, _, fault=fault, error=error: error if count == fault else None
            )
            with pytest.raises(OSError, match=os.strerror(number)):
                save(tmp_path, *state(2), 20)
        read = latest_valid(tmp_path)
        assert read is not None
        # Only after the rename may the new one be there, and then it is whole.
        assert (read.step, read.skipped) in ((1, ()), (2, ())), calls[fault - 1]
        assert same(dict(read.tensors), state(read.step)[0])
        if read.step == 2:
            assert "rename" in calls[: fault - 1]
            shutil.rmtree(read.path)
        # Nothing is left behind, and the next attempt succeeds.
        assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-000000001"]
        shutil.rmtree(save(tmp_path, *state(2), 20))


class _Killed(BaseException):
    """Stands for the end of the process: nothing after it runs, no clean-up either."""


def test_a_save_that_is_killed_at_any_call_leaves_the_last_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, *state(1), 10)
    with pytest.MonkeyPatch.context() as patch:
        calls = counted(patch, tmp_path, lambda *_: None)
        trial = save(tmp_path, *state(2), 20)
    shutil.rmtree(trial)

    def killed(fault: int) -> Callable[[int, str], OSError | None]:
        def fails(count: int, _: str) -> OSError | None:
            if count == fault:
                raise _Killed
            return None

        return fails

    for fault in range(1, len(calls) + 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(checkpoints.shutil, "rmtree", lambda *_, **__: None)
            counted(patch, tmp_path, killed(fault))
            with pytest.raises(_Killed):
                save(tmp_path, *state(2), 20)
        read = latest_valid(tmp_path)
        assert read is not None
        assert (read.step, read.skipped) in ((1, ()), (2, ()))
        prune(tmp_path, ["step-000000001"])
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-000000001"]


def test_the_engine_writes_and_reads_no_pickle() -> None:
    forbidden = re.compile(
        r"\b(import|from) (pickle|joblib|marshal|shelve|dill)|\bpickle\.|(?<!safetensors\.)torch\.(load|save)"
        r"|allow_pickle=True|weights_only=False|[^.]\b(eval|exec)\("
    )
    assert forbidden.search("    value = torch.load(path)")
    sources = sorted(ENGINE.rglob("*.py"))
    assert len(sources) > 30
    found = [
        f"{path.name}:{number}"
        for path in sources
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if forbidden.search(line)
    ]
    assert found == []


def test_a_checkpoint_with_a_pickle_inside_is_refused(two: Path) -> None:
    # A pickle that would call os.system when loaded, in the tensors' place, with a manifest made to fit.
    bomb = b"cos\nsystem\n(S'touch " + str(two / "ran").encode() + b"'\ntR."
    (two / "state.safetensors").write_bytes(bomb)
    from ladera.engine.store import tensors

    facts = {
        name: {"bytes": len((two / name).read_bytes()), "sha256": tensors.digest((two / name).read_bytes())}
        for name in ("state.safetensors", "state.json")
    }
    (two / "manifest.json").write_bytes(checkpoints._manifest(2, facts))
    refused(two.parents[1])
    assert not (two / "ran").exists()


def test_a_link_in_the_place_of_the_folder_is_neither_written_nor_emptied(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for step in (1, 2, 3):
        save(elsewhere, *state(step), 0)
    run = tmp_path / "run"
    run.mkdir()
    (run / "checkpoints").symlink_to(elsewhere / "checkpoints")
    with pytest.raises(OSError, match="own directory only"):
        save(run, *state(4), 0)
    prune(run, [])
    checkpoints.sweep(run)
    assert len(found(elsewhere)) == 3
    for read in (latest_valid, lambda place: branch(place, 100)):
        with pytest.raises(StoreError, match="is a link"):
            read(run)


@pytest.mark.parametrize("value", [[], {}, {"format": 1}, {"format": 1, "step": 1, "files": {}}, {"format": 1, "step": 1, "files": []}])  # fmt: skip
def test_a_manifest_that_was_signed_and_says_nothing_is_damaged(tmp_path: Path, value: Any) -> None:
    place = save(tmp_path, *state(1), 0)
    body = value if isinstance(value, dict) else {}
    signed = {**body, "sha256": checkpoints.tensors.digest(checkpoints._canonical(body))} if value else value
    (place / "manifest.json").write_bytes(checkpoints._canonical(signed))
    with pytest.raises(StoreError, match="is damaged and was passed over"):
        latest_valid(tmp_path)
