# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Our model's results, stage by stage, beside the recorded ones.

Dims: B pictures, N object queries, G kept objects, K keypoints and C
categories of a picture, T image tokens, D channels.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ..models.detectors.xpose import XPose
from .fixture import Case
from .ties import SPARE, recorded_order

#: Largest allowed absolute difference; the other stages only inform.
TOLERANCES = {'logits': 1e-3, 'boxes': 1e-4, 'keypoints': 1e-4}

# The stage, our tensor and the recorded one.
Pair = tuple[str, Tensor, Tensor]


class RecordedXPose(XPose):
    """X-Pose that sorts its proposals as a recorded run did.

    Attributes:
        recorded_boxes (Tensor, optional): (B, N, 4) the recorded proposals.
        encoded (dict): ``memory``, ``memory_mask``, ``object_prompts`` of
            the last batch.
        exchanged (int): Proposals of the last batch that took another's
            place, because their scores were equal but for rounding.
    """

    recorded_boxes: Tensor | None = None

    def pre_decoder(
        self,
        memory: Tensor,
        memory_mask: Tensor | None,
        spatial_shapes: Tensor,
        object_prompts: Tensor,
        category_mask: Tensor,
        batch_data_samples: list,
    ) -> tuple[dict, dict]:
        """As the parent, with equal scores in the recorded order."""
        queries, head_inputs = super().pre_decoder(
            memory,
            memory_mask,
            spatial_shapes,
            object_prompts,
            category_mask,
            batch_data_samples,
        )
        self.exchanged = 0
        self.encoded = dict(
            memory=memory,
            memory_mask=memory_mask,
            object_prompts=object_prompts,
        )
        if self.recorded_boxes is not None:
            tokens, anchors = self.gen_encoder_output_proposals(
                memory, memory_mask, spatial_shapes
            )
            logits = self.bbox_head.alignment(
                tokens, object_prompts, category_mask
            )
            rows = zip(tokens, anchors, logits.amax(-1), strict=True)
            queries['reference'] = torch.stack(
                [self._reorder(i, *row) for i, row in enumerate(rows)]
            )
        return queries, head_inputs

    def _reorder(
        self, index: int, tokens: Tensor, anchors: Tensor, scores: Tensor
    ) -> Tensor:
        """The proposals (N, 4) of a picture in the recorded order."""
        recorded = self.recorded_boxes[index]
        count = min(len(recorded) + SPARE, len(scores))
        scores, best = scores.topk(count)
        branch = self.bbox_head.refiner.proposal_branch
        boxes = (branch(tokens[best]) + anchors[best]).sigmoid()
        order = recorded_order(
            scores,
            boxes,
            recorded,
            TOLERANCES['logits'],
            TOLERANCES['boxes'],
        )
        self.exchanged += count_exchanged(order)
        return boxes[order]


def count_exchanged(order: Tensor) -> int:
    """How many places of an order are not taken by their own candidate."""
    return int((order != torch.arange(len(order))).sum())


@torch.no_grad()
def run_case(
    model: RecordedXPose, case: Case
) -> tuple[list[Pair], dict[str, int]]:
    """Run a recorded case.

    Args:
        model (RecordedXPose): Ours with the recorded run's weights, keeping
            ``SPARE`` objects more than it did.
        case (Case): What was recorded.

    Returns:
        tuple[list, dict]: Our and the recorded tensors of each stage, where
        they are no padding, and how many ``proposals`` and ``objects`` were
        exchanged because of equal scores.
    """
    inputs, prompts, samples = case.batch()
    model.recorded_boxes = (case.expected.get('decoder_refs') or [None])[0]
    maps = model.backbone(inputs)
    outputs = model.forward_transformer(model.neck(maps), prompts, samples)
    exchanged = {'proposals': model.exchanged, 'objects': 0}
    pairs = [
        ('backbone', *pair)
        for pair in zip(maps, case.expected.get('backbone', ()))
    ]
    pairs += _encoder_stages(model.encoded, case)
    pairs += _query_stages(outputs, case)
    results = model.bbox_head.forward_groups(
        outputs['keypoint_states'],
        outputs['object_prompts'],
        outputs['category_mask'],
    )[-1]
    scores = _object_scores(model, outputs)
    for i in range(len(samples)):
        found = [result[i] for result in results]
        order = _object_order(case, i, scores[i], *found)
        exchanged['objects'] += count_exchanged(order)
        pairs += _group_stages(outputs, case, i, order)
        pairs += _results(case, i, *[result[order] for result in found])
    return pairs, exchanged


