# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from projects.xpose.official.key_map import Layout, key_map

LAYOUT = Layout(object_layers=2, keypoint_layers=4, backbone_maps=3)


def entry(name):
    (found,) = key_map([name], LAYOUT)
    assert found.ours == name
    return found


@pytest.mark.parametrize(
    ('ours', 'official'),
    [
        ('level_embed', 'transformer.level_embed'),
        ('query_embedding.weight', 'transformer.tgt_embed.weight'),
        ('memory_trans_fc.bias', 'transformer.enc_output.bias'),
        ('memory_trans_norm.bias', 'transformer.enc_output_norm.bias'),
        ('object_projection.layers.0.weight', 'projection.layers.0.weight'),
        (
            'keypoint_projection.layers.2.bias',
            'projection_kpt.layers.2.bias',
        ),
        ('neck.convs.2.conv.weight', 'input_proj.2.0.weight'),
        ('neck.extra_convs.0.gn.weight', 'input_proj.3.1.weight'),
        ('backbone.norm3.bias', 'backbone.0.norm3.bias'),
        (
            'backbone.patch_embed.projection.weight',
            'backbone.0.patch_embed.proj.weight',
        ),
        (
            'backbone.stages.1.blocks.0.attn.w_msa.qkv.weight',
            'backbone.0.layers.1.blocks.0.attn.qkv.weight',
        ),
        (
            'backbone.stages.1.blocks.0.ffn.layers.0.0.weight',
            'backbone.0.layers.1.blocks.0.mlp.fc1.weight',
        ),
        (
            'backbone.stages.1.blocks.0.norm2.weight',
            'backbone.0.layers.1.blocks.0.norm2.weight',
        ),
        (
            'encoder.prompt_layers.3.self_attn.attn.in_proj_weight',
            'transformer.encoder.text_layers.3.self_attn.in_proj_weight',
        ),
        (
            'encoder.prompt_layers.3.norms.0.weight',
            'transformer.encoder.text_layers.3.norm1.weight',
        ),
        (
            'encoder.layers.3.ffn.layers.1.bias',
            'transformer.encoder.layers.3.linear2.bias',
        ),
        (
            'encoder.fusion_layers.5.gamma_v',
            'transformer.encoder.fusion_layers.5.gamma_v',
        ),
        (
            'decoder.layers.0.cross_attn_text.attn.out_proj.weight',
            'transformer.decoder.layers.0.ca_text.out_proj.weight',
        ),
        # Ours are in the order in which they are used.
        (
            'decoder.layers.0.norms.0.weight',
            'transformer.decoder.layers.0.norm2.weight',
        ),
        (
            'decoder.layers.0.norms.1.weight',
            'transformer.decoder.layers.0.catext_norm.weight',
        ),
        (
            'decoder.layers.0.norms.2.weight',
            'transformer.decoder.layers.0.norm1.weight',
        ),
        (
            'decoder.layers.0.norms.3.weight',
            'transformer.decoder.layers.0.norm3.weight',
        ),
        ('decoder.norm.weight', 'transformer.decoder.norm.weight'),
        (
            'bbox_head.refiner.proposal_branch.layers.1.bias',
            'transformer.enc_out_bbox_embed.layers.1.bias',
        ),
    ],
)
def test_single_tensors(ours, official):
    assert entry(ours).official == (official,)


@pytest.mark.parametrize(
    ('branch', 'official', 'copies'),
    [
        ('box_branch', 'bbox_embed', 6),
        ('keypoint_branch', 'pose_embed', 5),
        ('keypoint_size_branch', 'pose_hw_embed', 4),
    ],
)
def test_shared_branches_are_repeated_in_two_places(branch, official, copies):
    found = entry(f'bbox_head.refiner.{branch}.layers.0.weight')
    names = [f'{official}.{i}.layers.0.weight' for i in range(copies)]
    assert found.official == (
        *names,
        *(f'transformer.decoder.{name}' for name in names),
    )
    tensor = torch.randn(3, 4)
    pieces = found.encode(tensor)
    assert len(pieces) == 2 * copies
    assert torch.equal(found.decode(pieces), tensor)
    with pytest.raises(ValueError, match='its copies differ'):
        found.decode([*pieces[:-1], tensor + 1e-3])


def test_start_sizes_are_two_tables():
    found = entry('bbox_head.refiner.start_size.weight')
    assert found.official_shapes((68, 2)) == [(17, 2), (51, 2)]
    table = torch.randn(68, 2)
    first, second = found.encode(table)
    assert torch.equal(first, table[:17])
    assert torch.equal(found.decode([first, second]), table)


def test_the_text_encoder_is_no_part_of_it():
    assert key_map(['prompt_encoder.vocabulary_texts'], LAYOUT) == []


@pytest.mark.parametrize(
    'name', ['bbox_head.alignment.bias', 'bbox_head.refiner.start_branch.a']
)
def test_what_only_we_have_is_refused(name):
    with pytest.raises(ValueError, match=f'nothing like our "{name}"'):
        key_map([name], LAYOUT)
