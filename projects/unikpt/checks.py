# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a picture, an annotation or a folder.

``doctor`` reports what these functions find, ``build`` acts on it.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from projects.common.datasets.converters.coco import keypoint_box
from projects.common.structures import KeypointCategory
from projects.unikpt.records import SourceInstance, SourcePicture
from projects.unikpt.source import Fault, Source

# Kinds of faults; the readers report others.
MISSING_PICTURE = 'missing picture'
UNREADABLE_PICTURE = 'unreadable picture'
LINK_LOOP = 'symbolic link loop'
BROKEN_NAME = 'broken file name'
WRONG_SIZE = 'wrong picture size'
UNKNOWN_CATEGORY = 'unknown category'
WRONG_COUNT = 'wrong number of keypoints'
NOT_A_NUMBER = 'not a number'
KEYPOINTS_OUTSIDE = 'keypoints outside the picture'
EMPTY_BOX = 'empty box'
BOX_OUTSIDE = 'box outside the picture'
NOTHING = 'neither box nor keypoints'

# Integers are pixel centres, so a picture spans -0.5 to width - 0.5. Sets
# that mean pixel corners, or round, go half a pixel beyond.
_BEYOND = 0.5
_ORIENTATION = 0x0112  # of EXIF; 5 to 8 are turned by a quarter


@dataclass(frozen=True)
class Look:
    """What a picture's file is.

    Attributes:
        size: (w, h) in px as OpenCV loads it, None if it cannot be read.
        digest: Hash of the content, '' if it was not asked for.
        fault: What is wrong with the file.
    """

    size: tuple[int, int] | None
    digest: str = ''
    fault: Fault | None = None


def printable(text: str) -> str:
    """A name whose bytes are no UTF-8, in a form that can be printed."""
    return text.encode('utf-8', 'backslashreplace').decode('utf-8')


def place(picture: SourcePicture, instance: SourceInstance = None) -> str:
    """Where a picture or one of its objects is, for a fault."""
    text = picture.file
    if picture.frame is not None:
        text += f', frame {picture.frame}'
    if instance is not None:
        text += f', annotation {instance.annotation_id}'
    return printable(text)


def look_at(
    source: Source, root: Path, picture: SourcePicture, decode: bool
) -> Look:
    """Open a picture.

    Args:
        source: What it belongs to.
        root: Folder of the source.
        picture: The record.
        decode: Whether to decode all of it and to hash its content; if not,
            only the header of a picture file is read.
    """
    path = PurePosixPath(picture.file)
    if path.is_absolute() or '..' in path.parts:
        return _bad(MISSING_PICTURE, picture, 'its path leaves the folder')
    try:
        if picture.frame is not None:
            image = source.read_picture(root, picture)
            height, width = image.shape[:2]
            digest = _digest(np.ascontiguousarray(image).data)
            return Look((width, height), digest if decode else '')
        with open(root / picture.file, 'rb') as file:
            if not decode:
                return Look(_header_size(file))
            data = file.read()
        size = _header_size(io.BytesIO(data))
        _decode(data)
        return Look(size, _digest(data))
    except FileNotFoundError:
        return _bad(MISSING_PICTURE, picture, '')
    except Exception as error:  # decoders raise whatever they like
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            return _bad(LINK_LOOP, picture, '')
        return _bad(UNREADABLE_PICTURE, picture, str(error))


def _bad(kind: str, picture: SourcePicture, detail: str) -> Look:
    return Look(None, '', Fault(kind, place(picture), printable(detail)))


def _header_size(file: io.BufferedIOBase) -> tuple[int, int]:
    """(w, h) in px, turned as the EXIF data says, as OpenCV does."""
    with Image.open(file) as image:
        width, height = image.size
        turned = image.getexif().get(_ORIENTATION, 1) >= 5
    return (height, width) if turned else (width, height)


