# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from projects.common.models.prompt_encoders import OpenCLIPImageTower
from tests.support_shots import TINY_CLIP

TEXT = {
    'context_length': 8,
    'vocab_size': 16,
    'width': 32,
    'heads': 2,
    'layers': 1,
}


@pytest.fixture(scope='module')
def clip():
    torch.manual_seed(3)
    return open_clip.CLIP(**TINY_CLIP, text_cfg=TEXT).eval()


@pytest.fixture
def weights(tmp_path, clip):
    path = tmp_path / 'clip.pt'
    torch.save(clip.state_dict(), path)
    return str(path)


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(2, 3, 32, 32, generator=generator)
    keypoints = torch.rand(2, 5, 2, generator=generator)
    return images, keypoints, torch.ones(2, 5, dtype=torch.bool)


@pytest.mark.parametrize('suffix', ['pt', 'safetensors'])
@torch.no_grad()
def test_clips_own_features_are_unchanged(tmp_path, clip, inputs, suffix):
    path = tmp_path / f'clip.{suffix}'
    save = save_file if suffix == 'safetensors' else torch.save
    save(clip.state_dict(), path)
    tower = OpenCLIPImageTower(TINY_CLIP, str(path))
    tower.init_weights()
    expected = clip.encode_image(inputs[0])
    assert (tower.image_size, tower.embed_dims) == (32, 24)
    for mode in (True, False):
        objects, _ = tower.train(mode)(*inputs)
        assert torch.allclose(objects, expected, atol=1e-5)


@torch.no_grad()
def test_all_tokens_of_all_blocks_are_unchanged(clip, weights, inputs):
    """Against one pass over all tokens with the joint attention mask."""
    tower = OpenCLIPImageTower(TINY_CLIP, weights)
    tower.init_weights()
    images, keypoints, visible = inputs
    seen = []
    blocks = tower.visual.transformer.resblocks
    handles = [
        block.register_forward_hook(lambda *args: seen.append(args[-1]))
        for block in blocks
    ]
    _, embeddings = tower.eval()(images, keypoints, visible)
    for handle in handles:
        handle.remove()
    own = clip.visual.transformer.forward_intermediates(
        clip.visual._embeds(images)
    )[1]
    assert len(seen) == len(own) == 3
    for tokens, expected in zip(seen, own):
        assert torch.allclose(tokens, expected, atol=1e-5)
    # 17 tokens of the crop never look at the 5 of the keypoints.
    mask = torch.zeros(22, 22)
    mask[:17, 17:] = -torch.inf
    queries = clip.visual.ln_pre(tower.fourier(keypoints))
    joint = torch.cat([clip.visual._embeds(images), queries], 1)
    joint = clip.visual.transformer(joint, attn_mask=mask)
    assert torch.allclose(joint[:, :17], own[-1], atol=1e-5)
    expected = clip.visual.ln_post(joint[:, 17:]) @ clip.visual.proj
    assert torch.allclose(embeddings, expected, atol=1e-5)


def test_clip_is_frozen_and_the_new_parts_train(inputs):
    tower = OpenCLIPImageTower(TINY_CLIP).train()
    assert not tower.visual.training
    trained = {n for n, p in tower.named_parameters() if p.requires_grad}
    assert trained == {
        'mask_token', 'fourier.projection.weight', 'fourier.projection.bias'
    }  # fmt: skip
    objects, embeddings = tower(*inputs)
    assert not objects.requires_grad
    assert embeddings.requires_grad


def test_parts_of_clip_can_train(inputs):
    tower = OpenCLIPImageTower(
        TINY_CLIP, trainable=('transformer.resblocks.2', 'proj')
    )
    objects, embeddings = tower.train()(*inputs)
    (objects.sum() + embeddings.sum()).backward()
    with_gradient = {
        name.rsplit('.', 2)[0] if 'resblocks' in name else name
        for name, parameter in tower.visual.named_parameters()
        if parameter.grad is not None
    }
    assert 'proj' in with_gradient
    assert all(
        name == 'proj' or name.startswith('transformer.resblocks.2')
        for name in with_gradient
    )
    everything = OpenCLIPImageTower(TINY_CLIP, trainable=('',))
    assert all(p.requires_grad for p in everything.parameters())


@pytest.mark.parametrize('part', ['resblocks.2', 'transformer.resblocks.3'])
def test_unknown_parts_are_refused(part):
    with pytest.raises(ValueError, match=f"trainable='{part}' names no part"):
        OpenCLIPImageTower(TINY_CLIP, trainable=[part])


@pytest.mark.parametrize(
    ('model_name', 'message'),
    [
        ('ViT-B-33', "knows no model 'ViT-B-33'"),
        ('convnext_base', 'no plain vision transformer'),
    ],
)
def test_other_models_are_refused(model_name, message):
    with pytest.raises(ValueError, match=message):
        OpenCLIPImageTower(model_name)


@pytest.mark.parametrize(
    'change',
    [
        {'pool_type': 'avg'},
        {'patch_dropout': 0.5},
        {'qk_norm': True},
        {'attentional_pool': True},
        {'layers': [1, 1, 1, 1], 'width': 8},  # a ResNet
    ],
)
def test_other_vision_transformers_are_refused(change):
    vision = {**TINY_CLIP['vision_cfg'], **change}
    with pytest.raises(ValueError, match='given as a dict is no plain'):
        OpenCLIPImageTower({**TINY_CLIP, 'vision_cfg': vision})


def test_weights_are_read_by_init_weights_only(tmp_path, clip, weights):
    missing = str(tmp_path / 'no.pt')
    tower = OpenCLIPImageTower(TINY_CLIP, missing)
    with pytest.raises(ValueError, match='image tower .* neither a file'):
        tower.init_weights()
    # A checkpoint holds all of it.
    other = OpenCLIPImageTower(TINY_CLIP, weights)
    other.init_weights()
    tower.load_state_dict(other.state_dict())
    assert torch.equal(tower.visual.proj, clip.visual.proj)


def test_weights_of_another_model_are_refused(tmp_path, clip):
    path = tmp_path / 'clip.pt'
    state = dict(clip.state_dict())
    torch.save({**state, 'visual.proj': torch.ones(5, 5)}, path)
    tower = OpenCLIPImageTower(TINY_CLIP, str(path))
    with pytest.raises(ValueError, match='(?s)other sizes.*proj'):
        tower.init_weights()
    text = {k: v for k, v in state.items() if not k.startswith('visual.')}
    torch.save(text, path)
    with pytest.raises(ValueError, match="missing are \\['class_embedding'"):
        tower.init_weights()


def test_random_weights_are_announced(monkeypatch):
    said = []
    monkeypatch.setattr(
        'projects.common.models.prompt_encoders.visual.open_clip_keypoint_tower.print_log',
        lambda message, **kwargs: said.append(message),
    )
    OpenCLIPImageTower(TINY_CLIP).init_weights()
    assert len(said) == 1
    assert 'starts from random weights' in said[0]


@pytest.mark.parametrize(
    ('model_name', 'embed_dims'),
    [('ViT-B-32-quickgelu', 512), ('ViT-L-14', 768)],
)
def test_clips_models_can_be_had_by_name(model_name, embed_dims):
    with torch.device('meta'):  # without the weights' memory
        tower = OpenCLIPImageTower(model_name)
        sizes = tower(
            torch.zeros(2, 3, 224, 224),
            torch.zeros(2, 5, 2),
            torch.ones(2, 5, dtype=torch.bool),
        )
    assert [tuple(size.shape) for size in sizes] == [
        (2, embed_dims), (2, 5, embed_dims),
    ]  # fmt: skip
