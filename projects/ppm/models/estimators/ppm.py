# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PPM: prompts fitted to a few shots locate keypoints in new pictures.

Data flow (S shots, B queries, N keypoints, c width of a context token)::

    shots (S, 3, s, s) + keypoints --PromptLearner.fit, once an episode-->
        prompts (N, c) --[CPT: MLP([shared, prompts])]--> contexts (N, c)
                                                              |
    queries (B, 3, s, s) --VAE, noise at t--> latents --UNet--+--> recorder
        --> maps (B, N, size, size) --PeakDecoder--> keypoints (B, N, 2)

Training is that of CPT: the same way from base pictures to maps, with the
shared prompt, the MLP and the base keypoints' prompts as parameters.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.models.pose_estimators.base import BasePoseEstimator
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from projects.common.version import __version__
from projects.ppm.models.estimators.base_batch import base_batch
from projects.ppm.models.estimators.episodes import Episode, EpisodeStore
from projects.ppm.models.prompts import FittedPrompts, MapRows
from projects.ppm.pictures import resize_points

#: BGR bytes to RGB in -1..1, see ``pictures.normalize``.
_PREPROCESSOR = dict(
    type='mmpose.PoseDataPreprocessor',
    mean=[127.5] * 3,
    std=[127.5] * 3,
    bgr_to_rgb=True,
)


