# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from projects.common.models.prompt_encoders import (
    OpenCLIPTextTower,
    TextTowerError,
)

SMALL = {
    'embed_dim': 24,
    'quick_gelu': True,
    'vision_cfg': {
        'image_size': 32,
        'layers': 1,
        'width': 64,
        'patch_size': 16,
    },
    'text_cfg': {
        'context_length': 20,
        'vocab_size': 49408,
        'width': 32,
        'heads': 2,
        'layers': 2,
    },
}
TEXTS = ['a photo of a cat', 'a photo of a cat / face / left eye', 'tail']


@pytest.fixture(scope='module')
def clip():
    torch.manual_seed(3)
    # Frozen, because PyTorch's attention then sums in another order.
    return open_clip.CLIP(**SMALL).eval().requires_grad_(False)


@pytest.fixture
def expected(clip):
    tokens = open_clip.tokenize(TEXTS, context_length=20)
    with torch.no_grad():
        return clip.encode_text(tokens)


@pytest.mark.parametrize('kind', ['plain', 'training', 'safetensors', 'half'])
def test_weights_by_path_give_clips_features(tmp_path, clip, expected, kind):
    state = clip.state_dict()
    path = tmp_path / 'clip.pt'
    if kind == 'training':
        state = {f'module.{name}': value for name, value in state.items()}
        torch.save({'epoch': 1, 'state_dict': state}, path)
    elif kind == 'safetensors':
        path = tmp_path / 'clip.safetensors'
        save_file(state, path)
    elif kind == 'half':
        torch.save({name: v.half() for name, v in state.items()}, path)
    else:
        torch.save(state, path)
    tower = OpenCLIPTextTower(SMALL, str(path))
    embeddings = tower.encode_text(TEXTS)
    assert tower.embed_dims == 24
    if kind == 'half':
        assert torch.allclose(embeddings, expected, atol=5e-3)
        assert embeddings.dtype == torch.float32
    else:
        assert torch.equal(embeddings, expected)
    assert not torch.allclose(embeddings.norm(dim=1), torch.ones(3))
    assert not hasattr(tower.model, 'visual')


def test_identity_is_that_of_the_weights(tmp_path, clip):
    torch.save(clip.state_dict(), tmp_path / 'clip.pt')
    save_file(clip.state_dict(), tmp_path / 'clip.safetensors')
    one, two = (
        OpenCLIPTextTower(SMALL, str(tmp_path / name)).identity
        for name in ('clip.pt', 'clip.safetensors')
    )
    assert one == two != OpenCLIPTextTower(SMALL).identity


def test_random_weights_are_the_same_everywhere():
    torch.manual_seed(7)
    first = OpenCLIPTextTower(SMALL)
    embeddings = first.encode_text(TEXTS)
    after = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(after, torch.rand(1))
    torch.manual_seed(8)
    assert torch.equal(OpenCLIPTextTower(SMALL).encode_text(TEXTS), embeddings)


def test_random_weights_are_announced(monkeypatch):
    said = []
    monkeypatch.setattr(
        'projects.common.models.prompt_encoders.text.open_clip_text_tower.print_log',
        lambda message, **kwargs: said.append(message),
    )
    OpenCLIPTextTower(SMALL).encode_text(['cat'])
    assert len(said) == 1
    assert 'given as a dict has random weights' in said[0]


@pytest.mark.parametrize(
    ('model_name', 'pretrained', 'message'),
    [
        ('ViT-B-33', None, "knows no model 'ViT-B-33'"),
        ('ViT-B-16-SigLIP', None, "not of CLIP's own kind"),
        ('ViT-B-32-quickgelu', 'openai', 'set "allow_download=True" or'),
        ('ViT-B-32', 'openai', 'activation'),
        ('ViT-B-32-quickgelu', 'no.pt', r"neither a file.*\['openai'"),
        (SMALL, 'openai', r'neither a file.*\[\]'),
    ],
)
def test_wrong_names_are_explained(model_name, pretrained, message):
    tower = OpenCLIPTextTower(model_name, pretrained)
    with pytest.raises(TextTowerError, match=message):
        tower.encode_text(['cat'])


def test_a_tag_is_fetched_only_when_allowed(tmp_path, monkeypatch):
    fetched = []

    def download(tag):
        fetched.append(tag['hf_hub'])
        raise OSError('no network')

    monkeypatch.setattr(open_clip, 'download_pretrained', download)
    tower = OpenCLIPTextTower('ViT-B-32-quickgelu', 'openai', True)
    assert fetched == []
    with pytest.raises(TextTowerError, match='downloaded .no network.; fetch'):
        tower.encode_text(['cat'])
    assert fetched == ['timm/vit_base_patch32_clip_224.openai/']


def test_weights_that_do_not_fit_are_refused(tmp_path, clip):
    path = tmp_path / 'clip.pt'
    state = dict(clip.state_dict())
    torch.save({**state, 'ln_final.weight': torch.ones(5)}, path)
    with pytest.raises(TextTowerError, match='(?s)other sizes.*ln_final'):
        OpenCLIPTextTower(SMALL, str(path)).encode_text(TEXTS)
    del state['ln_final.weight']
    torch.save({**state, 'extra': torch.ones(5)}, path)
    with pytest.raises(
        TextTowerError,
        match=r"missing are \['ln_final.weight'\], unknown are \['extra'\]",
    ):
        OpenCLIPTextTower(SMALL, str(path)).encode_text(TEXTS)


@pytest.mark.parametrize('name', ['clip.pt', 'clip.safetensors'])
def test_files_that_are_no_weights_are_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b'no weights at all')
    with pytest.raises(TextTowerError, match='cannot be read safely'):
        OpenCLIPTextTower(SMALL, str(path)).encode_text(TEXTS)
