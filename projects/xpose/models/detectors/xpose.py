# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""X-Pose: promptable end-to-end detection of any keypoints of any objects.

Data flow (B batch, T image tokens, C categories, K keypoints, N object
queries, R denoising queries, G kept objects, D channels)::

    prompts --prompt_encoder--> object (B, C, E), keypoint (B, C, K, E), masks
                 | projections E -> D
    image (B, 3, H, W) --backbone, neck, pre_transformer--> (B, T, D)
                 |
    forward_encoder: enhancer  -> memory (B, T, D), object_prompts (B, C, D)
                 |
    pre_decoder: prompt-guided query selection (+ denoising in training)
                 -> query (B, R + N, D), reference (B, R + N, 4)
                 |
    forward_decoder: object layers -> keep G objects, each with the keypoint
                 prompts of its category -> keypoint layers on
                 (B, G, 1 + K, D), attention inside each object's group
                 |
    XPoseHead:   logits (B, G, C), boxes (B, G, 4), keypoints (B, G, K, 2)
                 and, if configured, a score and a visibility per keypoint
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from mmdet.models.detectors import DINO
from mmdet.models.detectors.base_detr import DetectionTransformer
from mmdet.models.layers import SinePositionalEncoding
from mmdet.registry import MODELS as MMDET_MODELS
from mmengine.config import ConfigDict
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from projects.common.models.prompt_encoders import EncodedPrompts
from projects.common.structures import KeypointCategory

from ..groups import expand_groups, keypoint_content
from ..heads.keypoint_alignment import KeypointVocabulary
from ..layers.decoder import PromptPoseDecoder
from ..layers.denoising import PromptDenoising
from ..layers.enhancer import CrossModalityEnhancer
from ..layers.projection import NameSeparation, prompt_projection
from ..query_selection import add_denoising, select_proposals, start_queries


