"""What the numbers of the machine say that a person would do something about."""

from __future__ import annotations

from .nvidia import Gpus
from .system import Ring, Sample, size


def hints(
    sample: Sample,
    ring: Ring,
    gpus: Gpus,
    *,
    training: bool,
    device: str = "cpu",
    threads: int = 1,
    asked: str = "auto",
) -> list[str]:
    """What the numbers say that a person would do something about, the most urgent first.

    `training` is whether the run computes now, on which device and with how many threads; `asked` is
    its training.device.
    """
    said: list[str] = []
    used, allowed = sample.memory
    if allowed and used / allowed > 0.9:
        whose = "the container's limit" if allowed == sample.limit else "this machine's memory"
        said.append(
            f"Memory is at {used / allowed:.0%} of {whose} of {size(allowed)}: close what is not needed, or use smaller batches or fewer data, before the system ends the process."
        )
    if sample.disk_free is not None and sample.disk_free < 1 << 30:
        said.append(
            f"Only {size(sample.disk_free)} are left where the runs are kept: checkpoints will fail; / lists runs to delete."
        )
    for gpu in gpus.found:
        if gpu.slowed:
            said.append(f"GPU {gpu.index} slows itself down: {', '.join(gpu.slowed)}.")
        if gpu.used is not None and gpu.total and gpu.used / gpu.total > 0.95:
            said.append(
                f"The memory of GPU {gpu.index} is at {gpu.used / gpu.total:.0%}: a larger batch would not fit."
            )
    if training:
        said += _of_speed(sample, ring, gpus, device, threads, asked)
    return said


def _of_speed(sample: Sample, ring: Ring, gpus: Gpus, device: str, threads: int, asked: str) -> list[str]:
    said: list[str] = []
    own, busy, cores = ring.recent("process"), ring.recent("cpu"), sample.usable
    others = busy * len(sample.cores) - own if busy is not None and own is not None else 0.0
    if busy is not None and busy > 0.9 and own is not None and others > 0.5 and others > 0.25 * cores:
        said.append(
            f"Other processes take {others:.1f} of {len(sample.cores)} cores: times measured now are longer than they need be."
        )
    if device.startswith("cuda"):
        index = int(device.partition(":")[2] or 0)
        share = ring.recent(f"gpu{index}")
        if share is not None and share < 0.3:
            said.append(
                f"The GPU is busy {share:.0%} of the time: the network or its batches are too small to fill it. Try a larger training.batch_size, or training.device=cpu."
            )
        return said
    if gpus.found:
        why = (
            "training.device is cpu; cuda is worth a try, but small networks are often faster here."
            if asked == "cpu"
            else "torch sees no CUDA device; `ladera doctor` tells what it was built for."
        )
        said.append(f"The GPU is not used: {why}")
    if own is not None and cores >= 2 and own < 1.3 and not others > cores - 1.5:
        words = f"The process uses {own:.1f} of {cores:g} cores"
        if threads > 1:
            said.append(
                f"{words} with {threads} threads: its steps are too short to share. A larger training.batch_size fills more."
            )
        else:
            said.append(
                f"{words}: for a network this small one thread is fastest. training.threads={int(cores)} tries more; other runs have room."
            )
    return said
