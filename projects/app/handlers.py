# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the buttons of the page do, without the page.

Nothing of a person stays here: what was asked and found is handed in and out,
and the page keeps it for each of its visitors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from projects.app.draft import Draft
from projects.app.found import (
    Found,
    Thresholds,
    drawn,
    with_small_maps,
)
from projects.app.models import Models
from projects.app.uploads import Workspace
from projects.app.videos import ClipWriter
from projects.common.apis import (
    AnyKeypointInferencer,
    PreparedPrompt,
    results_to_coco,
)
from projects.common.apis.inputs import is_video
from projects.common.prompt_files import (
    PromptDescription,
    describe,
    load_prompt,
    parse_prompt_text,
    save_prompt,
)
from projects.common.utils.files import write_text

#: Objects below this are not kept; the slider starts here.
MIN_SCORE = 0.05
_MAX_TEXT = 20000

#: Called with how much is done (0 to 1) and what is being done.
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Asked:
    """A prompt as one model has taken it in.

    Attributes:
        model: Name of the model.
        prompt: The prompt.
    """

    model: str
    prompt: PreparedPrompt

    def summary(self) -> str:
        """What is looked for, in words."""
        lines = []
        for category in self.prompt.categories:
            names = ', '.join(category.keypoints[:8])
            more = category.num_keypoints - 8
            rest = f' and {more} more' if more > 0 else ''
            lines.append(f'Looking for **{category.name}**: {names}{rest}.')
        for name, keypoints in self.prompt.not_shown.items():
            lines.append(
                f'Not looked for, because the example of {name} does not '
                f'show them: {", ".join(keypoints)}.'
            )
        return '\n\n'.join(lines)


