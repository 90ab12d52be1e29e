# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Asking the model about the chosen pictures, and drawing the answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmpose.structures import PoseDataSample
from torch import nn

from projects.common.datasets import CocoKeypointFile
from projects.common.structures import KeypointPrompt
from projects.common.visualization import (
    DrawnInstance,
    draw_instances,
    predicted_instances,
    write_image,
)
from projects.showcase.examples import (
    example_source,
    prompt_of,
    write_examples,
)
from projects.showcase.point_scores import point_scores
from projects.showcase.progress import Progress
from projects.showcase.questions import QUESTIONS
from projects.showcase.scenes import Scene, choose_scenes
from projects.showcase.settings import DemoSettings, demo_config
from projects.xpose.apis import init_model, predict

SCORE_THR = 0.1
KEYPOINT_THR = 0.3
#: Longer side of the drawn pictures, pixels.
SIDE = 640


def predict_scenes(
    settings: DemoSettings, checkpoint: str
) -> list[dict[str, Any]]:
    """Predict on about a dozen pictures and draw the answers.

    Args:
        settings (DemoSettings): The sizes.
        checkpoint (str): Path of the checkpoint.

    Returns:
        list[dict]: See :func:`show_scene`.
    """
    source = CocoKeypointFile(str(settings.val_file))
    scenes = choose_scenes(source, QUESTIONS)
    cfg = demo_config(settings, 'predict')
    model, examples = init_model(cfg, checkpoint), example_source(cfg)
    progress = Progress('picture', len(scenes))
    shown = []
    for number, scene in enumerate(scenes, 1):
        prompt = prompt_of(scene, examples)
        shown.append(
            show_scene(model, source, scene, prompt, settings, number)
        )
        progress.update(number, scene.title)
    progress.close()
    return shown


def show_scene(
    model: nn.Module,
    source: CocoKeypointFile,
    scene: Scene,
    prompt: KeypointPrompt,
    settings: DemoSettings,
    number: int,
) -> dict[str, Any]:
    """Predict and draw one scene.

    Args:
        model (nn.Module): The model.
        source (CocoKeypointFile): The data set of the picture.
        scene (Scene): The picture and the question.
        prompt (KeypointPrompt): The question with its examples.
        settings (DemoSettings): The folders.
        number (int): In the names of the drawn pictures.

    Returns:
        dict: ``section``, ``title``, ``note``, ``picture`` (the file),
        ``window`` (see :class:`Picture`), ``style``, ``prompt`` (of each
        category ``name``, ``keypoints``, ``modality``, ``examples`` and
        ``not_shown``, the keypoints that no example shows), ``objects``
        (name and score of what is drawn, the best first), ``best_score`` of
        everything found, 0 if nothing, ``score_thr`` of what is drawn,
        ``point_scores`` (see there; None unless the scene has a target),
        and the pictures ``truth`` and ``prediction`` (paths from the folder
        of the page).
    """
    path = settings.data / scene.picture.image['file_name']
    image = read_picture(path, scene.picture.window)
    [sample] = predict(model, image, prompt)
    drawn = {
        'truth': truth_instances(source, scene),
        'prediction': predicted_instances(sample, SCORE_THR, KEYPOINT_THR),
    }
    files = {name: f'pictures/{number:02d}_{name}.jpg' for name in drawn}
    for name, instances in drawn.items():
        canvas = draw_instances(image[..., ::-1], instances, min_side=SIDE)
        write_image(str(settings.out / files[name]), canvas)
    scores = sample.pred_instances.scores
    points = None
    if scene.target is not None:
        points = point_scores(sample, scene.picture, scene.target)
    return {
        'section': scene.section,
        'title': scene.title,
        'note': scene.note,
        'picture': Path(path).relative_to(settings.out).as_posix(),
        'window': scene.picture.window,
        'style': prompt.style,
        'prompt': prompt_rows(
            sample, write_examples(prompt, settings, number)
        ),
        'objects': found_objects(sample),
        'best_score': round(float(scores.max()), 3) if len(scores) else 0.0,
        'score_thr': SCORE_THR,
        'point_scores': points,
        **files,
    }


def read_picture(path: Path, window: tuple[int, int] | None) -> np.ndarray:
    """A picture, or its upper left part.

    Args:
        path (Path): The file.
        window (tuple | None): (width, height) of the part.

    Returns:
        np.ndarray: (h, w, 3) uint8 BGR.
    """
    image = cv2.imread(str(path))
    if window is not None:
        image = image[: window[1], : window[0]]
    return image


def prompt_rows(
    sample: PoseDataSample, examples: Sequence[Sequence[dict]]
) -> list[dict[str, Any]]:
    """The prompt, category by category, for the summary.

    Args:
        sample (PoseDataSample): The answer.
        examples (Sequence): See ``write_examples``.
    """
    prompt, found = sample.prompts, sample.pred_instances
    return [
        {
            'name': category.name,
            'keypoints': list(category.keypoints),
            'modality': modality,
            'examples': list(shots),
            'not_shown': found.unshown_keypoints.get(category.name, []),
        }
        for category, modality, shots in zip(
            prompt.categories, prompt.modalities, examples
        )
    ]


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
