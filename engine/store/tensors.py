"""Tensors on disk as safetensors: plain numbers behind a header, nothing that could be run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from . import pulse


def dumps(tensors: Mapping[str, torch.Tensor], facts: Mapping[str, str] | None = None) -> bytes:
    """Return tensors, and facts about them, in the safetensors format; needs as much memory again.

    Raises OSError if there is none, or if a device does not give its tensors away: nothing can be saved then.
    """
    try:
        with pulse.computing():
            plain = {
                name: value.detach().to("cpu", copy=False).contiguous() for name, value in tensors.items()
            }
            # Under one name: the library writes several in any order, and equal states shall be equal files.
            return save(plain, {"ladera": json.dumps(facts)} if facts else None)
    except (MemoryError, RuntimeError) as error:
        raise OSError(f"the state cannot be copied: {str(error) or 'out of memory'}") from None


def loads(data: bytes) -> dict[str, torch.Tensor]:
    """Return the tensors of a file's bytes, on the CPU. Raises ValueError if they are not in the format."""
    try:
        return load(data)
    except (SafetensorError, RuntimeError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from None


def facts(data: bytes) -> dict[str, str]:
    """Return the facts that `dumps` wrote beside the tensors; empty if there are none. Raises ValueError."""
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        found = json.loads(header.get("__metadata__", {}).get("ladera", "{}"))
    except (AttributeError, TypeError) as error:
        raise ValueError(str(error)) from None
    return found if isinstance(found, dict) else {}


def digest(data: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal."""
    with pulse.computing():
        return hashlib.sha256(data).hexdigest()