@MODELS.register_module()
class PPM(BasePoseEstimator):
    """Prompt Pose Matching (ECCV 2024), with or without CPT.

    Inputs are square crops. A sample's ``prompts`` hold one category with
    its S shots; samples with the same shots belong to one episode, whose
    prompts are fitted once. A checkpoint holds what CPT learns and the
    identity of the diffusion model, without which that means nothing.

    Args:
        diffusion (dict): A :class:`LatentDiffusion`.
        maps (dict): ``ExactPromptMaps`` or ``CachedPromptMaps``.
        learner (dict): A :class:`PromptLearner`.
        prompt_loss (dict): A :class:`PromptLoss`.
        decoder (dict): A :class:`PeakDecoder`.
        shared_prompt (dict, optional): CPT, a :class:`CategorySharedPrompt`
            (``embed_dims`` is filled in). Without it there is nothing to
            train.
        max_base_keypoints (int): In training, at most this many keypoints
            of each picture are drawn in an iteration.
        seed (int): Of the episodes' noise and random starts.
        max_episodes (int): Fitted episodes that are kept in memory.
        episode_dir (str, optional): Folder where :meth:`predict` keeps
            fitted episodes as prompt files, so that an interrupted evaluation
            goes on and processes share them.
        data_preprocessor (dict, optional): By default the one that the
            diffusion model needs.
        train_cfg (dict, optional): As in mmpose; nothing reads it.
        test_cfg (dict, optional): As in mmpose; nothing reads it.
        init_cfg (dict, optional): As in mmpose.
        metainfo (dict, optional): As in mmpose.
    """

    def __init__(
        self,
        diffusion: ConfigDict,
        maps: ConfigDict,
        learner: ConfigDict,
        prompt_loss: ConfigDict,
        decoder: ConfigDict,
        shared_prompt: ConfigDict | None = None,
        max_base_keypoints: int = 4,
        seed: int = 0,
        max_episodes: int = 32,
        episode_dir: str | None = None,
        data_preprocessor: ConfigDict | None = None,
        train_cfg: ConfigDict | None = None,
        test_cfg: ConfigDict | None = None,
        init_cfg: ConfigDict | None = None,
        metainfo: dict | None = None,
    ) -> None:
        # mmpose's own constructor asks for a backbone and a head.
        BaseModel.__init__(self, data_preprocessor or _PREPROCESSOR, init_cfg)
        self.metainfo = self._load_metainfo(metainfo)
        self.train_cfg = train_cfg or {}
        self.test_cfg = test_cfg or {}
        self.diffusion = MODELS.build(diffusion)
        self.maps = MODELS.build({**maps, 'diffusion': self.diffusion})
        self.learner = MODELS.build(learner)
        self.prompt_loss = MODELS.build(prompt_loss)
        self.decoder = MODELS.build(decoder)
        self.shared_prompt = None
        if shared_prompt is None:
            # Distributed evaluation wraps models that have a parameter only.
            self._anchor = nn.Parameter(torch.zeros(1))
            self._register_state_dict_hook(_without_anchor)
            self.register_load_state_dict_post_hook(_expect_no_anchor)
        else:
            width = self.diffusion.embed_dims
            self.shared_prompt = MODELS.build(
                {**shared_prompt, 'embed_dims': width}
            )
            identity = bytearray.fromhex(self.diffusion.identity)
            self.register_buffer(
                'diffusion_identity', torch.tensor(identity, dtype=torch.uint8)
            )
            self.register_load_state_dict_pre_hook(_check_diffusion)
        self.max_base_keypoints = max_base_keypoints
        self.seed = seed
        self.episodes = EpisodeStore(max_episodes, episode_dir)

    def forward(
        self,
        inputs: Tensor | list[Tensor],
        data_samples: list[PoseDataSample] | None,
        mode: str = 'tensor',
    ) -> Any:
        """As mmpose's, but mode 'tensor' needs the samples' prompts."""
        if mode == 'tensor':
            if isinstance(inputs, list):
                inputs = torch.stack(inputs)
            return self._forward(inputs, data_samples)
        return super().forward(inputs, data_samples, mode)

    def loss(
        self, inputs: Tensor, data_samples: list[PoseDataSample]
    ) -> dict[str, Tensor]:
        """CPT on base pictures, Eq. 6.

        Args:
            inputs (Tensor): (B, 3, s, s) RGB in -1..1.
            data_samples (list[PoseDataSample]): With ``prompts`` of one base
                category and ``gt_instances`` whose first instance has
                ``keypoints`` (1, K, 2) in input pixels and
                ``keypoints_visible`` (1, K).

        Returns:
            dict[str, Tensor]: ``loss_prompt``, the mean over the keypoints
            that were drawn.

        Raises:
            FileNotFoundError: If the file of the base categories is not
                there.
            ValueError: If the model has no CPT, or a category is unknown.
            FitError: If the loss of a keypoint is not finite.
        """
        if self.shared_prompt is None:
            raise ValueError(
                'There is nothing to train: PPM without shared_prompt learns '
                'from the shots of an episode only. Use tools/test.py, or a '
                'config with CPT.'
            )
        self.shared_prompt.check_base()
        self.episodes.clear()  # they were fitted with older weights
        batch = base_batch(
            data_samples, self.max_base_keypoints, inputs.shape[-1]
        )
        if batch is None:
            # Keeps distributed training in step.
            total = sum(p.sum() for p in self.shared_prompt.parameters())
            return {'loss_prompt': 0.0 * total}
        prompts = torch.cat(
            [
                self.shared_prompt.base_prompts(category)[index]
                for category, index in batch.prompts
            ]
        )
        contexts = self.shared_prompt(prompts)
        device = contexts.device
        rows = MapRows(
            batch.pictures.to(device),
            resize_points(batch.points, inputs, self.maps.size).to(device),
            torch.full((len(contexts),), 1 / len(contexts), device=device),
        )
        seed = int(torch.randint(2**31, ()))
        with torch.autocast(device.type, enabled=False):
            values, gradient = self.maps.losses(
                self.maps.prepare(inputs, seed),
                contexts.detach().float(),
                rows,
                self.prompt_loss,
                step=0,
            )
        batch.check_finite(values)
        # The value is the loss; the gradient, computed in chunks while
        # attention was recorded, is carried on to the parameters.
        carrier = (contexts.float() * gradient).sum()
        return {'loss_prompt': values.mean() + carrier - carrier.detach()}

    def predict(
        self,
        inputs: Tensor,
        data_samples: list[PoseDataSample],
        rescale: bool = True,
    ) -> list[PoseDataSample]:
        """Fit the episodes that are new, and locate their keypoints.

        Args:
            inputs (Tensor): (B, 3, s, s) RGB in -1..1.
            data_samples (list[PoseDataSample]): With ``prompts`` of one
                category and its shots.
            rescale (bool): Return image pixels instead of input pixels,
                where metainfo says how: ``input_center, input_scale,
                input_size``, or ``scale_factor``.

        Returns:
            list[PoseDataSample]: The samples with ``pred_instances``: one
            instance with ``keypoints`` (1, K, 2), ``keypoint_scores``
            (1, K), ``keypoint_mask`` (1, K), ``bboxes`` (1, 4), the crop,
            ``labels`` and ``scores``, the mean of the fitted keypoints'. A
            keypoint that no shot shows has score 0, at the crop's centre.

        Raises:
            ValueError: If a prompt has more than one category or no shot.
            FitError: If a loss is not finite.
        """
        side = inputs.shape[-1]
        for episode, numbers in self._by_episode(data_samples):
            fitted = self.fit(episode, on_disk=True)
            maps = self._maps(inputs[numbers], fitted)
            points, scores = self.decoder(maps)
            points = resize_points(points, maps, side)
            learned = fitted.learned.to(points.device)
            points[:, ~learned] = (side - 1) / 2
            scores = scores * learned
            means = scores[:, learned].mean(1)
            for row, number in enumerate(numbers):
                sample = data_samples[number]
                # The last two are the corners of the crop.
                placed = torch.cat(
                    [points[row], points.new_tensor([[0, 0], [side, side]])]
                )
                if rescale:
                    placed = to_image(placed, sample.metainfo)
                sample.pred_instances = InstanceData(
                    keypoints=placed[None, :-2],
                    keypoint_scores=scores[row][None],
                    keypoint_mask=torch.ones_like(
                        scores[row][None], dtype=bool
                    ),
                    bboxes=placed[-2:].reshape(1, 4),
                    labels=placed.new_zeros(1, dtype=torch.long),
                    scores=means[[row]],
                )
        return data_samples

    def _forward(
        self, inputs: Tensor, data_samples: list[PoseDataSample]
    ) -> list[Tensor]:
        """Maps (K, size, size) of each sample."""
        results: list[Any] = [None] * len(inputs)
        for episode, numbers in self._by_episode(data_samples):
            maps = self._maps(inputs[numbers], self.fit(episode))
            for row, number in enumerate(numbers):
                results[number] = maps[row]
        return results

    def fit(self, episode: Episode, on_disk: bool = False) -> FittedPrompts:
        """Prompts of an episode; fitted now unless they are known.

        Args:
            episode (Episode): Category and shots.
            on_disk (bool): Whether to use ``episode_dir``, too.
        """
        key = self._key(episode)
        fitted = self.episodes.get(key, on_disk)
        if fitted is None:
            adapter = None
            if self.shared_prompt is not None:
                adapter = self._frozen_adapter
            fitted = self.learner.fit(
                self.maps,
                self.prompt_loss,
                episode.category,
                episode.shots,
                episode.seed(self.seed),
                adapter,
            )
            self.episodes.put(key, fitted, episode, self.maps, on_disk)
        return fitted

    def _frozen_adapter(self, prompts: Tensor) -> Tensor:
        """CPT at test: gradients pass, but collect in no parameter."""
        frozen = {
            name: value.detach()
            for name, value in self.shared_prompt.named_parameters()
        }
        return torch.func.functional_call(
            self.shared_prompt, frozen, (prompts,)
        )

    def _maps(self, pictures: Tensor, fitted: FittedPrompts) -> Tensor:
        contexts = fitted.contexts.to(self.diffusion.device)
        return self.maps.predict(pictures, contexts)

    @staticmethod
    def _by_episode(
        data_samples: list[PoseDataSample],
    ) -> list[tuple[Episode, list[int]]]:
        """Episodes of a batch and the numbers of their samples."""
        episodes: dict[str, Episode] = {}
        numbers: dict[str, list[int]] = defaultdict(list)
        for number, sample in enumerate(data_samples):
            episode = Episode.from_prompt(sample.prompts)
            episodes[episode.key] = episode
            numbers[episode.key].append(number)
        return [(episodes[key], numbers[key]) for key in episodes]

    def _key(self, episode: Episode) -> str:
        """All that decides the fit, so that stored ones are never stale."""
        digest = hashlib.sha256(episode.key.encode())
        settings = {
            'version': __version__,
            'diffusion': self.diffusion.identity,
            'dtype': str(self.diffusion.unet.dtype),
            'maps': [self.maps.mode, self.maps.settings()],
            'learner': vars(self.learner),
            'loss': vars(self.prompt_loss),
            'seed': self.seed,
            'resample': getattr(self.maps, 'resample_noise', None),
        }
        digest.update(json.dumps(settings, sort_keys=True).encode())
        if self.shared_prompt is not None:
            for name, value in self.shared_prompt.named_parameters():
                if name != 'base':  # of no use in an episode
                    digest.update(value.detach().cpu().numpy().tobytes())
        return digest.hexdigest()


