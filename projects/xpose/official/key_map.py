# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which tensor of the released checkpoint is which of ours.

The table is read off our own model: every name of its state dict finds its
names in the released layout, and how the tensor is held there. Conversion
and export are the two directions of this one table.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .swin import merging_to_mmdet, merging_to_official

# What the released file holds and inference does not use.
UNUSED = {
    'label_enc.': 'labels of denoising queries, for training only',
    'pos_proj.': 'positions of visual prompts, a branch never released',
    'padding.': 'mask token of visual prompts, a branch never released',
}
CLIP_PREFIX = 'clip_model.'
#: Ours that the released file has in another form: CLIP itself.
_NOT_OFFICIAL = 'prompt_encoder.'

# Keypoint slots of the released table of start sizes; the slots of later
# training data were added as a second table.
_FIRST_SIZES = 17
_SIZE_TABLES = (
    'transformer.decoder.hw.weight',
    'transformer.decoder.hw_append.weight',
)

# Our decoder layer has a list of norms, the released one names.
_DECODER_NORMS = ('norm2', 'catext_norm', 'norm1', 'norm3')

# Branches that all layers share and the released file repeats, twice.
_SHARED = {
    'box_branch': 'bbox_embed',
    'keypoint_branch': 'pose_embed',
    'keypoint_size_branch': 'pose_hw_embed',
}
_SHARED_NAME = re.compile(rf'bbox_head\.refiner\.({"|".join(_SHARED)})\.(.*)')

# Beginnings of names, ours and released; the first that fits is used.
_PREFIXES = (
    ('backbone.patch_embed.projection.', 'backbone.0.patch_embed.proj.'),
    ('backbone.stages.', 'backbone.0.layers.'),
    ('backbone.', 'backbone.0.'),
    ('level_embed', 'transformer.level_embed'),
    ('encoder.prompt_layers.', 'transformer.encoder.text_layers.'),
    ('encoder.', 'transformer.encoder.'),
    ('decoder.', 'transformer.decoder.'),
    ('query_embedding.', 'transformer.tgt_embed.'),
    ('memory_trans_fc.', 'transformer.enc_output.'),
    ('memory_trans_norm.', 'transformer.enc_output_norm.'),
    (
        'bbox_head.refiner.proposal_branch.',
        'transformer.enc_out_bbox_embed.',
    ),
    ('object_projection.', 'projection.'),
    ('keypoint_projection.', 'projection_kpt.'),
)
# Middle parts of names.
_INSIDE = {
    r'^(backbone\..*)\.ffn\.layers\.0\.0\.': r'\1.mlp.fc1.',
    r'^(backbone\..*)\.ffn\.layers\.1\.': r'\1.mlp.fc2.',
    r'\.attn\.w_msa\.': '.attn.',
    r'\.ffn\.layers\.0\.0\.': '.linear1.',
    r'\.ffn\.layers\.1\.': '.linear2.',
    r'\.self_attn\.attn\.': '.self_attn.',
    r'\.cross_attn_text\.attn\.': '.ca_text.',
}


@dataclass(frozen=True)
class Entry:
    """One tensor of ours and its places in the released layout.

    Attributes:
        ours (str): Name in our state dict.
        official (tuple[str, ...]): Names there; more than one where the
            released file repeats a tensor or cuts it in two.
        decode (Callable): Tensors of ``official`` -> our tensor; raises
            ValueError if repeated tensors differ.
        encode (Callable): Our tensor -> tensors of ``official``.
    """

    ours: str
    official: tuple[str, ...]
    decode: Callable[[list[Tensor]], Tensor]
    encode: Callable[[Tensor], list[Tensor]]

    def official_shapes(self, shape: Iterable[int]) -> list[tuple[int, ...]]:
        """Shapes in the released layout, given the shape of ours."""
        empty = torch.empty(tuple(shape), device='meta')
        return [tuple(tensor.shape) for tensor in self.encode(empty)]


@dataclass(frozen=True)
class Layout:
    """Numbers that decide names in the released layout.

    Attributes:
        object_layers (int): Decoder layers without keypoints.
        keypoint_layers (int): Decoder layers with keypoints.
        backbone_maps (int): Feature maps of the backbone.
    """

    object_layers: int
    keypoint_layers: int
    backbone_maps: int

    def copies(self, branch: str) -> int:
        """How often the released layout repeats a shared branch."""
        if branch == 'bbox_embed':
            return self.object_layers + self.keypoint_layers
        # One more of pose_embed: it places the first references.
        return self.keypoint_layers + (branch == 'pose_embed')


def key_map(names: Iterable[str], layout: Layout) -> list[Entry]:
    """Table of all tensors that the two layouts have in common.

    Args:
        names (Iterable[str]): Names of our model's state dict.
        layout (Layout): Its depths.

    Returns:
        list[Entry]: One entry for each name, without the prompt encoder's.

    Raises:
        ValueError: If the released model has nothing like one of them.
    """
    return [
        _entry(name, layout)
        for name in names
        if not name.startswith(_NOT_OFFICIAL)
    ]


def _entry(name: str, layout: Layout) -> Entry:
    shared = _SHARED_NAME.fullmatch(name)
    if shared:
        branch, rest = _SHARED[shared[1]], shared[2]
        copies = tuple(
            f'{prefix}{branch}.{i}.{rest}'
            for prefix in ('', 'transformer.decoder.')
            for i in range(layout.copies(branch))
        )
        return Entry(name, copies, _only, lambda t: [t] * len(copies))
    if name == 'bbox_head.refiner.start_size.weight':
        return Entry(name, _SIZE_TABLES, torch.cat, _cut_sizes)
    official = (_rename(name, layout),)
    if '.downsample.' in name:
        return Entry(
            name,
            official,
            lambda tensors: merging_to_mmdet(tensors[0]),
            lambda tensor: [merging_to_official(tensor)],
        )
    return Entry(name, official, _only, lambda tensor: [tensor])


def _rename(name: str, layout: Layout) -> str:
    neck = re.fullmatch(r'neck\.(extra_)?convs\.(\d+)\.(conv|gn)\.(.*)', name)
    if neck:
        level = int(neck[2]) + (layout.backbone_maps if neck[1] else 0)
        return f'input_proj.{level}.{int(neck[3] == "gn")}.{neck[4]}'
    for ours, official in _PREFIXES:
        if name.startswith(ours):
            renamed = official + name[len(ours) :]
            break
    else:
        raise ValueError(
            f'The released model has nothing like our "{name}". Use a config '
            'of its architecture, such as configs/promptable_2d_keypoint/'
            'xpose/xpose_swin-t_official.py.'
        )
    for pattern, replacement in _INSIDE.items():
        renamed = re.sub(pattern, replacement, renamed)
    return re.sub(r'\.norms\.(\d+)\.', _norm_name, renamed)


def _norm_name(match: re.Match) -> str:
    number = int(match[1])
    if 'transformer.decoder.' in match.string:
        return f'.{_DECODER_NORMS[number]}.'
    return f'.norm{number + 1}.'


def _only(tensors: list[Tensor]) -> Tensor:
    """The value that all copies of a shared tensor have."""
    for other in tensors[1:]:
        if not torch.equal(tensors[0], other):
            raise ValueError(
                'its copies differ, but this architecture has one tensor for '
                'all of them'
            )
    return tensors[0]


def _cut_sizes(table: Tensor) -> list[Tensor]:
    return [table[:_FIRST_SIZES], table[_FIRST_SIZES:]]
