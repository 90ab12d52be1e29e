# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""python demo/onnx_inference.py MODEL.onnx PROMPT.safetensors PICTURE."""

import json
import sys

import cv2
import numpy as np
import onnxruntime
from safetensors import safe_open


def load_prompt(path: str, identity: str) -> tuple[list[dict], dict]:
    """Categories, and inputs of the model, from an encoded prompt file."""
    with safe_open(path, framework='np') as file:
        meta = file.metadata()
        inputs = {k: file.get_tensor(k)[0] for k in file.keys()}  # noqa: SIM118
    if meta['identity'] != identity:
        sys.exit(f'{path} was encoded for another model than this.')
    categories = json.loads(meta['categories'])
    inputs['sigmas'] = np.ones(inputs['keypoint_mask'].shape, np.float32)
    for row, category in zip(inputs['sigmas'], categories):
        row[: len(category['sigmas'])] = category['sigmas']
    return categories, inputs


def prepare(image: np.ndarray, meta: dict) -> tuple[dict, np.ndarray]:
    """Resize and pad a BGR picture; the scale (w, h) is back to its pixels."""
    shape, scale = image.shape[:2], json.loads(meta['scale'])
    factor = min(max(scale) / max(shape), min(scale) / min(shape))
    w, h = [int(side * factor + 0.5) for side in shape[::-1]]
    step, least = int(meta['divisor']), int(meta['min_side'])
    padded = [max(least, -(-side // step) * step) for side in (h, w)]
    canvas = np.zeros((*padded, 3), np.uint8)
    canvas[:h, :w] = cv2.resize(image, (w, h))
    size = np.array([w, h], np.int64)
    return {'image': canvas, 'image_size': size}, shape[::-1] / size


def find(
    session: onnxruntime.InferenceSession, prompt: str, image: np.ndarray
) -> list[dict]:
    """Objects in a BGR picture, in its pixels, by descending score."""
    meta = session.get_modelmeta().custom_metadata_map
    categories, inputs = load_prompt(prompt, meta['identity'])
    picture, scale = prepare(image, meta)
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, inputs | picture)))
    found['boxes'] *= np.tile(scale, 2).astype(np.float32)
    found['keypoints'] *= scale.astype(np.float32)
    results = []
    for i in np.flatnonzero(found['scores'] > 0):
        category = categories[label := found['labels'][i]]
        one = {
            'category': category['name'],
            'score': found['scores'][i].item(),
        }
        one['bbox'] = found['boxes'][i].tolist()
        rows = zip(found['keypoints'][i], found['keypoint_scores'][i])
        one['keypoints'] = {  # x, y, score
            name: [*xy.tolist(), score.item()]
            for name, (xy, score), real in zip(
                category['keypoints'], rows, inputs['keypoint_mask'][label]
            )
            if real
        }
        results.append(one)
    return results


if __name__ == '__main__':
    session = onnxruntime.InferenceSession(sys.argv[1])
    found = find(session, sys.argv[2], cv2.imread(sys.argv[3]))
    print(json.dumps(found, indent=2))
