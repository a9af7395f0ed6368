"""NVIDIA GPUs as their driver tells of them, through nvidia-ml-py where it is installed; never raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")

NONE = "no NVIDIA GPU"

#: Why a GPU runs slower than it could, by the bit of the driver's answer. Idleness, and clocks that somebody chose
#: or that follow another GPU or the display, are no trouble.
_SLOWED = {
    0x04: "power limit",
    0x08: "hardware slowdown",
    0x20: "too hot (driver)",
    0x40: "too hot (hardware)",
    0x80: "power brake",
}

#: What a kernel module of the driver shows, whether or not Python can ask it.
_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU at a moment; None where its driver does not tell."""

    index: int
    name: str
    busy: float | None = None
    "Share of the last moment in which any kernel ran, 0 to 1; it says nothing of how much of the GPU it filled."
    used: int | None = None
    "Bytes of its memory, of all processes."
    total: int | None = None
    own: int | None = None
    "Bytes used by the process looked at."
    temperature: int | None = None
    "Degrees Celsius."
    power: float | None = None
    "Watts."
    power_limit: float | None = None
    clock: int | None = None
    "MHz of the processors."
    clock_most: int | None = None
    slowed: tuple[str, ...] = ()
    "Why it runs slower than it could."


@dataclass(frozen=True, slots=True)
class Gpus:
    """All GPUs, or why there are none to see."""

    found: tuple[Gpu, ...] = ()
    trouble: str = ""
    "In words; empty if there are some."


def read_gpus(pid: int) -> Gpus:
    """Ask the driver; may take as long as the driver likes, so ask in a thread."""
    try:
        nvml: Any = import_module("pynvml")
    except ImportError:
        if _DRIVER.exists():
            return Gpus(trouble="a driver is here, but not what asks it: pip install 'ladera[gpu]'")
        return Gpus(trouble=NONE)
    try:
        nvml.nvmlInit()  # counted by the library: again costs microseconds
        found = tuple(_gpu(nvml, index, pid) for index in range(nvml.nvmlDeviceGetCount()))
    except Exception as error:  # whatever a driver, or another library of that name, comes up with
        return Gpus(trouble=_words(nvml, error))
    return Gpus(found, "" if found else NONE)


def _words(nvml: Any, error: Exception) -> str:
    code = getattr(error, "value", None)
    if code is not None and code == getattr(nvml, "NVML_ERROR_LIBRARY_NOT_FOUND", None):
        return f"{NONE} (no driver on this machine)"
    return f"the NVIDIA driver answers: {str(error) or type(error).__name__}"


def _gpu(nvml: Any, index: int, pid: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)

    def asked(name: str, of: Callable[[Any], _T], *more: Any) -> _T | None:
        try:
            return of(getattr(nvml, name)(handle, *more))
        except Exception:  # many cards, and parts of cards, do not tell everything
            return None

    memory = asked("nvmlDeviceGetMemoryInfo", lambda told: (int(told.used), int(told.total)))
    reasons = asked("nvmlDeviceGetCurrentClocksThrottleReasons", int) or 0
    return Gpu(
        index=index,
        name=asked("nvmlDeviceGetName", _text) or "NVIDIA GPU",
        busy=asked("nvmlDeviceGetUtilizationRates", lambda told: told.gpu / 100),
        used=memory[0] if memory else None,
        total=memory[1] if memory else None,
        own=asked("nvmlDeviceGetComputeRunningProcesses", lambda told: _own(told, pid)),
        temperature=asked("nvmlDeviceGetTemperature", int, getattr(nvml, "NVML_TEMPERATURE_GPU", 0)),
        power=asked("nvmlDeviceGetPowerUsage", lambda told: told / 1000),
        power_limit=asked("nvmlDeviceGetEnforcedPowerLimit", lambda told: told / 1000),
        clock=asked("nvmlDeviceGetClockInfo", int, getattr(nvml, "NVML_CLOCK_SM", 1)),
        clock_most=asked("nvmlDeviceGetMaxClockInfo", int, getattr(nvml, "NVML_CLOCK_SM", 1)),
        slowed=tuple(word for bit, word in _SLOWED.items() if reasons & bit),
    )


def _text(told: Any) -> str:
    return told.decode(errors="replace") if isinstance(told, bytes) else str(told)


def _own(told: Any, pid: int) -> int | None:
    """Bytes of one process; in containers the driver counts processes otherwise and finds none."""
    return next((int(one.usedGpuMemory) for one in told if one.pid == pid and one.usedGpuMemory), None)
