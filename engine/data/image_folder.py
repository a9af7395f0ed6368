"""Images from a folder with one sub-folder per class."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, quoted
from .dataset import Dataset, refuse_too_large, unit_float32
from .folders import class_files
from .names import Task
from .targets import class_task

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff")
_GREY = ("1", "L", "LA")


def read_image_folder(root: Path, task: Task | None) -> Dataset:
    """Read all images as float32 (n, channels, height, width) in [0, 1]; the sub-folders are the classes.

    Images stay grey (one channel) if all are; otherwise all become RGB. Transparency is dropped, cameras' rotation
    marks are applied, of animations the first frame counts. Nothing is resized: images of different
    sizes are refused with the file's name. Needs Pillow (the extra `images`).
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise InputError(
            'reading images needs Pillow, which is not installed: pip install "ladera[images]"'
        ) from error
    classes, files, others = class_files(root, ENDINGS, "images")
    found_task = class_task(classes, task, quoted(root))
    images: list[NDArray[np.uint8]] = []
    size, first = (0, 0), Path()
    for path, _ in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path) as opened:
                    if opened.mode.startswith(("I", "F")):
                        raise InputError(
                            f"{quoted(path)}: more than 8 bits per pixel ({opened.mode}); convert it to 8 bits"
                        )
                    image = ImageOps.exif_transpose(opened)
                    pixels = np.asarray(image.convert("L" if image.mode in _GREY else "RGB"))
        except (
            OSError,
            ValueError,
            SyntaxError,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ) as error:
            raise InputError(f"{quoted(path)}: cannot be read as an image: {error}") from error
        if not images:
            size, first = image.size, path
            refuse_too_large(len(files) * pixels.size, quoted(root))
        if image.size != size:
            raise InputError(
                f"{quoted(path)} is {image.size[0]} x {image.size[1]} pixels, but {quoted(first)} is {size[0]} x {size[1]}; "
                f'a network needs one size for all: resize them, for instance with ImageMagick: mogrify -resize "{size[0]}x{size[1]}!" */*'
            )
        images.append(pixels)
    notes = [f"{others} files that are no images passed over"] if others else []
    grey = sum(pixels.ndim == 2 for pixels in images)
    if 0 < grey < len(images):
        notes.append(f"{grey} grey images of {len(images)} turned into RGB")
        images = [
            np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels for pixels in images
        ]
        refuse_too_large(len(images) * images[0].size, quoted(root))
    stacked = np.stack(images)
    stacked = stacked[:, None] if stacked.ndim == 3 else stacked.transpose(0, 3, 1, 2)
    return Dataset(
        x=unit_float32(stacked, 255.0),
        y=np.array([index for _, index in files], dtype=np.int64),
        task=found_task,
        form="image",
        classes=classes,
        target_name="class",
        source=str(root),
        notes=tuple(notes),
    )
