"""Which process writes a run: enough to tell later, from another process, whether it still lives."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it is told from every other, also from a later one with the same number."""

    pid: int
    host: str
    boot: str
    "Identity of the machine's start and of the process-number space (container); empty where there is none."
    start: str
    "When the process began, in the system's own count."

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Process | None:
        """Read one from plain values; None if they do not hold one."""
        pid, host = values.get("pid"), values.get("host")
        if (
            not isinstance(pid, int)
            or isinstance(pid, bool)
            or not 0 < pid < 1 << 31
            or not isinstance(host, str)
        ):
            return None
        return cls(pid, host, str(values.get("boot", "")), str(values.get("start", "")))

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"pid": self.pid, "host": self.host, "boot": self.boot, "start": self.start}

    def alive(self) -> bool | None:
        """Tell whether it still runs; None for a process of another machine or container."""
        if self.host != _host():
            return None
        if self.boot != _boot():
            # The same machine since restarted has no such process; another container's cannot be seen.
            same_boot = self.boot.partition(":")[0] == _boot().partition(":")[0]
            return None if same_boot else False
        return bool(self.start) and _start(self.pid) == self.start


def this_process() -> Process:
    """Return the identity of this process."""
    pid = os.getpid()
    return Process(pid, _host(), _boot(), _start(pid))


@cache
def _host() -> str:
    return platform.node()


@cache
def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _start(pid: int) -> str:
    """Return when a process began, empty if it is not there or only waits to be buried."""
    try:
        with Path(f"/proc/{pid}/stat").open("rb") as file:
            # The name, in parentheses, may hold anything; fields are counted from its end.
            fields = file.read().rpartition(b")")[2].split()
        return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return ""
    import psutil

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return ""
