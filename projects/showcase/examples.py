# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Examples for visual prompts, from the demo's training pictures."""

from mmengine.config import Config

from projects.common.datasets import FixedSupports
from projects.common.structures import KeypointPrompt, SupportShot
from projects.common.visualization import (
    DrawnInstance,
    draw_instances,
    write_image,
)
from projects.showcase.scenes import Scene
from projects.showcase.settings import DemoSettings, support_sampler

#: Side of the drawn examples, pixels.
SIDE = 320


def example_source(cfg: Config) -> FixedSupports:
    """Where the one example of a category comes from.

    It is the first in a random order with a fixed seed: nobody chose a good
    one.

    Args:
        cfg (Config): See ``demo_config``.
    """
    sampler = support_sampler(cfg)
    return FixedSupports(sampler['pool'], shots=1, size=sampler['size'])


def prompt_of(scene: Scene, source: FixedSupports) -> KeypointPrompt:
    """The prompt with examples of the categories that are to have one.

    Args:
        scene (Scene): The question.
        source (FixedSupports): See :func:`example_source`.

    Returns:
        KeypointPrompt: Of the scene's modalities.

    Raises:
        ValueError: If a category has no usable object among the training
            pictures.
    """
    by_example = [
        name
        for name, modality in zip(scene.prompt.names, scene.modalities)
        if modality != 'text'
    ]
    found = {}
    if by_example:
        image = scene.picture.image
        results = source.transform(
            {
                'prompts': scene.prompt.select(by_example),
                'img_path': image['file_name'],
                'img_id': image['id'],
            }
        )
        found = dict(zip(by_example, results['prompts'].supports))
    return KeypointPrompt.from_categories(
        scene.prompt.categories,
        scene.prompt.style,
        [found.get(name, ()) for name in scene.prompt.names],
        scene.modalities,
    )


def write_examples(
    prompt: KeypointPrompt, settings: DemoSettings, number: int
) -> list[list[dict[str, object]]]:
    """Draw the examples with their keypoints.

    Args:
        prompt (KeypointPrompt): With C categories.
        settings (DemoSettings): The folders.
        number (int): Of the scene, in the names of the pictures.

    Returns:
        list: For each category its examples, dicts of ``picture`` (path from
        the folder of the page), ``annotation_id`` and ``image_id``.
    """
    written = []
    for label, shots in enumerate(prompt.supports):
        rows = []
        for k, shot in enumerate(shots):
            file = f'pictures/{number:02d}_example_{label}_{k}.jpg'
            canvas = draw_instances(
                shot.image.numpy().transpose(1, 2, 0)[..., ::-1],
                [_drawn(shot, prompt, label)],
                boxes=False,
                min_side=SIDE,
            )
            write_image(str(settings.out / file), canvas)
            rows.append(
                {
                    'picture': file,
                    'annotation_id': shot.annotation_id,
                    'image_id': shot.image_id,
                }
            )
        written.append(rows)
    return written


def _drawn(
    shot: SupportShot, prompt: KeypointPrompt, label: int
) -> DrawnInstance:
    side = shot.image.shape[-1]
    return DrawnInstance(
        prompt.categories[label],
        [0, 0, side, side],
        shot.keypoints.numpy(),
        shot.visible.numpy().astype(int),
    )
