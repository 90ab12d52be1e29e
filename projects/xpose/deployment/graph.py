# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""X-Pose after the prompt encoder as one graph of plain operators.

Dims: H, W padded picture, L levels, T image tokens, G groups, M detections,
C categories, K keypoints, E channels of the prompt encoder, D of the model.
"""

from __future__ import annotations

import copy

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor, nn
from torchvision.ops import box_iou

from projects.common.models.layers import DeformableAttention
from projects.common.models.prompt_encoders import EncodedPrompts
from projects.xpose.models import XPose
from projects.xpose.models.groups import KeypointGroups
from projects.xpose.models.heads.detections import mean_score
from projects.xpose.models.layers.decoder import DecoderStates
from projects.xpose.models.task_modules.targets import fit_slots

from .duplicates import first_of_each, pose_similarity


class LevelShapes(list):
    """The (L, 2) tensor of sizes (h, w) of the model's code, as integers.

    An exporter would take the values of a tensor for constants; sizes of
    feature maps stay what they depend on.
    """

    def tolist(self) -> list[tuple[int, int]]:
        """As ``Tensor.tolist``."""
        return list(self)

    def flip(self, dim: int) -> Tensor:
        """As ``Tensor.flip`` along the last axis: (L, 2) (w, h)."""
        return torch.stack(
            [
                torch.stack([torch.scalar_tensor(w), torch.scalar_tensor(h)])
                for h, w in self
            ]
        )


class XPoseGraph(nn.Module):
    """One picture and one encoded prompt to detections.

    It shares no module with ``model``, has no prompt encoder, computes in
    float32 on the CPU and interpolates with ``grid_sample``, which exchange
    formats know.

    Args:
        model (XPose): The trained model.

    Attributes:
        prompt_width (int): E.

    Raises:
        ValueError: If ``multi_label`` of the head's ``test_cfg`` is off:
            that compares the names of keypoints.
    """

    def __init__(self, model: XPose) -> None:
        super().__init__()
        if not model.bbox_head.test_cfg['multi_label']:
            raise ValueError(
                'A model with test_cfg.multi_label=False compares the names '
                'of keypoints, which a graph cannot; export it with '
                '--cfg-options model.test_cfg.multi_label=True.'
            )
        # What is not needed would only make the files larger.
        self.prompt_width = model.prompt_encoder.embed_dims
        unused = model.prompt_encoder, model.dn_query_generator
        model = copy.deepcopy(model, {id(part): None for part in unused})
        self.model = model.float().cpu().requires_grad_(False)
        for module in self.model.modules():
            if isinstance(module, DeformableAttention):
                module.backend = 'grid_sample'
        self.eval()

    @property
    def divisor(self) -> int:
        """Sides of a picture are multiples of it."""
        return max(32, self.model.data_preprocessor.pad_size_divisor)

    @property
    def min_side(self) -> int:
        """Sides of a padded picture that give enough image tokens."""
        # Two cells of the coarsest level: to torch.export 1 is a constant.
        tokens, side = 0, self.divisor
        while tokens < self.model.num_queries:
            side += self.divisor
            strides = [8 * 2**i for i in range(self.model.num_feature_levels)]
            tokens = sum((side // stride) ** 2 for stride in strides)
        return side

    def forward(
        self,
        image: Tensor,
        image_size: Tensor,
        object_embeddings: Tensor,
        keypoint_embeddings: Tensor,
        category_mask: Tensor,
        keypoint_mask: Tensor,
        sigmas: Tensor,
    ) -> dict[str, Tensor]:
        """Find what is asked for.

        Args:
            image (Tensor): (H, W, 3) uint8 BGR, in the size of the model;
                H and W are padded right and below to multiples of
                :attr:`divisor`, :attr:`min_side` at least, with any value.
            image_size (Tensor): (2,) long: w, h before the padding.
            object_embeddings (Tensor): (C, E).
            keypoint_embeddings (Tensor): (C, K, E).
            category_mask (Tensor): (C,) True = real.
            keypoint_mask (Tensor): (C, K) True = real.
            sigmas (Tensor): (C, K) of OKS, to tell duplicates.

        Returns:
            dict[str, Tensor]: ``boxes`` (M, 4) xyxy, ``scores`` (M,),
            ``labels`` (M,), ``keypoints`` (M, K, 2), ``keypoint_scores``
            (M, K) and, where the model tells, ``keypoints_visible`` (M, K),
            by descending score, in pixels of ``image``. M is fixed: rows
            with score 0 are no detections. What is not real is 0.
        """
        prompts = EncodedPrompts(
            object_embeddings[None],
            keypoint_embeddings[None],
            category_mask[None],
            keypoint_mask[None],
        )
        outputs = self._transform(image, image_size, prompts)
        found = self._groups(**outputs)
        for name in found.keys() - {'boxes', 'scores', 'labels'}:
            # The model drops keypoints that no kept object has.
            found[name] = fit_slots(found[name], keypoint_mask.shape[1])
        scale = image_size.float()
        found['boxes'] = found['boxes'] * scale.repeat(2)
        found['keypoints'] = found['keypoints'] * scale
        return self._without_duplicates(found, sigmas)

    def _transform(
        self, image: Tensor, image_size: Tensor, prompts: EncodedPrompts
    ) -> dict:
        model = self.model
        prompts = model.separate_names(prompts)
        features = model.extract_feat(self._normalise(image, image_size))
        encoder_inputs, levels = self._levels(features, image, image_size)
        encoded = model.forward_encoder(**encoder_inputs, prompts=prompts)
        queries, _ = model.pre_decoder(**encoded, batch_data_samples=[])
        encoded.pop('memory_mask')
        return encoded | model.forward_decoder(
            **queries,
            **(levels | encoded),
            prompts=prompts,
            batch_data_samples=[],
        )

    def _normalise(self, image: Tensor, image_size: Tensor) -> Tensor:
        """(1, 3, H, W), 0 where padded as mmdet pads."""
        preprocessor = self.model.data_preprocessor
        image = image.permute(2, 0, 1).float()
        if preprocessor._channel_conversion:
            image = image.flip(0)
        image = (image - preprocessor.mean) / preprocessor.std
        shape = image.shape[1:]
        return (image * _inside(shape, image_size, shape))[None]

    def _levels(
        self, features: tuple[Tensor, ...], image: Tensor, image_size: Tensor
    ) -> tuple[dict, dict]:
        """The ``pre_transformer`` of mmdet with sizes that may vary."""
        tokens, masks, positions, ratios = [], [], [], []
        shapes = LevelShapes()
        for feature, embedding in zip(features, self.model.level_embed):
            h, w = feature.shape[2:]
            mask = ~_inside((h, w), image_size, image.shape[:2])[None]
            position = self.model.positional_encoding(mask)
            shapes.append((h, w))
            tokens.append(feature.flatten(2).transpose(1, 2))
            masks.append(mask.flatten(1))
            positions.append(position.flatten(2).transpose(1, 2) + embedding)
            ratios.append(self.model.get_valid_ratio(mask))
        mask = torch.cat(masks, 1)
        levels = {
            'spatial_shapes': shapes,
            'level_start_index': None,  # of the compiled operator alone
            'valid_ratios': torch.stack(ratios, 1),
        }
        encoder_inputs = {
            'feat': torch.cat(tokens, 1),
            'feat_mask': mask,
            'feat_pos': torch.cat(positions, 1),
        }
        return encoder_inputs | levels, levels | {'memory_mask': mask}

    def _groups(
        self,
        keypoint_states: DecoderStates,
        groups: KeypointGroups,
        keypoint_content: Tensor,
        object_prompts: Tensor,
        category_mask: Tensor,
        **unused: Tensor,
    ) -> dict[str, Tensor]:
        """Values of the G groups, coordinates in 0..1 of the picture."""
        head, mask = self.model.bbox_head, groups.keypoint_mask
        logits, boxes, keypoints = head.forward_groups(
            keypoint_states, object_prompts, category_mask
        )[-1]
        scores = logits[0].gather(1, groups.labels[0][:, None])[:, 0].sigmoid()
        # As in ``detections``: without own scores the object's.
        found = {'keypoint_scores': scores[None, :, None].expand(mask.shape)}
        found |= head._keypoint_scores(keypoint_states, keypoint_content, mask)
        found = {name: values[0] for name, values in found.items()}
        if head.test_cfg.get('rescore', False):
            scores = scores * mean_score(found['keypoint_scores'], mask[0])
        return {
            'boxes': bbox_cxcywh_to_xyxy(boxes)[0],
            'scores': scores,
            'labels': groups.labels[0],
            'keypoints': keypoints[0] * mask[0][..., None],
            **{name: values * mask[0] for name, values in found.items()},
            'keypoint_mask': mask[0],
        }

    def _without_duplicates(
        self, found: dict[str, Tensor], sigmas: Tensor
    ) -> dict[str, Tensor]:
        cfg = self.model.bbox_head.test_cfg
        order = found['scores'].sort(descending=True).indices
        found = {name: values[order] for name, values in found.items()}
        labels, scores = found['labels'], found['scores']
        same = labels[:, None] == labels
        overlap = box_iou(found['boxes'], found['boxes'])
        rivals = overlap > cfg['nms_iou_thr']
        if not cfg['class_agnostic_nms']:
            rivals = rivals & same
        kept = first_of_each(rivals, scores > cfg['score_thr'])
        mask = found.pop('keypoint_mask')
        if cfg['oks_nms_thr'] is not None:
            overlap = pose_similarity(
                found['keypoints'], mask, found['boxes'], sigmas[labels]
            )
            rivals = (overlap > cfg['oks_nms_thr']) & same
            kept = first_of_each(rivals, kept)
        found['scores'] = scores * kept
        count = min(cfg['max_per_img'], cfg['num_groups'])
        best = found['scores'].topk(count).indices
        return {name: values[best] for name, values in found.items()}


def _inside(
    shape: tuple[int, int],
    image_size: Tensor,
    image_shape: tuple[int, int],
) -> Tensor:
    """Which places of a map are of the picture, not of its padding.

    Args:
        shape: h, w of the map.
        image_size: (2,) w, h of the picture without its padding.
        image_shape: Height and width with it.

    Returns:
        Tensor: (h, w) bool; a place is that of its first pixel, as where
        mmdet scales its masks down.
    """
    columns, rows = (
        torch.arange(count) * full // count < size
        for count, full, size in zip(
            shape[::-1], image_shape[::-1], image_size.unbind()
        )
    )
    return rows[:, None] & columns
