# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Small instances of the released model, made with ours."""

import copy
import functools

import torch
from mmpose.registry import MODELS
from transformers import CLIPConfig, CLIPModel

from projects.xpose.official.conversion import to_official
from projects.xpose.official.fixture import Case
from projects.xpose.official.sizes import layout_of, official_config

TINY = dict(
    swin=dict(
        embed_dim=12,
        depths=[1, 2, 1, 1],
        num_heads=[1, 2, 3, 4],
        window_size=4,
    ),
    enc_layers=1,
    dec_layers=3,
    num_box_decoder_layers=1,
    hidden_dim=64,
    nheads=4,
    dim_feedforward=48,
    num_queries=30,
    num_select=8,
    num_body_points=68,
    num_feature_levels=4,
    fusion_embed_dim=32,
    fusion_heads=2,
    text_ffn_dim=40,
    text_heads=2,
    use_checkpoint=False,
)


@functools.lru_cache(maxsize=1)
def _read_tiny_config():
    """Reading it is what takes time."""
    return official_config(TINY)


def tiny_config():
    """Config of the tiny instance; models and tests may change theirs."""
    return copy.deepcopy(_read_tiny_config())


def build(model_type='mmpose.XPose', seed=0):
    """The tiny instance with weights that all matter."""
    torch.manual_seed(seed)
    model = MODELS.build({**tiny_config().model, 'type': model_type}).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if 'sampling_offsets.bias' in name:
                parameter.normal_(std=2)
            elif 'norm' in name or '.gn.' in name:
                parameter.fill_(float(name.endswith('weight')))
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def make_case(shapes, counts, seed=1, width=512):
    """Random inputs: (h, w) and (categories, keypoints) of each picture."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(*shape, generator=generator)

    return Case(
        [random(3, *shape) for shape in shapes],
        [random(c, width) for c, _ in counts],
        [random(k, width) for _, k in counts],
        {},
    )


@torch.no_grad()
def record(model, case, groups=4):
    """Run a case and return it in the form of the files."""
    dtype = model.level_embed.dtype
    inputs, prompts, samples = Case(
        *[
            [tensor.to(dtype) for tensor in tensors]
            for tensors in (case.images, case.objects, case.keypoints)
        ],
        {},
    ).batch()
    slots = model.bbox_head.refiner.max_keypoints
    memory, text = [], []
    hook = model.encoder.register_forward_hook(
        lambda module, args, result: (
            memory.append(result[0]) or text.append(result[1])
        )
    )
    maps = model.backbone(inputs)
    outputs = model.forward_transformer(model.neck(maps), prompts, samples)
    hook.remove()
    objects, points = outputs['object_states'], outputs['keypoint_states']
    logits, boxes, keypoints = model.bbox_head.forward_groups(
        points, outputs['object_prompts'], outputs['category_mask']
    )[-1]

    def fill(tensor, size):  # (B, G, k, D) -> (B, groups * size, D)
        empty = tensor.new_zeros(*tensor.shape[:2], size, tensor.shape[-1])
        empty[:, :, : tensor.shape[2]] = tensor
        return empty[:, :groups].flatten(1, 2)

    flat = torch.ones(*keypoints.shape[:2], 3 * slots)
    flat[..., : 2 * keypoints.shape[2]] = keypoints.flatten(2)
    return dict(
        images=case.images,
        object_text_embeddings=case.objects,
        keypoint_text_embeddings=case.keypoints,
        expected=dict(
            backbone=[m.float() for m in maps],
            memory=memory[0].float(),
            memory_text=text[0].float(),
            decoder_hs_box=objects.hidden[-1].float(),
            decoder_refs=[
                *[r.float() for r in objects.references],
                fill(points.references[0], 1 + slots).float(),
            ],
            decoder_hs_last=fill(points.hidden[-1], 1 + slots).float(),
            pred_logits=logits.float(),
            pred_boxes=boxes.float(),
            pred_keypoints=flat,
        ),
    )


def official_weights(model):
    """Weights of our model in the released layout, unused ones included."""
    unused = {
        'label_enc.weight': torch.ones(3, 4),
        'pos_proj.weight': torch.ones(5, 4),
        'pos_proj.bias': torch.ones(5),
        'padding.weight': torch.ones(1, 5),
    }
    state = {k: v.float() for k, v in model.state_dict().items()}
    return to_official(state, layout_of(tiny_config().model), unused)


def write_instance(path, cases, dtype=torch.float32):
    """Write a file of recorded runs of our own model."""
    model = build().to(dtype)
    content = dict(
        model=official_weights(model),
        config=TINY,
        cases=[record(model, case) for case in cases],
    )
    torch.save(content, path)
    return content


def small_clip(layers=1, width=64, features=512):
    """transformers' CLIP with random weights."""
    torch.manual_seed(1)
    size = dict(
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        hidden_act='quick_gelu',
        hidden_size=width,
    )
    config = CLIPConfig(
        text_config=dict(size, eos_token_id=49407, bos_token_id=49406),
        vision_config=dict(size, image_size=32, patch_size=16),
        projection_dim=features,
    )
    model = CLIPModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def openai_layout(clip):
    """Weights of transformers' CLIPModel under OpenAI's names."""
    state = clip.state_dict()
    result = {
        'logit_scale': state['logit_scale'],
        'text_projection': state['text_projection.weight'].T,
        'visual.proj': state['visual_projection.weight'].T,
    }
    plain = {
        'text_model.embeddings.token_embedding.weight': (
            'token_embedding.weight'
        ),
        'text_model.embeddings.position_embedding.weight': (
            'positional_embedding'
        ),
        'text_model.final_layer_norm.weight': 'ln_final.weight',
        'text_model.final_layer_norm.bias': 'ln_final.bias',
        'vision_model.embeddings.patch_embedding.weight': (
            'visual.conv1.weight'
        ),
    }
    result.update((theirs, state[ours]) for ours, theirs in plain.items())
    inner = {
        'self_attn.out_proj': 'attn.out_proj',
        'layer_norm1': 'ln_1',
        'layer_norm2': 'ln_2',
        'mlp.fc1': 'mlp.c_fc',
        'mlp.fc2': 'mlp.c_proj',
    }
    for layer in range(len(clip.text_model.encoder.layers)):
        source = f'text_model.encoder.layers.{layer}.'
        target = f'transformer.resblocks.{layer}.'
        for kind in ('weight', 'bias'):
            parts = [f'{source}self_attn.{x}_proj.{kind}' for x in 'qkv']
            result[f'{target}attn.in_proj_{kind}'] = torch.cat(
                [state[part] for part in parts]
            )
            result.update(
                (f'{target}{theirs}.{kind}', state[f'{source}{ours}.{kind}'])
                for ours, theirs in inner.items()
            )
    return {name: tensor.clone() for name, tensor in result.items()}
