"""The machine's numbers: counters and control groups made by hand, a GPU driver made up, and this very process."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ladera.tui import nvidia
from ladera.tui.blocks import Page
from ladera.tui.cgroup import Allowance, allowance
from ladera.tui.nvidia import NONE, Gpu, Gpus, read_gpus
from ladera.tui.system import KEPT, Asking, Machine, Ring, Sample, size
from ladera.tui.system_hints import hints
from ladera.tui.system_page import keep, page_of, spark

GIB = 1 << 30


@pytest.mark.parametrize(
    ("n", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "0.98 KiB"), (1024, "1.00 KiB"), (432013312, "412 MiB"), (1.5 * GIB, "1.50 GiB"),
     (80 * GIB, "80.0 GiB"), (3 << 50, "3072 TiB")],
)  # fmt: skip
def test_sizes(n: float, words: str) -> None:
    assert size(n) == words


# -- this process ----------------------------------------------------------------------------------------------------


def test_the_time_of_a_process_is_what_the_system_counts(tmp_path: Path) -> None:
    machine = Machine(os.getpid(), None, tmp_path)
    first, spent = machine.read(), time.process_time()
    assert first.process_cores is None and first.busy is None  # a rate needs two moments
    while time.process_time() < spent + 0.1:
        sum(range(1000))
    second = machine.read()
    assert second.process_cores is not None
    took = second.process_cores * (second.at - first.at)
    assert took == pytest.approx(time.process_time() - spent, abs=0.05)  # the system counts in hundredths
    if sys.platform == "linux":
        assert second.threads == len(list(Path("/proc/self/task").iterdir()))
    assert 0 < (second.resident or 0) < second.total
    assert second.usable <= len(second.cores)


def test_a_process_that_is_gone_leaves_the_machine(tmp_path: Path) -> None:
    sample = Machine(2**22 + 7, None, tmp_path).read()  # beyond the largest number that Linux gives
    assert sample.pid is None and sample.resident is None and sample.total > 0
    assert Machine(None, None, tmp_path / "not" / "there").read().disk_free


def test_the_log_grows_by_what_is_written(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_bytes(b"x" * 100)
    (tmp_path / "status.json").write_bytes(b"y" * 11)
    machine = Machine(None, tmp_path, tmp_path)
    first = machine.read()
    assert (first.run_size, first.log_rate) == (111, None)
    log.write_bytes(b"x" * 350)
    second = machine.read()
    assert second.run_size == 361
    assert second.log_rate is not None
    assert second.log_rate * (second.at - first.at) == pytest.approx(250)
    log.write_bytes(b"")
    assert machine.read().log_rate == 0  # it began anew


def test_cores_by_hand(tmp_path: Path) -> None:
    times = namedtuple("times", "user system idle iowait guest guest_nice")
    machine = Machine(None, None, tmp_path)
    assert machine._busy([times(10, 5, 100, 5, 2, 0), times(0, 0, 10, 0, 0, 0)]) == ()
    # The first core: 3 s of work (1 s of it a guest's, counted twice), 1 s of waiting. The second stands still.
    busy = machine._busy([times(12, 6, 100.5, 5.5, 3, 0), times(0, 0, 10, 0, 0, 0)])
    assert busy == (0.75, 0.0)
    assert machine._busy([times(1, 1, 1, 1, 0, 0)]) == ()  # a core went: no rate


# -- containers ------------------------------------------------------------------------------------------------------


def tree(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_tightest_limit_of_version_2_counts(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            "proc/7/cgroup": "0::/pod/box\n",
            "cg/pod/box/memory.max": "max\n",
            "cg/pod/box/cpu.max": "max 100000\n",
            "cg/pod/memory.max": f"{2 * GIB}\n",
            "cg/pod/memory.current": f"{GIB}\n",
            "cg/pod/memory.stat": f"anon 5\ninactive_file {GIB // 4}\n",
            "cg/pod/cpu.max": "150000 100000\n",
            "cg/memory.max": f"{9 * GIB}\n",
        },
    )
    assert allowance(7, tmp_path / "proc", tmp_path / "cg") == Allowance(2 * GIB, GIB - GIB // 4, 1.5)


def test_version_1_and_no_limit_at_all(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            "proc/7/cgroup": "4:memory:/box\n2:cpu,cpuacct:/box\n0::/\n",
            "cg/memory/memory.limit_in_bytes": f"{GIB}\n",  # a container sees its own group at the top
            "cg/memory/memory.usage_in_bytes": "1000\n",
            "cg/memory/memory.stat": "total_inactive_file 5000\n",
            "cg/cpu/cpu.cfs_quota_us": "50000\n",
            "cg/cpu/cpu.cfs_period_us": "100000\n",
            "proc/8/cgroup": "4:memory:/\n",
            "none/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    assert allowance(7, tmp_path / "proc", tmp_path / "cg") == Allowance(GIB, 0, 0.5)
    assert allowance(8, tmp_path / "proc", tmp_path / "none") == Allowance()
    assert allowance(9, tmp_path / "proc", tmp_path / "cg") == Allowance()


# -- GPUs ------------------------------------------------------------------------------------------------------------


class DriverError(Exception):
    """As nvidia-ml-py's: the driver's number in `value`."""

    def __init__(self, value: int, words: str) -> None:
        super().__init__(words)
        self.value = value


def driver(**changes: Any) -> ModuleType:
    """A driver of one card; the names are those of nvidia-ml-py."""
    told: dict[str, Any] = {
        "NVML_ERROR_LIBRARY_NOT_FOUND": 12,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda card: b"NVIDIA T4",
        "nvmlDeviceGetUtilizationRates": lambda card: SimpleNamespace(gpu=37, memory=5),
        "nvmlDeviceGetMemoryInfo": lambda card: SimpleNamespace(used=4 * GIB, total=16 * GIB),
        "nvmlDeviceGetComputeRunningProcesses": lambda card: [SimpleNamespace(pid=7, usedGpuMemory=GIB)],
        "nvmlDeviceGetTemperature": lambda card, kind: 61,
        "nvmlDeviceGetPowerUsage": lambda card: 68250,
        "nvmlDeviceGetEnforcedPowerLimit": lambda card: 70000,
        "nvmlDeviceGetClockInfo": lambda card, kind: 1230,
        "nvmlDeviceGetMaxClockInfo": lambda card, kind: 1590,
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda card: 0x04 | 0x40 | 0x01,
    }
    module = ModuleType("pynvml")
    module.__dict__.update({**told, **changes})
    return module


def test_a_card_tells_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver())
    card = Gpu(
        0, "NVIDIA T4", 0.37, 4 * GIB, 16 * GIB, GIB, 61, 68.25, 70.0, 1230, 1590, ("power limit", "too hot (hardware)")
    )  # fmt: skip
    assert read_gpus(7) == Gpus((card,))
    assert read_gpus(8).found[0].own is None


def test_what_a_card_does_not_tell_is_missing_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise DriverError(3, "Not Supported")

    silent = {name: refuse for name in vars(driver()) if name.startswith("nvmlDeviceGet")}
    kept = {name: getattr(driver(), name) for name in ("nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex")}
    monkeypatch.setitem(sys.modules, "pynvml", driver(**{**silent, **kept}))
    assert read_gpus(7) == Gpus((Gpu(0, "NVIDIA GPU"),))
    text = "\n".join(
        line.plain for line in page_of(Sample(at=0, total=1), read_gpus(7), Ring(), Page(80, 30))
    )
    assert text.count("not told") == 2


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DriverError(12, "NVML Shared Library Not Found"), f"{NONE} (no driver on this machine)"),
        (DriverError(15, "GPU is lost"), "the NVIDIA driver answers: GPU is lost"),
        (OSError(), "the NVIDIA driver answers: OSError"),
    ],
)
def test_faults_of_the_driver_are_told(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def init() -> None:
        raise error

    monkeypatch.setitem(sys.modules, "pynvml", driver(nvmlInit=init))
    assert read_gpus(7) == Gpus(trouble=words)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)  # import raises ImportError
    monkeypatch.setattr(nvidia, "_DRIVER", tmp_path / "none")
    assert read_gpus(7).trouble == NONE
    (tmp_path / "version").touch()
    monkeypatch.setattr(nvidia, "_DRIVER", tmp_path / "version")
    assert "pip install 'ladera[gpu]'" in read_gpus(7).trouble


def test_a_driver_that_hangs_is_asked_once() -> None:
    go, calls = threading.Event(), list[int]()

    def read() -> int:
        calls.append(1)
        go.wait(30)
        if len(calls) == 2:
            raise OSError("GPU is lost")
        return 5

    asking = Asking(read)
    assert asking.waiting == 0
    for _ in range(3):
        asking.ask()
    while not calls:
        time.sleep(0.001)
    assert asking.waiting > 0 and calls == [1]
    go.set()
    for answers, trouble in ((1, ""), (2, "GPU is lost")):
        until = time.monotonic() + 30
        while asking.answers < answers or asking.waiting:
            assert time.monotonic() < until
            time.sleep(0.001)
        assert (asking.answer, asking.trouble) == (5, trouble)  # the last answer stays
        asking.ask()


# -- two minutes -----------------------------------------------------------------------------------------------------


def test_seconds_that_were_missed_stay_empty() -> None:
    ring = Ring()
    ring.add(100.0, cpu=0.5)
    ring.add(101.1, cpu=0.6)
    ring.add(104.0, cpu=0.7, gpu0=0.1)
    assert ring.values("cpu")[-5:] == [0.5, 0.6, None, None, 0.7]
    assert ring.values("gpu0")[-2:] == [None, 0.1]
    assert len(ring.values("cpu")) == len(ring.values("nothing")) == KEPT
    ring.add(10_000.0, cpu=0.8)
    assert [value for value in ring.values("cpu") if value is not None] == [0.8]


def test_a_mean_needs_five_numbers() -> None:
    ring = Ring()
    for second in range(4):
        ring.add(float(second), cpu=1.0)
    assert ring.recent("cpu") is None
    ring.add(4.0, cpu=0.0)
    assert ring.recent("cpu") == pytest.approx(0.8)


def test_histories_by_hand() -> None:
    values: list[float | None] = [None] * 60 + [0.0] * 30 + [1.0] * 30
    assert spark(values, 1.0, 4, 1, "ascii") == ["  .@"]
    assert spark(values, 1.0, 4, 2, "block") == ["   █", "  ▄█"]
    top, bottom = spark(values, 1.0, 4, 2, "braille")
    assert top == "\u2800\u2800\u2800⣿" and bottom == "\u2800\u2800⣀⣿"
    assert spark([None] * 119 + [9.0], 1.0, 60, 1, "braille")[0][-1] == "⢸"  # too much fills its column
    assert spark(values, 1.0, 0, 2, "braille") == ["", ""]


# -- what it says ----------------------------------------------------------------------------------------------------


def filled(**values: float) -> Ring:
    ring = Ring()
    for second in range(10):
        ring.add(float(second), **values)
    return ring


CALM = Sample(at=0, cores=(0.5, 0.5), usable=2, used=GIB, total=4 * GIB, disk_free=100 * GIB)
CARD = Gpus((Gpu(0, "T4", used=GIB, total=16 * GIB),))


@pytest.mark.parametrize(
    ("changes", "ring", "options", "words"),
    [
        ({}, {"cpu": 0.5, "process": 1.0}, {"training": False}, ""),
        ({}, {"cpu": 0.5, "process": 1.0}, {}, "uses 1.0 of 2 cores: for a network this small one thread"),
        ({}, {"cpu": 0.5, "process": 1.0}, {"threads": 2}, "1.0 of 2 cores with 2 threads"),
        ({"usable": 1.0}, {"cpu": 0.5, "process": 1.0}, {}, ""),
        ({}, {"cpu": 1.0, "process": 1.9}, {"threads": 2}, ""),
        ({}, {"cpu": 1.0, "process": 1.0}, {}, "Other processes take 1.0 of 2 cores"),
        ({"used": 3.8 * GIB}, {}, {}, "95% of this machine's memory of 4.00 GiB"),
        ({"limit": GIB, "limit_used": 0.97 * GIB}, {}, {}, "97% of the container's limit of 1.00 GiB"),
        ({"disk_free": GIB // 2}, {}, {}, "Only 512 MiB are left"),
        ({}, {"gpu0": 0.1}, {"gpus": CARD, "device": "cuda:0"}, "The GPU is busy 10% of the time"),
        ({}, {"gpu0": 0.9}, {"gpus": CARD, "device": "cuda"}, ""),
        ({}, {}, {"gpus": CARD}, "The GPU is not used: torch sees no CUDA device"),
        ({}, {}, {"gpus": CARD, "asked": "cpu"}, "The GPU is not used: training.device is cpu"),
        ({}, {}, {"gpus": Gpus((Gpu(1, "T4", slowed=("power limit",)),)), "device": "cuda"}, "GPU 1 slows itself down"),
        ({}, {}, {"gpus": Gpus((Gpu(0, "T4", used=98, total=100),)), "device": "cuda"}, "memory of GPU 0 is at 98%"),
    ],
)  # fmt: skip
def test_hints(changes: dict[str, Any], ring: dict[str, float], options: dict[str, Any], words: str) -> None:
    values = {name: getattr(CALM, name) for name in CALM.__slots__} | changes
    options = {"training": True, "gpus": Gpus(trouble=NONE), **options}
    said = hints(Sample(**values), filled(**ring), options.pop("gpus"), **options)
    assert (words in said[0]) if words else said == []


@pytest.mark.parametrize("marker", ["braille", "block", "ascii"])
@pytest.mark.parametrize(("width", "height"), [(18, 2), (61, 20), (78, 20), (118, 34), (298, 95)])
def test_a_page_keeps_to_its_room(width: int, height: int, marker: Any) -> None:
    cards = Gpus(tuple(Gpu(index, "NVIDIA H100", 0.5, 40 * GIB, 80 * GIB) for index in range(8)))
    sample = Sample(at=1, cores=(0.3,) * 100, usable=100, load=(1, 2, 3), pid=7, process_cores=3.0, threads=9, resident=GIB,
                    used=GIB, total=GIB, disk_free=GIB, run_size=5, log_rate=2.0)  # fmt: skip
    ring = Ring()
    keep(ring, sample, cards)
    page = page_of(sample, cards, ring, Page(width, height, marker))
    assert max(line.cell_len for line in page) <= width
    text = "\n".join(line.plain for line in page)
    assert " 30.0% of 100 cores"[: width - 10] in text
    if marker == "ascii":
        assert text.isascii()
    if height >= 34:
        assert len(page) <= height
        assert "GPU 7" in text and "50.0% of 80.0 GiB" in text
