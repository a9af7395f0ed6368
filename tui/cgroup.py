"""What a container or a batch system allows a process: its control groups, version 1 and 2."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: From here on a number stands for "no limit"; version 1 writes the largest multiple of a page.
_UNLIMITED = 1 << 60


@dataclass(frozen=True, slots=True)
class Allowance:
    """The tightest limits above a process; None where there is none."""

    memory: int | None = None
    "Bytes."
    used: int | None = None
    "Bytes that count against it and cannot be dropped, as cached files can."
    cores: float | None = None


def allowance(pid: int, proc: Path = Path("/proc"), root: Path = Path("/sys/fs/cgroup")) -> Allowance:
    """Return what a process is allowed; an empty one where the system has no control groups."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return Allowance()
    memory: list[tuple[int, int | None]] = []
    cores: list[float] = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        names = controllers.split(",")
        if not controllers:
            # `unified` is where version 2 is found beside version 1.
            for base in (root, root / "unified"):
                for folder in _upwards(base, path):
                    memory += _memory(folder, "memory.max", "memory.current", "inactive_file")
                    cores += _quota_2(folder)
        if "memory" in names:
            for folder in _upwards(root / "memory", path):
                memory += _memory(
                    folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
                )
        if "cpu" in names:
            for folder in _upwards(root / "cpu", path):
                cores += _quota_1(folder)
    limit, used = min(memory, key=lambda found: found[0], default=(None, None))
    return Allowance(limit, used, min(cores, default=None))


def _upwards(base: Path, path: str) -> list[Path]:
    """The group's folder and those above it; a container sees only some of them, or its own as the top."""
    parts = [part for part in path.split("/") if part and part != ".."]
    return [base.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]


def _memory(folder: Path, limit: str, usage: str, droppable: str) -> list[tuple[int, int | None]]:
    most = _number(folder / limit)
    if most is None or most >= _UNLIMITED:
        return []
    used = _number(folder / usage)
    if used is not None:
        try:
            for line in (folder / "memory.stat").read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == droppable:
                    used = max(0, used - int(value))
        except (OSError, ValueError):
            pass
    return [(most, used)]


def _quota_2(folder: Path) -> list[float]:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return [] if quota == "max" else [int(quota) / int(period)]
    except (OSError, ValueError, ZeroDivisionError):
        return []


def _quota_1(folder: Path) -> list[float]:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return [quota / period] if quota is not None and period and quota > 0 else []


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max" is no number
        return None