def _without_anchor(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, _: Any
) -> None:
    state_dict.pop(f'{prefix}_anchor', None)


def _expect_no_anchor(module: nn.Module, keys: Any) -> None:
    for key in [k for k in keys.missing_keys if k.endswith('_anchor')]:
        keys.missing_keys.remove(key)


def _check_diffusion(
    module: PPM, state_dict: dict[str, Any], prefix: str, *_: Any
) -> None:
    """Raise ValueError if weights were learned with another model."""
    stored = state_dict.get(f'{prefix}diffusion_identity')
    if stored is None:
        return
    known, mine = bytes(stored.tolist()).hex(), module.diffusion.identity
    if known != mine:
        raise ValueError(
            'What the checkpoint holds of CPT was learned with the diffusion '
            f'model {known[:12]}, but "{module.diffusion.path}" is '
            f'{mine[:12]}; it means nothing to it. Give that model as '
            'model.diffusion.path, or train CPT with this one.'
        )


def to_image(points: Tensor, metainfo: dict[str, Any]) -> Tensor:
    """Points (K, 2) of the input in pixels of the picture, as mmpose does."""
    if 'input_center' in metainfo:
        center, scale, size = (
            points.new_tensor(metainfo[f'input_{key}'])
            for key in ('center', 'scale', 'size')
        )
        return points / size * scale + center - 0.5 * scale
    if 'scale_factor' in metainfo:
        return points / points.new_tensor(metainfo['scale_factor'])
    return points