class Handlers:
    """Asks the models for one person after the other.

    Args:
        models: The models.
        workspace: Where files are.

    All methods raise OSError or ValueError with a sentence for the person.
    """

    def __init__(self, models: Models, workspace: Workspace) -> None:
        self.models = models
        self.workspace = workspace

    def ask_words(self, model: str, text: str) -> Asked:
        """Take in a prompt in words, see :func:`parse_prompt_text`."""
        if len(text) > _MAX_TEXT:
            raise ValueError(
                f'The text has {len(text)} characters; at most {_MAX_TEXT} '
                'are taken.'
            )
        text = text.replace('\n', ';')
        with self.models.using(model) as inferencer:
            # As a dict: a text that ends in .json is the path of a file.
            requests = dict(parse_prompt_text(text))
            description = describe(requests, inferencer.backend.category)
            return self._asked(model, inferencer, description)

    def ask_example(
        self, model: str, draft: Draft | None, name: str, with_names: bool
    ) -> Asked:
        """Take in an example that was clicked.

        Args:
            model: Name of the model.
            draft: The example.
            name: What the object is called.
            with_names: Whether names count as well as the picture.
        """
        if draft is None:
            raise ValueError('Choose an example picture first.')
        modality = 'combined' if with_names else 'visual'
        description = draft.describe(name.strip() or 'object', modality)
        with self.models.using(model) as inferencer:
            return self._asked(model, inferencer, description)

    def ask_file(self, model: str, path: str | None) -> Asked:
        """Take in a prompt file."""
        if path is None:
            raise ValueError('Choose a prompt file first.')
        checked = self.workspace.prompt_file(path)
        with self.models.using(model) as inferencer:
            if checked.suffix == '.json':
                description = load_prompt(checked)
                return self._asked(model, inferencer, description)
            return Asked(model, inferencer.prepare(checked))

    def change_model(self, model: str, asked: Asked | None) -> Asked | None:
        """Ask another model the same."""
        if asked is None or asked.model == model:
            return asked
        if asked.prompt.description is None:
            raise ValueError(
                'The prompt was read encoded and is for one model only; give '
                'another prompt.'
            )
        with self.models.using(model) as inferencer:
            return self._asked(model, inferencer, asked.prompt.description)

    def _asked(
        self,
        model: str,
        inferencer: AnyKeypointInferencer,
        description: PromptDescription,
    ) -> Asked:
        self.workspace.check_prompt(description)
        return Asked(model, inferencer.prepare(description))

    def prompt_file(self, asked: Asked) -> Path:
        """Write the prompt, to download."""
        name = asked.prompt.categories[0].name.replace(' ', '_')
        name = ''.join(c for c in name if c.isalnum() or c in '-_')[:40]
        path = self.workspace.new_file(f'{name or "prompt"}.json')
        if asked.prompt.description is not None:
            save_prompt(path, asked.prompt.description)
            return path
        path = path.with_suffix('.safetensors')
        with self.models.using(asked.model) as inferencer:
            inferencer.backend.save(path, asked.prompt)
        return path

    def find(
        self,
        asked: Asked | None,
        paths: Sequence[str] | None,
        thresholds: Thresholds,
        progress: Progress = lambda done, what: None,
    ) -> Found:
        """Look for what was asked in pictures and videos."""
        if asked is None:
            raise ValueError(
                'Say what to look for first (part 1), and press the button '
                'there.'
            )
        if not paths:
            raise ValueError('Choose pictures or a video to look at first.')
        limit = self.workspace.limits.pictures
        if len(paths) > limit:
            raise ValueError(
                f'These are {len(paths)} files; at most {limit} are taken at '
                'a time. For more use demo/anykeypoint_demo.py.'
            )
        found = Found()
        for number, path in enumerate(paths):
            progress(number / len(paths), Path(path).name)
            part = self._find(asked, path, thresholds, progress)
            found = Found(
                found.results + part.results,
                found.files + part.files,
                found.clips + part.clips,
                found.notes + part.notes,
            )
        if not found.results:
            raise ValueError(' '.join(found.notes))
        return found

    def _find(
        self,
        asked: Asked,
        path: str,
        thresholds: Thresholds,
        progress: Progress,
    ) -> Found:
        """What one file shows; a file that cannot be read is a note."""
        try:
            if is_video(path):
                return self._find_video(asked, path, thresholds, progress)
            picture = self.workspace.picture(path)
            with self.models.using(asked.model) as inferencer:
                [result] = inferencer(
                    picture,
                    asked.prompt,
                    score_thr=MIN_SCORE,
                    maps=inferencer.backend.gives_maps,
                )
        except (OSError, ValueError) as error:
            return Found(notes=(self.workspace.plain(error),))
        file = Path(path)
        result = replace(
            with_small_maps(result),
            picture=file.name,
            image=None,
            data_sample=None,
        )
        return Found((result,), (file,))

    def _find_video(
        self,
        asked: Asked,
        path: str,
        thresholds: Thresholds,
        progress: Progress,
    ) -> Found:
        video = self.workspace.video(path)
        limit = self.workspace.limits.frames
        target = self.workspace.new_file(f'{Path(path).stem}.webm')
        total = min(limit, video.expected or limit)
        results, notes = [], []
        plain = replace(thresholds, panel=False)
        frames = iter(video)
        with ClipWriter(target, video.fps) as clip:
            for frame in frames:
                if len(results) == limit:
                    notes.append(
                        f'Only the first {limit} frames of '
                        f'"{Path(path).name}" were looked at.'
                    )
                    break
                with self.models.using(asked.model) as inferencer:
                    [result] = inferencer(
                        frame.image, asked.prompt, score_thr=MIN_SCORE
                    )
                result = replace(
                    result,
                    picture=Path(path).name,
                    frame=frame.index,
                    image=None,
                    data_sample=None,
                )
                clip.write(drawn(result, frame.image, plain))
                results.append(result)
                progress(len(results) / total, f'frame {len(results)}')
        if not results:
            raise ValueError(f'"{Path(path).name}" holds no frame.')
        return Found(
            tuple(results),
            (None,) * len(results),
            (target,),
            tuple(notes),
        )

    def draw(
        self, found: Found, thresholds: Thresholds
    ) -> list[tuple[np.ndarray, str]]:
        """Drawn pictures (H, W, 3) uint8 RGB, and their names."""
        return [
            (
                drawn(result, self.workspace.picture(file), thresholds),
                result.picture,
            )
            for result, file in zip(found.results, found.files)
            if file is not None
        ]

    def files(self, found: Found, thresholds: Thresholds) -> tuple[Path, Path]:
        """Write the results and the COCO-style file, to download."""
        results = found.above(thresholds.score)
        plain = [result.to_dict() for result in results]
        points = self.workspace.new_file('results.json')
        write_text(points, json.dumps(plain, ensure_ascii=False) + '\n')
        named = [
            result
            if result.frame is None
            else replace(
                result, picture=f'{result.picture}/{result.frame:06d}'
            )
            for result in results
        ]
        coco = self.workspace.new_file('results.coco.json')
        content = results_to_coco(named, thresholds.keypoint)
        write_text(coco, json.dumps(content, ensure_ascii=False) + '\n')
        return points, coco
