# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Videos that browsers play."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

#: Longer side of frames, pixels.
SIDE = 960


class ClipWriter:
    """Writes a WebM of VP8, which OpenCV has and all browsers play.

    Args:
        path: Ends in .webm.
        fps: Frames per second.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path = path
        self.fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(self, *error: object) -> None:
        if self._writer is not None:
            self._writer.release()

    def write(self, image: np.ndarray) -> None:
        """Add a frame.

        Args:
            image: (H, W, 3) uint8 RGB, of any size; all become that of the
                first.

        Raises:
            OSError: If it cannot be written.
        """
        if self._writer is None:
            scale = min(1.0, SIDE / max(image.shape[:2]))
            # VP8 wants even sides.
            self._size = tuple(
                max(2, round(side * scale / 2) * 2)
                for side in image.shape[1::-1]
            )
            code = cv2.VideoWriter_fourcc(*'VP80')
            self._writer = cv2.VideoWriter(
                str(self.path), code, self.fps, self._size
            )
            if not self._writer.isOpened():
                raise OSError('The drawn video cannot be written.')
        frame = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(np.ascontiguousarray(frame[..., ::-1]))