@MODELS.register_module()
class XPose(DINO):
    """Promptable keypoint detector (X-Pose, ECCV 2024).

    Args:
        prompt_encoder (dict): Encodes ``data_sample.prompts``; a module of
            ``projects.common.models.prompt_encoders``.
        dn_cfg (dict): Arguments of :class:`PromptDenoising` besides sizes.
        num_feature_levels (int): L.
        selected_content (bool): Add the selected image token to the learned
            content of its object query; the released model has the learned
            content alone.
        normalized_prompts (bool): Normalise prompt embeddings before and
            after their projection, so that encoders of any scale (sentence
            encoders give unit vectors) start with prompts that differ. The
            released model does not.
        name_separation (dict, optional): Arguments of
            :class:`NameSeparation`, for keypoint prompts of any kind;
            fitted by ``VocabularyHook``. The released model has none.
        kwargs: Arguments of mmdet's DetectionTransformer: ``backbone``,
            ``neck``, ``encoder``, ``decoder``, ``bbox_head``,
            ``positional_encoding``, ``num_queries``, ``train_cfg``,
            ``test_cfg``, ``data_preprocessor``.
    """

    def __init__(
        self,
        prompt_encoder: ConfigDict,
        dn_cfg: ConfigDict,
        num_feature_levels: int = 4,
        selected_content: bool = False,
        normalized_prompts: bool = False,
        name_separation: ConfigDict | None = None,
        **kwargs: Any,
    ) -> None:
        self.num_feature_levels = num_feature_levels
        self.selected_content = selected_content
        # DINO's own constructor would build a closed table of labels.
        DetectionTransformer.__init__(self, **kwargs)
        self.prompt_encoder = MMDET_MODELS.build(prompt_encoder)
        width = self.prompt_encoder.embed_dims
        self.name_separation = None
        if name_separation is not None:
            self.name_separation = NameSeparation(width, **name_separation)
        self.object_projection, self.keypoint_projection = (
            prompt_projection(width, self.embed_dims, normalized_prompts)
            for _ in range(2)
        )
        self.dn_query_generator = PromptDenoising(
            embed_dims=self.embed_dims,
            num_matching_queries=self.num_queries,
            **dn_cfg,
        )

    def fit_names(self, categories: Sequence[KeypointCategory]) -> bool:
        """Fit the separation of names, if there is one: True."""
        if self.name_separation is None:
            return False
        rows = self.prompt_encoder.embed_names(categories)
        pairs = [category.swap_pairs for category in categories]
        self.name_separation.fit(rows.keypoints.split(rows.counts), pairs)
        return True

    def separate_names(self, prompts: EncodedPrompts) -> EncodedPrompts:
        """Set keypoints' embeddings apart, if ``name_separation`` is set."""
        if self.name_separation is None:
            return prompts
        apart = self.name_separation(prompts.keypoint_embeddings)
        return replace(prompts, keypoint_embeddings=apart)

    def _init_layers(self) -> None:
        self.positional_encoding = SinePositionalEncoding(
            **self.positional_encoding
        )
        self.encoder = CrossModalityEnhancer(**self.encoder)
        self.decoder = PromptPoseDecoder(**self.decoder)
        self.embed_dims = self.encoder.embed_dims
        self.query_embedding = nn.Embedding(self.num_queries, self.embed_dims)
        self.level_embed = nn.Parameter(
            torch.zeros(self.num_feature_levels, self.embed_dims)
        )
        self.memory_trans_fc = nn.Linear(self.embed_dims, self.embed_dims)
        self.memory_trans_norm = nn.LayerNorm(self.embed_dims)

    def loss(
        self, batch_inputs: Tensor, batch_data_samples: list[PoseDataSample]
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            batch_inputs (Tensor): (B, 3, H, W) normalised, padded.
            batch_data_samples (list[PoseDataSample]): With ``prompts`` and
                ``gt_instances`` in input pixels.

        Returns:
            dict[str, Tensor]: See ``XPoseHead.loss``.
        """
        outputs = self._outputs(batch_inputs, batch_data_samples)
        return self.bbox_head.loss(
            **outputs, batch_data_samples=batch_data_samples
        )

    def predict(
        self,
        batch_inputs: Tensor,
        batch_data_samples: list[PoseDataSample],
        rescale: bool = True,
    ) -> list[PoseDataSample]:
        """Detect the prompted keypoints.

        Args:
            batch_inputs (Tensor): (B, 3, H, W) normalised, padded.
            batch_data_samples (list[PoseDataSample]): With ``prompts``.
            rescale (bool): Return image pixels instead of input pixels.

        Returns:
            list[PoseDataSample]: The samples with ``pred_instances``, see
            ``XPoseHead.predict``.
        """
        outputs = self._outputs(batch_inputs, batch_data_samples)
        results = self.bbox_head.predict(
            **outputs, batch_data_samples=batch_data_samples, rescale=rescale
        )
        return self.add_pred_to_datasample(batch_data_samples, results)

    def _forward(
        self, batch_inputs: Tensor, batch_data_samples: list[PoseDataSample]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Raw logits (B, G, C), boxes (B, G, 4), keypoints (B, G, K, 2)."""
        outputs = self._outputs(batch_inputs, batch_data_samples)
        return self.bbox_head.forward_groups(
            outputs['keypoint_states'],
            outputs['object_prompts'],
            outputs['category_mask'],
        )[-1]

    def _outputs(
        self, batch_inputs: Tensor, batch_data_samples: list[PoseDataSample]
    ) -> dict:
        prompts = self.prompt_encoder(
            [sample.prompts for sample in batch_data_samples]
        )
        return self.forward_transformer(
            self.extract_feat(batch_inputs), prompts, batch_data_samples
        )

    def forward_transformer(
        self,
        img_feats: tuple[Tensor, ...],
        prompts: EncodedPrompts,
        batch_data_samples: list[PoseDataSample],
    ) -> dict:
        """Run all stages; see the module's data flow.

        Args:
            img_feats (tuple[Tensor]): (B, D, h, w) of each level.
            prompts (EncodedPrompts): Encoded prompts of the batch.
            batch_data_samples (list[PoseDataSample]): Shapes and, in
                training, ground truth.

        Returns:
            dict: Keyword arguments of ``XPoseHead.loss`` and ``predict``.
        """
        prompts = self.separate_names(prompts)
        encoder_inputs, decoder_inputs = self.pre_transformer(
            img_feats, batch_data_samples
        )
        encoded = self.forward_encoder(**encoder_inputs, prompts=prompts)
        queries, head_inputs = self.pre_decoder(
            **encoded, batch_data_samples=batch_data_samples
        )
        decoder_inputs.update(
            memory=encoded['memory'],
            object_prompts=encoded['object_prompts'],
            category_mask=encoded['category_mask'],
        )
        head_inputs.update(
            self.forward_decoder(
                **queries,
                **decoder_inputs,
                prompts=prompts,
                batch_data_samples=batch_data_samples,
            )
        )
        return head_inputs

    def forward_encoder(
        self,
        feat: Tensor,
        feat_mask: Tensor | None,
        feat_pos: Tensor,
        prompts: EncodedPrompts,
        spatial_shapes: Tensor,
        **levels: Tensor,
    ) -> dict:
        """Enhance image tokens and object prompts together.

        Args:
            feat (Tensor): (B, T, D).
            feat_mask (Tensor, optional): (B, T) True = padding.
            feat_pos (Tensor): (B, T, D).
            prompts (EncodedPrompts): Encoded prompts.
            spatial_shapes (Tensor): (L, 2) (h, w).
            levels: ``level_start_index`` and ``valid_ratios``.

        Returns:
            dict: Inputs of :meth:`pre_decoder`.
        """
        memory, object_prompts = self.encoder(
            query=feat,
            query_pos=feat_pos,
            key_padding_mask=feat_mask,
            spatial_shapes=spatial_shapes,
            object_prompts=self.object_projection(prompts.object_embeddings),
            category_mask=prompts.category_mask,
            **levels,
        )
        return {
            'memory': memory,
            'memory_mask': feat_mask,
            'spatial_shapes': spatial_shapes,
            'object_prompts': object_prompts,
            'category_mask': prompts.category_mask,
        }

    def pre_decoder(
        self,
        memory: Tensor,
        memory_mask: Tensor | None,
        spatial_shapes: Tensor,
        object_prompts: Tensor,
        category_mask: Tensor,
        batch_data_samples: list[PoseDataSample],
    ) -> tuple[dict, dict]:
        """Prompt-guided query selection (paper 3.2).

        Args:
            memory (Tensor): (B, T, D).
            memory_mask (Tensor, optional): (B, T) True = padding.
            spatial_shapes (Tensor): (L, 2) (h, w).
            object_prompts (Tensor): (B, C, D) enhanced prompts.
            category_mask (Tensor): (B, C) True = real.
            batch_data_samples (list[PoseDataSample]): Ground truth, for
                denoising.

        Returns:
            tuple[dict, dict]: Inputs of :meth:`forward_decoder`
            (``query``, ``reference``, ``dn_mask``) and of the head.
        """
        head, refiner = self.bbox_head, self.bbox_head.refiner
        tokens, anchors = self.gen_encoder_output_proposals(
            memory, memory_mask, spatial_shapes
        )
        logits = head.alignment(tokens, object_prompts, category_mask)
        proposals = select_proposals(
            tokens, anchors, logits, refiner, self.num_queries
        )
        queries = start_queries(
            proposals, self.query_embedding.weight, self.selected_content
        )
        head_inputs = {
            'object_prompts': object_prompts,
            'category_mask': category_mask,
        }
        if self.training:
            queries, head_inputs['dn_meta'] = add_denoising(
                queries,
                self.dn_query_generator,
                batch_data_samples,
                object_prompts,
                category_mask,
            )
            head_inputs['proposals'] = proposals.logits, proposals.boxes
        return queries, head_inputs

    def forward_decoder(
        self,
        query: Tensor,
        reference: Tensor,
        dn_mask: Tensor | None,
        memory: Tensor,
        memory_mask: Tensor | None,
        prompts: EncodedPrompts,
        batch_data_samples: list[PoseDataSample],
        **context: Tensor,
    ) -> dict:
        """Object layers, choice of objects, keypoint layers (paper 3.2).

        Args:
            query (Tensor): (B, R + N, D).
            reference (Tensor): (B, R + N, 4).
            dn_mask (Tensor, optional): (R + N, R + N) True = blocked.
            memory (Tensor): (B, T, D).
            memory_mask (Tensor, optional): (B, T) True = padding.
            prompts (EncodedPrompts): For the keypoint prompts.
            batch_data_samples (list[PoseDataSample]): Ground truth, for
                the choice of objects in training.
            context: ``spatial_shapes``, ``level_start_index``,
                ``valid_ratios``, ``object_prompts``, ``category_mask``.

        Returns:
            dict: ``object_states``, ``keypoint_states``, ``groups``,
            ``keypoint_content`` and the prompt's keypoints for the head.
        """
        context.update(value=memory, key_padding_mask=memory_mask)
        refiner = self.bbox_head.refiner
        objects = self.decoder.forward_objects(
            query, reference, refiner, self_attn_mask=dn_mask, **context
        )
        num_matching = min(self.num_queries, memory.shape[1])
        query = objects.query[:, -num_matching:]
        reference = objects.reference[:, -num_matching:]
        groups = self.bbox_head.keep_objects(
            objects,
            num_matching,
            context['object_prompts'],
            context['category_mask'],
            prompts.keypoint_mask,
            batch_data_samples,
        )
        content = keypoint_content(
            groups, prompts.keypoint_embeddings, self.keypoint_projection
        )
        group_query, group_reference = expand_groups(
            groups, query, reference, content, refiner
        )
        keypoints = self.decoder.forward_keypoints(
            group_query, group_reference, refiner, groups.slot_mask, **context
        )
        return {
            'object_states': objects,
            'keypoint_states': keypoints,
            'groups': groups,
            'keypoint_content': content,
            **self._keypoint_prompts(prompts),
        }

    def _keypoint_prompts(self, prompts: EncodedPrompts) -> dict:
        """What the head asks of the prompt's keypoints."""
        inputs = {'prompt_mask': prompts.keypoint_mask}
        if self.training and self.bbox_head.keypoint_alignment is not None:
            inputs['vocabulary'] = KeypointVocabulary.of(
                prompts.keypoint_embeddings,
                prompts.keypoint_mask,
                self.keypoint_projection(prompts.keypoint_embeddings),
            )
        return inputs
