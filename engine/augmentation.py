"""Random changes to a batch of training inputs, drawn anew for each example: images, audio and tables."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .data.names import Form
from .experiment import Augmentation


def augment(
    x: Tensor, config: Augmentation, form: Form, generator: torch.Generator, scale: Tensor | float = 1.0
) -> Tensor:
    """Return a changed copy of the raw inputs x, (batch, *shape): images in [0, 1], audio in [-1, 1].

    Randomness comes from `generator` alone, which lives on the device of x. The random numbers of every
    knob but the noises are drawn whether it is on or off, so that one seed gives the same flips with and without
    rotation, and the same rotations with and without colour changes, batch after batch: the lecture's types I, II
    and III are nested exactly.
    Images stay within [0, 1]. `scale` is what preprocessing divides by, so that `config.noise` is in
    units of the preprocessed input.
    """
    if form == "image":
        x = _augment_images(x, config, generator)
    elif form == "audio":
        x = _augment_audio(x, config, generator)
    if config.noise > 0:
        x = x + config.noise * scale * torch.randn(
            x.shape, generator=generator, device=x.device, dtype=x.dtype
        )
        if form == "image":
            x = x.clamp(0, 1)
    return x


def _augment_images(x: Tensor, config: Augmentation, generator: torch.Generator) -> Tensor:
    n, channels = x.shape[:2]
    # Columns: flip, rotation, contrast, two of shift, two of crop, then one per channel of colour shift and of permutation.
    u = torch.rand(n, 7 + 2 * channels, generator=generator, device=x.device, dtype=x.dtype)
    if config.flip > 0:
        x = torch.where(u[:, 0].lt(config.flip)[:, None, None, None], x.flip(-1), x)
    if config.rotation > 0:
        x = rotate(x, config.rotation * (2 * u[:, 1] - 1))
    if config.shift > 0:
        x = translate(x, _whole(u[:, 3:5], config.shift), repeat_border=True)
    if config.crop > 0:
        x = translate(x, _whole(u[:, 5:7], config.crop), repeat_border=False)
    if config.contrast > 0:
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        x = mean + (x - mean) * (1 + config.contrast * (2 * u[:, 2, None, None, None] - 1))
    if config.colour_shift > 0:
        x = x + config.colour_shift * (2 * u[:, 7 : 7 + channels, None, None] - 1)
    if config.permute_channels:
        order = u[:, 7 + channels :].argsort(dim=1)
        x = x.gather(1, order[:, :, None, None].expand_as(x))
    if config.contrast > 0 or config.colour_shift > 0:
        x = x.clamp(0, 1)
    return x


def _augment_audio(x: Tensor, config: Augmentation, generator: torch.Generator) -> Tensor:
    n, _, samples = x.shape
    # Columns: time shift, gain, length and start of the mask.
    u = torch.rand(n, 4, generator=generator, device=x.device, dtype=x.dtype)
    if config.time_shift > 0:
        x = roll(x, (config.time_shift * samples * (2 * u[:, 0] - 1)).round().long())
    if config.gain_db > 0:
        x = x * torch.pow(10.0, config.gain_db * (2 * u[:, 1] - 1) / 20)[:, None, None]
    if config.snr_db is not None:
        x = add_noise(x, config.snr_db, generator)
    if config.time_mask > 0:
        length = (config.time_mask * samples * u[:, 2]).round()
        start = (u[:, 3] * (samples - length + 1)).floor()
        time = torch.arange(samples, device=x.device)
        silent = (time >= start[:, None]) & (time < (start + length)[:, None])
        x = x.masked_fill(silent[:, None], 0.0)
    return x


def rotate(x: Tensor, degrees: Tensor) -> Tensor:
    """Rotate images (n, c, h, w) anticlockwise about their centre by `degrees` (n,); bilinear, the border repeated outside."""
    angle = degrees * (math.pi / 180)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    # The grid's coordinates run from -1 to 1 along both sides: a rotation of pixels must undo the sides' ratio.
    ratio = x.shape[2] / x.shape[3]
    theta = torch.stack(
        [torch.stack([cos, -sin * ratio, zero], 1), torch.stack([sin / ratio, cos, zero], 1)], 1
    )
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def translate(x: Tensor, offsets: Tensor, *, repeat_border: bool) -> Tensor:
    """Move images (n, c, h, w) down and right by whole `offsets` (n, 2); what comes in is the border repeated, or 0."""
    n, _, height, width = x.shape
    rows = torch.arange(height, device=x.device) - offsets[:, :1]
    columns = torch.arange(width, device=x.device) - offsets[:, 1:]
    batch = torch.arange(n, device=x.device)[:, None, None]
    inner_rows, inner_columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    # Indices on both sides of the slice put the channels last.
    moved = x[batch, :, inner_rows[:, :, None], inner_columns[:, None, :]].permute(0, 3, 1, 2)
    if repeat_border:
        return moved
    inside = (rows == inner_rows)[:, :, None] & (columns == inner_columns)[:, None, :]
    return torch.where(inside[:, None], moved, 0.0)


def roll(x: Tensor, offsets: Tensor) -> Tensor:
    """Shift signals (n, c, samples) circularly to the right by whole `offsets` (n,)."""
    samples = x.shape[-1]
    index = (torch.arange(samples, device=x.device) - offsets[:, None]) % samples
    return x.gather(2, index[:, None].expand_as(x))


def add_noise(x: Tensor, snr_db: float, generator: torch.Generator) -> Tensor:
    """Add white noise whose power is exactly signal power / 10^(snr_db / 10) in each signal (n, c, samples)."""
    noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    power = x.square().mean(dim=(1, 2), keepdim=True)
    own = noise.square().mean(dim=(1, 2), keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)
    return x + noise * (power / own / 10 ** (snr_db / 10)).sqrt()


def label_risk(config: Augmentation, data_name: str | None) -> str | None:
    """Say why a change may turn an example into one of another class; None if nothing is known against it."""
    if data_name in ("digits", "mnist"):
        if config.flip > 0:
            return "a mirrored digit is no digit (2, 3, 5, 7) or looks like another: flip costs accuracy on digits; set data.augmentation.flip = 0"
        if config.rotation > 45:
            return "a 6 turned by more than about 45 degrees starts to look like a 9; keep data.augmentation.rotation at 15 or so"
    if data_name == "tones" and config.time_shift > 0.25:
        return "a chirp that is shifted round its end both rises and falls; keep data.augmentation.time_shift at 0.25 or less"
    return None


def _whole(u: Tensor, largest: int) -> Tensor:
    """Turn uniform numbers in [0, 1) into whole numbers, each from -largest to largest equally likely."""
    return (u * (2 * largest + 1)).floor().long().clamp_max(2 * largest) - largest
