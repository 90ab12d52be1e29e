# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Head of X-Pose: turns decoder states into predictions, losses, results.

Dims: B batch, N object queries, R denoising queries, G groups, C categories,
K keypoints, D channels.
"""

from functools import partial
from typing import Any

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmdet.utils import reduce_mean
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

from ..groups import KeypointGroups, keep_objects, keep_pairs, spread_matches
from ..layers.decoder import DecoderStates
from ..references import ReferenceRefiner
from ..task_modules.targets import build_targets
from .alignment import PromptAlignment
from .detections import detect, unshown_keypoints
from .keypoint_alignment import KeypointAlignment, KeypointVocabulary
from .keypoint_score import KeypointScore
from .losses import MatchedPairs, PromptPoseLoss
from .stage_losses import StageLosses, named


@MODELS.register_module()
class XPoseHead(BaseModule):
    """Shared prediction branches, losses and post-processing.

    Args:
        embed_dims (int): D.
        criterion (dict): Arguments of :class:`PromptPoseLoss`.
        refiner (dict, optional): Arguments of :class:`ReferenceRefiner`
            besides ``embed_dims``.
        calibrated (bool): See :class:`PromptAlignment` and
            :meth:`ranking_query`.
        object_alignment (bool): Classify objects by their prompts. False
            compares them with one learned vector instead, "an object": the
            paper's model without object-level alignment (table 9), which
            finds each object for every category of the prompt alike.
        keypoint_alignment (dict, optional): Arguments of
            :class:`KeypointAlignment` besides ``embed_dims`` and
            ``calibrated``; None trains without (table 9).
        keypoint_score (dict, optional): Arguments of :class:`KeypointScore`
            besides ``embed_dims``; None is the released model.
        train_cfg (dict): ``num_groups`` kept objects per picture and, by
            default None, ``queries_per_object``: let so many queries of each
            object learn its keypoints, the one that the object layers match
            and those that overlap it most, instead of the one that the
            matching with keypoints chooses (the released model);
            ``num_groups`` then grows with the objects.
        test_cfg (dict): ``num_groups``, ``multi_label`` (keep an object
            once for each likely category), ``score_thr``, ``nms_iou_thr``,
            ``class_agnostic_nms``, ``oks_nms_thr`` (or None),
            ``max_per_img`` and, by default False, ``rescore``: multiply the
            objects' scores by the mean of their keypoint scores.

    Raises:
        ValueError: If ``rescore`` is asked for without ``keypoint_score``.
    """

    def __init__(
        self,
        embed_dims: int,
        criterion: ConfigDict,
        refiner: ConfigDict | None = None,
        calibrated: bool = True,
        object_alignment: bool = True,
        keypoint_alignment: ConfigDict | None = None,
        keypoint_score: ConfigDict | None = None,
        train_cfg: ConfigDict | None = None,
        test_cfg: ConfigDict | None = None,
    ) -> None:
        super().__init__()
        if (test_cfg or {}).get('rescore') and keypoint_score is None:
            raise ValueError(
                'test_cfg.rescore multiplies scores of keypoints that this '
                'head does not predict; set keypoint_score=dict() or '
                'rescore=False.'
            )
        self.refiner = ReferenceRefiner(embed_dims, **(refiner or {}))
        self.alignment = PromptAlignment(
            embed_dims, calibrated, class_agnostic=not object_alignment
        )
        self.keypoint_alignment = self.keypoint_score = None
        if keypoint_alignment is not None:
            self.keypoint_alignment = KeypointAlignment(
                embed_dims, calibrated, **keypoint_alignment
            )
        if keypoint_score is not None:
            self.keypoint_score = KeypointScore(embed_dims, **keypoint_score)
        self.calibrated = calibrated
        self.criterion = PromptPoseLoss(
            **criterion, class_agnostic=not object_alignment
        )
        self.train_cfg = train_cfg
        self.test_cfg = test_cfg

    def ranking_query(self, states: DecoderStates) -> Tensor:
        """Object queries (B, N, D) by which objects are kept.

        The normalised ones, as the losses train them; the released model
        ranks before the norm.
        """
        return states.hidden[-1] if self.calibrated else states.query

    def forward_objects(
        self, states: DecoderStates, prompts: Tensor, category_mask: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """Logits (B, N, C) and boxes (B, N, 4) of every object layer."""
        return [
            (
                self.alignment(hidden, prompts, category_mask),
                self.refiner.refine_boxes(reference, hidden),
            )
            for hidden, reference in zip(
                states.hidden, states.references, strict=True
            )
        ]

    def forward_groups(
        self, states: DecoderStates, prompts: Tensor, category_mask: Tensor
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Logits (B, G, C), boxes (B, G, 4), keypoints (B, G, K, 2)."""
        predictions = []
        for hidden, reference in zip(
            states.hidden, states.references, strict=True
        ):
            box = hidden[:, :, 0]
            predictions.append(
                (
                    self.alignment(box, prompts, category_mask),
                    self.refiner.refine_boxes(reference[:, :, 0], box),
                    self.refiner.refine_keypoints(
                        reference[:, :, 1:],
                        hidden[:, :, 1:],
                        reference[:, :, :1],
                    ),
                )
            )
        return predictions

    def _matched_objects(
        self,
        logits: Tensor,
        boxes: Tensor,
        prompt_mask: Tensor,
        samples: list[PoseDataSample],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Which object each object query is matched to and learns.

        Args:
            logits (Tensor): (B, N, C).
            boxes (Tensor): (B, N, 4).
            prompt_mask (Tensor): (B, C, K) True = a real keypoint.
            samples (list[PoseDataSample]): With ground truth.

        Returns:
            tuple[Tensor, Tensor, Tensor]: (B, N) the object matched, the
            one whose keypoints are learnt and its category; -1 = none.
        """
        targets = build_targets(samples, prompt_mask)
        metas = [sample.metainfo for sample in samples]
        matched = self.criterion.match(logits, boxes, targets, metas)
        per_object = self.train_cfg.get('queries_per_object') or 1
        objects = spread_matches(
            matched, boxes, [target.boxes for target in targets], per_object
        )
        labels = torch.full_like(objects, -1)
        pairs = MatchedPairs(objects, targets, metas)
        labels[pairs.where] = pairs.gt.labels
        return matched, objects, labels

    @torch.no_grad()
    def keep_objects(
        self,
        states: DecoderStates,
        num_queries: int,
        object_prompts: Tensor,
        category_mask: Tensor,
        prompt_mask: Tensor,
        samples: list[PoseDataSample],
    ) -> KeypointGroups:
        """Choose the objects that get keypoints.

        Args:
            states (DecoderStates): Over R + N queries.
            num_queries (int): N.
            object_prompts (Tensor): (B, C, D).
            category_mask (Tensor): (B, C) True = real.
            prompt_mask (Tensor): (B, C, K) True = a keypoint that the
                prompt shows.
            samples (list[PoseDataSample]): Ground truth, used in training
                only.

        Returns:
            KeypointGroups: The kept objects, indices into the N queries.
        """
        query = self.ranking_query(states)[:, -num_queries:]
        logits = self.alignment(query, object_prompts, category_mask)
        if not self.training:
            keep = keep_pairs if self.test_cfg['multi_label'] else keep_objects
            return keep(logits, prompt_mask, self.test_cfg['num_groups'])
        boxes = states.reference[:, -num_queries:]
        matched, objects, labels = self._matched_objects(
            logits, boxes, prompt_mask, samples
        )
        num_groups = self.train_cfg['num_groups']
        groups = keep_objects(logits, prompt_mask, num_groups, labels)
        if self.train_cfg.get('queries_per_object'):
            groups.matched = matched.gather(1, groups.indices)
            groups.objects = objects.gather(1, groups.indices)
        return groups

    def loss(
        self,
        proposals: tuple[Tensor, Tensor],
        object_states: DecoderStates,
        keypoint_states: DecoderStates,
        groups: KeypointGroups,
        object_prompts: Tensor,
        category_mask: Tensor,
        prompt_mask: Tensor,
        dn_meta: dict,
        batch_data_samples: list[PoseDataSample],
        vocabulary: KeypointVocabulary | None = None,
        **unused: Any,
    ) -> dict[str, Tensor]:
        """Losses of proposals, denoising, object and keypoint layers.

        Args:
            proposals (tuple): Logits (B, N, C) and boxes (B, N, 4) of the
                selected encoder positions.
            object_states (DecoderStates): Over R + N queries.
            keypoint_states (DecoderStates): Over (B, G, 1 + K) slots.
            groups (KeypointGroups): The kept objects.
            object_prompts (Tensor): (B, C, D) enhanced prompts.
            category_mask (Tensor): (B, C) True = real.
            prompt_mask (Tensor): (B, C, K') True = a keypoint that the
                prompt shows.
            dn_meta (dict): See ``PromptDenoising``.
            batch_data_samples (list[PoseDataSample]): Ground truth.
            vocabulary (KeypointVocabulary, optional): For keypoint-level
                alignment.
            unused: Outputs for predictions.

        Returns:
            dict[str, Tensor]: ``enc.*``, ``dn.0.*``, ``obj.0.*``,
            ``kpt.start.*``, ``kpt.0.*``, ... with
            ``loss_{cls,bbox,iou,keypoint,oks}`` and, as configured,
            ``loss_align``, ``loss_score`` and ``loss_visibility``.
        """
        num_keypoints = groups.keypoint_mask.shape[-1]
        targets = build_targets(batch_data_samples, prompt_mask, num_keypoints)
        metas = [sample.metainfo for sample in batch_data_samples]
        count = proposals[0].new_tensor([float(sum(map(len, targets)))])
        average = reduce_mean(count).clamp(min=1).item()
        stage = StageLosses(self.criterion, targets, metas, average)
        prompts = object_prompts, category_mask

        losses = named('enc', stage.objects(*proposals))
        num_dn = dn_meta['num_denoising_queries']
        layers = self.forward_objects(object_states, *prompts)
        for i, (logits, boxes) in enumerate(layers):
            if num_dn:
                noisy = logits[:, :num_dn], boxes[:, :num_dn]
                losses |= named(f'dn.{i}', stage.denoising(*noisy, dn_meta))
            queries = logits[:, num_dn:], boxes[:, num_dn:]
            losses |= named(f'obj.{i}', stage.objects(*queries))
        layers = self.forward_groups(keypoint_states, *prompts)
        terms = partial(self._keypoint_terms, vocabulary)
        return losses | stage.groups(layers, keypoint_states, groups, terms)

    def _keypoint_terms(
        self,
        vocabulary: KeypointVocabulary | None,
        queries: Tensor,
        keypoints: Tensor,
        pairs: MatchedPairs,
        average: float,
    ) -> dict[str, Tensor]:
        """The losses of a keypoint layer that the config asks for."""
        losses = {}
        if self.keypoint_alignment is not None:
            losses['loss_align'] = self.keypoint_alignment.loss(
                queries, pairs, vocabulary, average
            )
        if self.keypoint_score is not None:
            losses |= self.keypoint_score.loss(
                queries, keypoints, pairs, average
            )
        return losses

    @property
    def score_source(self) -> str:
        """Where ``keypoint_scores`` come from, see :meth:`predict`."""
        if self.keypoint_score is not None:
            return 'head'
        return 'instance' if self.keypoint_alignment is None else 'alignment'

    def _keypoint_scores(
        self, states: DecoderStates, content: Tensor, keypoint_mask: Tensor
    ) -> dict[str, Tensor]:
        """(B, G, K) ``keypoint_scores``, ``keypoints_visible``, if known."""
        if self.score_source == 'instance':
            return {}
        queries = states.hidden[-1][:, :, 1:]
        if self.score_source == 'alignment':
            scores = self.keypoint_alignment.score(
                queries, content, keypoint_mask
            )
            return {'keypoint_scores': scores}
        scores, visible = self.keypoint_score(queries).sigmoid().unbind(-1)
        return {'keypoint_scores': scores, 'keypoints_visible': visible}

    def predict(
        self,
        keypoint_states: DecoderStates,
        groups: KeypointGroups,
        keypoint_content: Tensor,
        object_prompts: Tensor,
        category_mask: Tensor,
        prompt_mask: Tensor,
        batch_data_samples: list[PoseDataSample],
        rescale: bool = True,
        **unused: Any,
    ) -> list[InstanceData]:
        """Detections of every picture.

        ``keypoint_scores`` and ``keypoints_visible`` hold given that the
        object is there; they are not multiplied by its score, as in mmpose.
        Multiply them yourself for "object and keypoint". The metainfo
        ``keypoint_score_source`` says where ``keypoint_scores`` come from:
        ``'head'`` (calibrated, see :class:`KeypointScore`), ``'alignment'``
        (see ``KeypointAlignment.score``) or ``'instance'`` (the object's
        score again: the model knows nothing of single keypoints).

        Args:
            keypoint_states (DecoderStates): See :meth:`loss`.
            groups (KeypointGroups): The kept objects.
            keypoint_content (Tensor): (B, G, K, D) their keypoint prompts.
            object_prompts (Tensor): (B, C, D).
            category_mask (Tensor): (B, C).
            prompt_mask (Tensor): (B, C, K') True = a keypoint that the
                prompt shows.
            batch_data_samples (list[PoseDataSample]): With ``prompts``,
                ``img_shape`` and ``scale_factor``.
            rescale (bool): Return image pixels instead of input pixels.
            unused: Training-only outputs.

        Returns:
            list[InstanceData]: ``bboxes`` (M, 4) xyxy, ``scores`` (M,),
            ``labels`` (M,), ``keypoints`` (M, K, 2), ``keypoint_mask``
            (M, K), ``keypoint_scores`` (M, K) and, from the head only,
            ``keypoints_visible`` (M, K); K is that of the picture's largest
            category, and what is not real is 0. Metainfo: ``categories``,
            ``keypoint_score_source`` and ``unshown_keypoints``, the names
            of keypoints that no shot shows, by category: they are not real.
        """
        logits, boxes, keypoints = self.forward_groups(
            keypoint_states, object_prompts, category_mask
        )[-1]
        fields = {
            'logits': logits.float(),
            'bboxes': bbox_cxcywh_to_xyxy(boxes),
            'labels': groups.labels,
            'keypoints': keypoints,
            'keypoint_mask': groups.keypoint_mask,
            **self._keypoint_scores(
                keypoint_states, keypoint_content, groups.keypoint_mask
            ),
        }
        results = []
        for i, sample in enumerate(batch_data_samples):
            found = InstanceData(**{k: v[i] for k, v in fields.items()})
            shown = prompt_mask[i].cpu()
            found = detect(found, shown, sample, self.test_cfg, rescale)
            # Results go on without the prompt, so they carry their names.
            found.set_metainfo(
                {
                    'categories': sample.prompts.categories,
                    'keypoint_score_source': self.score_source,
                    'unshown_keypoints': unshown_keypoints(
                        sample.prompts, shown
                    ),
                }
            )
            results.append(found)
        return results
