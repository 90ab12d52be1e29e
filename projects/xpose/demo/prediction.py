# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Asking the model about the chosen pictures, and drawing the answers."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmpose.structures import PoseDataSample
from torch import nn

from projects.common.datasets import CocoKeypointFile
from projects.common.visualization import (
    DrawnInstance,
    draw_instances,
    predicted_instances,
    write_image,
)
from projects.xpose.apis import init_model, predict
from projects.xpose.demo.progress import Progress
from projects.xpose.demo.scenes import Scene, choose_scenes
from projects.xpose.demo.settings import DemoSettings, demo_config

SCORE_THR = 0.3
KEYPOINT_THR = 0.3
#: Longer side of the drawn pictures, pixels.
SIDE = 640


def predict_scenes(
    settings: DemoSettings, checkpoint: str
) -> list[dict[str, Any]]:
    """Predict on about ten pictures and draw the answers.

    Args:
        settings (DemoSettings): The sizes.
        checkpoint (str): Path of the checkpoint.

    Returns:
        list[dict]: See :func:`show_scene`.
    """
    source = CocoKeypointFile(str(settings.val_file))
    scenes = choose_scenes(source)
    model = init_model(demo_config(settings, 'predict'), checkpoint)
    progress = Progress('picture', len(scenes))
    shown = []
    for number, scene in enumerate(scenes, 1):
        shown.append(show_scene(model, source, scene, settings, number))
        progress.update(number, scene.title)
    progress.close()
    return shown


def show_scene(
    model: nn.Module,
    source: CocoKeypointFile,
    scene: Scene,
    settings: DemoSettings,
    number: int,
) -> dict[str, Any]:
    """Predict and draw one scene.

    Args:
        model (nn.Module): The model.
        source (CocoKeypointFile): The data set of the picture.
        scene (Scene): The picture and the prompt.
        settings (DemoSettings): The folders.
        number (int): In the names of the drawn pictures.

    Returns:
        dict: ``title``, ``note``, ``picture`` (the file), ``style``,
        ``prompt`` (name and keypoints of each category), ``objects`` (name
        and score of what is drawn, the best first), ``best_score`` of
        everything found, 0 if nothing, ``score_thr`` of what is drawn, and
        the pictures ``truth`` and
        ``prediction`` (paths from the folder of the page).
    """
    path = settings.data / scene.picture.image['file_name']
    [sample] = predict(model, path, scene.prompt)
    image = cv2.imread(str(path))[..., ::-1]
    drawn = {
        'truth': truth_instances(source, scene),
        'prediction': predicted_instances(sample, SCORE_THR, KEYPOINT_THR),
    }
    files = {name: f'pictures/{number:02d}_{name}.jpg' for name in drawn}
    for name, instances in drawn.items():
        canvas = draw_instances(image, instances, min_side=SIDE)
        write_image(str(settings.out / files[name]), canvas)
    scores = sample.pred_instances.scores
    return {
        'title': scene.title,
        'note': scene.note,
        'picture': Path(path).relative_to(settings.out).as_posix(),
        'style': scene.prompt.style,
        'prompt': [
            {'name': c.name, 'keypoints': list(c.keypoints)}
            for c in scene.prompt.categories
        ],
        'objects': found_objects(sample),
        'best_score': round(float(scores.max()), 3) if len(scores) else 0.0,
        'score_thr': SCORE_THR,
        **files,
    }


def truth_instances(
    source: CocoKeypointFile, scene: Scene
) -> list[DrawnInstance]:
    """All labelled objects of the picture, asked for or not."""
    truth = scene.picture.truth
    instances = []
    for label, box, points in zip(
        truth['gt_labels'], truth['gt_bboxes'], truth['gt_keypoints']
    ):
        category = source.categories[label]
        points = points[: category.num_keypoints]
        instances.append(
            DrawnInstance(
                category, box, points[:, :2], points[:, 2].astype(int)
            )
        )
    return instances


def found_objects(sample: PoseDataSample) -> list[dict[str, Any]]:
    """Name and score of the objects that are drawn, the best first."""
    found = sample.pred_instances
    scores = found.scores.cpu().numpy()
    labels = found.labels.cpu().numpy()
    return [
        {
            'name': sample.prompts.categories[labels[i]].name,
            'score': round(float(scores[i]), 3),
        }
        for i in np.argsort(-scores, kind='stable')
        if scores[i] >= SCORE_THR
    ]