def _decode(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        # JPEG at an eighth of the size: all bytes are read, in less time.
        image.draft('RGB', (1, 1))
        image.load()


def _digest(data: bytes | memoryview) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def size_faults(
    picture: SourcePicture, size: tuple[int, int]
) -> Iterator[Fault]:
    """Compare the size that the annotation says with the picture's own.

    Args:
        picture: The record.
        size: True (w, h) in px.
    """
    said = (picture.width, picture.height)
    if any(s is not None and s != t for s, t in zip(said, size)):
        yield Fault(
            WRONG_SIZE,
            place(picture),
            f'{said[0]} x {said[1]} in the annotation, {size[0]} x {size[1]} '
            'in truth (w x h)',
        )


@dataclass(frozen=True)
class CleanInstance:
    """An object as it may be written.

    Attributes:
        keypoints: (K, 3) float64 x, y, v in image px; zeros where v = 0.
        bbox: x, y, w, h in image px, of at least one pixel in the picture.
        box_from_keypoints: Whether the box was made from the keypoints.
    """

    keypoints: np.ndarray
    bbox: tuple[float, float, float, float]
    box_from_keypoints: bool


def clean_instance(
    picture: SourcePicture,
    instance: SourceInstance,
    category: KeypointCategory | None,
    size: tuple[int, int],
) -> tuple[CleanInstance | None, list[Fault]]:
    """Check an object and mend what can be mended.

    Keypoints that are not finite or lie outside the picture become not
    labelled (v = 0). A box that is missing, empty or outside is made from
    the labelled keypoints, as :func:`keypoint_box` does.

    Args:
        picture: The record that it belongs to.
        instance: The object.
        category: What the vocabulary says, None if it does not know it.
        size: True (w, h) of the picture in px.

    Returns:
        The object, None if it has to be left out, and what is wrong.
    """
    where, faults = place(picture, instance), []
    if category is None:
        name = repr(instance.category)
        return None, [Fault(UNKNOWN_CATEGORY, where, name)]
    keypoints = np.array(instance.keypoints, np.float64)
    if keypoints.shape != (category.num_keypoints, 3):
        found = f'{keypoints.shape[0] if keypoints.ndim else 0}'
        wanted = f'{category.name!r} has {category.num_keypoints}'
        return None, [Fault(WRONG_COUNT, where, f'{found}, but {wanted}')]
    for kind, wrong in _wrong_keypoints(keypoints, size):
        if wrong.any():
            faults.append(Fault(kind, where, _points(keypoints, wrong)))
            keypoints[wrong] = 0
    keypoints[keypoints[:, 2] == 0] = 0
    fault = _box_fault(instance.bbox, size, where)
    if fault:
        faults.append(fault)
    box, made = instance.bbox, False
    if box is None or fault:
        labelled = keypoints[keypoints[:, 2] > 0, :2]
        if not len(labelled):
            return None, [*faults, Fault(NOTHING, where)]
        box, made = keypoint_box(labelled, *size), True
    return CleanInstance(keypoints, tuple(map(float, box)), made), faults


def _wrong_keypoints(
    keypoints: np.ndarray, size: tuple[int, int]
) -> Iterator[tuple[str, np.ndarray]]:
    """Kind of fault and which of the K keypoints have it."""
    yield NOT_A_NUMBER, ~np.isfinite(keypoints).all(axis=1)
    xy, labelled = keypoints[:, :2], keypoints[:, 2] > 0
    low, high = -0.5 - _BEYOND, np.array(size) - 0.5 + _BEYOND
    outside = ((xy < low) | (xy > high)).any(axis=1)
    yield KEYPOINTS_OUTSIDE, labelled & outside


def _points(keypoints: np.ndarray, wrong: np.ndarray) -> str:
    first = keypoints[wrong][0]
    return (
        f'{int(wrong.sum())} of {len(keypoints)}, number '
        f'{int(wrong.argmax()) + 1} at x = {first[0]:g}, y = {first[1]:g}'
    )


def _box_fault(
    box: tuple[float, ...] | None, size: tuple[int, int], where: str
) -> Fault | None:
    if box is None:
        return None
    shown = ', '.join(f'{v:g}' for v in box)
    if not np.isfinite(box).all():
        return Fault(NOT_A_NUMBER, where, f'x, y, w, h = {shown}')
    x, y, w, h = box
    if w <= 0 or h <= 0:
        return Fault(EMPTY_BOX, where, f'x, y, w, h = {shown}')
    # PromptCocoDataset leaves out what is smaller than this.
    shown_w = min(x + w, size[0]) - max(x, 0)
    shown_h = min(y + h, size[1]) - max(y, 0)
    if min(shown_w, shown_h) < 1:
        return Fault(BOX_OUTSIDE, where, f'x, y, w, h = {shown}')
    return None


def scan_folder(root: Path) -> Iterator[Fault]:
    """Find names that are no UTF-8 and links that go round or nowhere.

    Args:
        root: Folder of a source; links to folders are followed once.
    """
    root = Path(root)
    seen = {os.path.realpath(root)}
    todo = [str(root)]
    while todo:
        folder = todo.pop()
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield Fault('unreadable folder', _below(folder, root), str(error))
            continue
        for entry in entries:
            where = _below(entry.path, root)
            if not _is_utf8(entry.name):
                yield Fault(BROKEN_NAME, where, 'its bytes are no UTF-8')
            if entry.is_symlink():
                fault = _link_fault(entry.path, where)
                if fault:
                    yield fault
                    continue
            if entry.is_dir():
                real = os.path.realpath(entry.path)
                if real not in seen:
                    seen.add(real)
                    todo.append(entry.path)


def _below(path: str, root: Path) -> str:
    return printable(Path(path).relative_to(root).as_posix())


def _is_utf8(name: str) -> bool:
    return not any('\ud800' <= letter <= '\udfff' for letter in name)


def _link_fault(path: str, where: str) -> Fault | None:
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return Fault(LINK_LOOP, where, f'-> {os.readlink(path)}')
        return Fault('broken link', where, f'-> {os.readlink(path)}')
    # abspath: the folders on the way may themselves be links.
    target, here = os.path.realpath(path), os.path.realpath(Path(path).parent)
    if here == target or here.startswith(target.rstrip('/') + '/'):
        return Fault(LINK_LOOP, where, f'-> {os.readlink(path)}')
    return None