def _encoder_stages(encoded: dict[str, Any], case: Case) -> Iterator[Pair]:
    mask = encoded['memory_mask']
    for i, objects in enumerate(case.objects):
        real = slice(None) if mask is None else ~mask[i]
        if 'memory' in case.expected:
            yield (
                'memory',
                encoded['memory'][i][real],
                case.expected['memory'][i][real],
            )
        if 'memory_text' in case.expected:
            count = len(objects)
            yield (
                'enhanced prompts',
                encoded['object_prompts'][i, :count],
                case.expected['memory_text'][i, :count],
            )


def _query_stages(outputs: dict[str, Any], case: Case) -> Iterator[Pair]:
    states = outputs['object_states']
    if 'decoder_hs_box' in case.expected:
        recorded = case.expected['decoder_hs_box']
        yield 'object queries', states.hidden[-1], recorded
    for pair in zip(states.references, case.expected.get('decoder_refs', ())):
        yield 'references', *pair


def _group_stages(
    outputs: dict[str, Any], case: Case, index: int, order: Tensor
) -> Iterator[Pair]:
    """Groups [box, keypoints] of a picture; the first ones are recorded."""
    states = outputs['keypoint_states']
    slots = 1 + len(case.keypoints[index])
    all_slots = 1 + case.expected['pred_keypoints'].shape[-1] // 3
    recorded = [
        ('references', ours, theirs)
        for ours, theirs in zip(
            states.references,
            case.expected.get('decoder_refs', ())[
                len(outputs['object_states'].references) :
            ],
        )
    ]
    if 'decoder_hs_last' in case.expected:
        last = case.expected['decoder_hs_last']
        recorded.append(('keypoint queries', states.hidden[-1], last))
    for stage, ours, theirs in recorded:
        groups = theirs[index].unflatten(0, (-1, all_slots))[:, :slots]
        yield stage, ours[index, order[: len(groups)], :slots], groups


def _results(
    case: Case, index: int, logits: Tensor, boxes: Tensor, keypoints: Tensor
) -> Iterator[Pair]:
    expected = case.expected
    categories = len(case.objects[index])
    yield (
        'logits',
        logits[:, :categories],
        expected['pred_logits'][index, :, :categories],
    )
    yield 'boxes', boxes, expected['pred_boxes'][index]
    count = len(case.keypoints[index])
    yield 'keypoints', keypoints[:, :count], _keypoints(case, index)


def _keypoints(case: Case, index: int) -> Tensor:
    """(G, K, 2) of a picture, without the constant and the empty slots."""
    values = case.expected['pred_keypoints'][index]
    points = values[:, : values.shape[1] // 3 * 2].unflatten(1, (-1, 2))
    return points[:, : len(case.keypoints[index])]


def _object_scores(model: XPose, outputs: dict[str, Any]) -> Tensor:
    """(B, G) by which the objects were chosen, descending."""
    logits = model.bbox_head.alignment(
        outputs['object_states'].query,
        outputs['object_prompts'],
        outputs['category_mask'],
    )
    return logits.amax(-1).gather(1, outputs['groups'].indices)


def _object_order(
    case: Case,
    index: int,
    scores: Tensor,
    logits: Tensor,
    boxes: Tensor,
    keypoints: Tensor,
) -> Tensor:
    """Order of the kept objects in which they were recorded."""
    points = _keypoints(case, index)
    ours = keypoints[:, : points.shape[1]]
    return recorded_order(
        scores,
        torch.cat([boxes, ours.flatten(1)], 1),
        torch.cat([case.expected['pred_boxes'][index], points.flatten(1)], 1),
        TOLERANCES['logits'],
        TOLERANCES['boxes'],
    )
