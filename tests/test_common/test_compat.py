# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import site
import sys
from pathlib import Path

import pytest
import torch

from projects.common.compat import mmcv_ext, startup, torchvision_gap

PACKAGES = site.getsitepackages()

# Imports everything that meets one of the two gaps.
EVERYTHING = """
import mmcv.ops, mmdet.models, mmpose.models, mmpose.datasets, torchvision
"""


@pytest.fixture
def run_bare(run_python, repo_root):
    """Like run_python, but without any start-up hook of the environment."""

    def run(*args, path=(), **kwargs):
        return run_python(
            *args,
            path=(*path, repo_root, *PACKAGES),
            flags=('-S',),  # no .pth file is read
            **kwargs,
        )

    return run


def check(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write(folder, **files):
    """Write a package; keys are module names, '__' stands for a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / '__init__.py').touch()
    for name, text in files.items():
        (folder / f'{name}.py').write_text(text)


# ------------------------------------------------------- orders of importing


def test_installing_the_hook_imports_nothing_heavy(run_bare):
    code = """
import sys, projects.common
heavy = {'torch', 'numpy', 'mmcv', 'mmengine', 'torchvision'}
print(sorted(heavy & set(sys.modules)))
"""
    assert check(run_bare(code)).strip() == '[]'


@pytest.mark.parametrize(
    'first',
    [
        'import projects.xpose',
        # The hook comes late, after an import that may have failed.
        'try: import torchvision\nexcept RuntimeError: pass\n'
        'import projects.common',
        'try: import mmcv.ops\nexcept ImportError: pass\n'
        'import projects.common',
    ],
    ids=['plain script', 'after torchvision', 'after mmcv'],
)
def test_everything_imports(run_bare, first):
    check(run_bare(first + EVERYTHING))


def test_custom_imports_of_a_config(run_bare, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text("custom_imports = dict(imports=['projects.xpose'])\n")
    code = f"""
from mmengine.config import Config
Config.fromfile({str(config)!r})
"""
    check(run_bare(code + EVERYTHING))


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_tools_start(run_bare, repo_root, tool):
    script = repo_root / 'tools' / f'{tool}.py'
    assert 'config' in check(run_bare(str(script), '--help'))


def test_startup_hook_serves_a_script_that_never_imports_us(
    run_python, tmp_path
):
    folder = tmp_path / 'site'
    folder.mkdir()
    startup.install(folder)
    assert startup.is_installed(folder)
    code = f"""
import site, sys
site.addsitedir({str(folder)!r})
assert 'torch' not in sys.modules
import transformers, torchvision
from transformers import AutoModel
assert torchvision.ops.nms
import mmcv.ops
assert 'projects' not in sys.modules
"""
    check(run_python(code, path=PACKAGES, flags=('-S',)))
    startup.remove(folder)
    assert not startup.is_installed(folder)


def test_startup_copy_is_complete_and_refers_to_no_checkout(tmp_path):
    startup.install(tmp_path)
    copied = {path.name for path in (tmp_path / startup.PACKAGE).iterdir()}
    ours = {path.name for path in Path(startup.__file__).parent.glob('*.py')}
    assert copied == ours - {'startup.py'}
    for path in tmp_path.rglob('*.p*'):
        assert 'import projects' not in path.read_text()


def test_our_hook_replaces_the_copy(run_bare, tmp_path):
    startup.install(tmp_path)
    code = f"""
import site, sys
site.addsitedir({str(tmp_path)!r})
import projects.common
print([type(f).__module__ for f in sys.meta_path
       if getattr(f, 'marker', '') == 'anykeypoint-compat'])
"""
    hooks = check(run_bare(code)).strip()
    assert hooks == "['projects.common.compat.hook']"


# -------------------------------------------------- what works is left alone


def test_real_ext_is_left_alone(run_bare, tmp_path):
    write(tmp_path / 'mmcv', _ext="NAME = 'real'")
    code = """
import projects.common, mmcv._ext as ext
print(ext.NAME, hasattr(ext, 'nms'), ext.__spec__.origin == ext.__file__)
"""
    assert check(run_bare(code, path=(tmp_path,))).strip() == 'real False True'


def test_ext_that_does_not_load_is_replaced_with_a_warning(run_bare, tmp_path):
    write(tmp_path / 'mmcv', _ext="raise ImportError('undefined symbol: x')")
    code = """
import projects.common, mmcv._ext as ext
print(ext.IS_ANYKEYPOINT_COMPAT, ext.__file__)
"""
    done = run_bare(code, path=(tmp_path,))
    assert check(done).startswith('True ')
    assert 'undefined symbol: x' in done.stderr
    assert 'Reinstall mmcv' in done.stderr


def test_binary_ext_that_does_not_load_is_replaced(run_bare, tmp_path):
    write(tmp_path / 'mmcv')
    (tmp_path / 'mmcv' / '_ext.so').write_bytes(b'not a library')
    code = 'import projects.common, mmcv._ext as e; print(e.__spec__.origin)'
    done = run_bare(code, path=(tmp_path,))
    assert check(done).strip().endswith('mmcv_ext.py')
    assert '_ext.so exists but does not load' in done.stderr


@pytest.mark.parametrize('works', [True, False])
def test_torchvision_is_repaired_only_if_it_does_not_load(
    run_bare, tmp_path, works
):
    write(
        tmp_path / 'torchvision',
        extension=f'import torch\ndef _has_ops(): return {works}\n'
        'def _assert_has_ops(): pass',
    )
    write(
        tmp_path / 'torchvision' / 'ops',
        boxes='from torchvision.extension import _assert_has_ops',
    )
    code = """
import projects.common, torch
from torchvision import extension
from torchvision.ops import boxes
untouched = boxes._assert_has_ops is extension._assert_has_ops
print(hasattr(torch.ops.torchvision, 'nms'), untouched)
"""
    expected = 'False True' if works else 'True False'
    assert check(run_bare(code, path=(tmp_path,))).strip() == expected


def test_ext_has_a_spec_that_pkgutil_finds(run_bare):
    code = """
import warnings; warnings.simplefilter('ignore')
import setuptools  # distutils, which mmengine needs, on Python 3.12
import projects.common, mmcv.utils, mmcv._ext
from mmcv.utils.ext_loader import check_ops_exist
assert check_ops_exist()
assert mmcv._ext.__spec__.name == 'mmcv._ext'
print(mmcv.utils.collect_env()['MMCV'])
"""
    assert check(run_bare(code)).strip() == '2.1.0'


# ----------------------------------------------------------------- operators

BOXES = torch.tensor(
    [
        [0.0, 0.0, 10.0, 10.0],
        [0.0, 0.0, 10.0, 9.0],  # 0.9 of the first
        [20.0, 20.0, 30.0, 30.0],
        [5.0, 0.0, 15.0, 10.0],  # 1/3 of the first
        [40.0, 40.0, 40.0, 40.0],  # empty, twice
        [40.0, 40.0, 40.0, 40.0],
    ]
)
SCORES = torch.tensor([0.5, 0.9, 0.3, 0.4, 0.2, 0.1])


@pytest.mark.parametrize(
    'threshold, kept', [(0.5, [1, 3, 2, 4, 5]), (0.3, [1, 2, 4, 5])]
)
def test_nms(threshold, kept):
    assert torchvision_gap.nms(BOXES, SCORES, threshold).tolist() == kept
    for boxes in (BOXES, BOXES.double(), BOXES.half()):
        got = mmcv_ext.nms(boxes, SCORES.to(boxes), threshold, offset=0)
        assert got.tolist() == kept


def test_nms_threshold_itself_does_not_suppress():
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.0]])
    scores = torch.tensor([0.9, 0.8])
    assert torchvision_gap.nms(boxes, scores, 0.5).tolist() == [0, 1]
    assert torchvision_gap.nms(boxes, scores, 0.49).tolist() == [0]


def test_nms_offset_counts_the_last_pixel():
    # IoU is 1/3 as areas, (2 * 3) / (3 * 3 + 3 * 3 - 2 * 3) = 1/2 as pixels.
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0]])
    scores = torch.tensor([0.9, 0.8])
    assert mmcv_ext.nms(boxes, scores, 0.4, offset=0).tolist() == [0, 1]
    assert mmcv_ext.nms(boxes, scores, 0.4, offset=1).tolist() == [0]


def test_nms_keeps_equal_scores_in_order_and_takes_no_boxes():
    far = torch.arange(5.0)[:, None] * 10 + torch.tensor([0, 0, 1, 1])
    same = torch.full((5,), 0.5)
    assert torchvision_gap.nms(far, same, 0.5).tolist() == [0, 1, 2, 3, 4]
    none = torchvision_gap.nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert none.shape == (0,)
    assert none.dtype == torch.long


def test_nms_through_mmcv_and_torchvision():
    import torchvision
    from mmcv.ops import batched_nms, nms

    dets, kept = nms(BOXES, SCORES, 0.5, score_threshold=0.15, max_num=3)
    assert kept.tolist() == [1, 3, 2]
    torch.testing.assert_close(dets[:, :4], BOXES[kept])
    torch.testing.assert_close(dets[:, 4], SCORES[kept])
    labels = torch.tensor([0, 1, 0, 0, 0, 0])
    config = dict(type='nms', iou_threshold=0.3)
    _, kept = batched_nms(BOXES, SCORES, labels, config)
    assert kept.tolist() == [1, 0, 2, 4, 5]
    assert torchvision.ops.nms(BOXES, SCORES, 0.3).tolist() == [1, 2, 4, 5]


@pytest.fixture
def attention_inputs():
    generator = torch.Generator().manual_seed(0)

    def rand(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    shapes = torch.tensor([[5, 7], [3, 4]])
    value = rand(2, 5 * 7 + 3 * 4, 2, 3)
    # Some samples lie outside of the picture.
    locations = rand(2, 6, 2, 2, 3, 2) * 1.4 - 0.2
    weights = rand(2, 6, 2, 2, 3)
    starts = torch.tensor([0, 35])
    leaves = [t.requires_grad_() for t in (value, locations, weights)]
    return shapes, starts, leaves, rand(2, 6, 6)


def test_deformable_attention_equals_mmcv(monkeypatch, attention_inputs):
    from mmcv.ops import multi_scale_deform_attn as mmcv_op

    monkeypatch.setattr(mmcv_op, 'ext_module', mmcv_ext)
    shapes, starts, leaves, weight = attention_inputs
    value, locations, weights = leaves
    ours = mmcv_op.MultiScaleDeformableAttnFunction.apply(
        value, shapes, starts, locations, weights, 64
    )
    theirs = mmcv_op.multi_scale_deformable_attn_pytorch(
        value, shapes, locations, weights
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    got = torch.autograd.grad((ours * weight).sum(), leaves)
    expected = torch.autograd.grad((theirs * weight).sum(), leaves)
    for a, b in zip(got, expected, strict=True):
        assert b.abs().sum() > 0
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_deformable_attention_reads_the_pixel_it_points_at():
    # One head, one point with weight 1 at the centre of pixel (x=2, y=1).
    value = torch.arange(12.0).view(1, 12, 1, 1)  # 3 x 4 pixels
    where = torch.tensor([2.5 / 4, 1.5 / 3]).view(1, 1, 1, 1, 1, 2)
    out = mmcv_ext.ms_deform_attn_forward(
        value,
        torch.tensor([[3, 4]]),
        torch.tensor([0]),
        where,
        torch.ones(1, 1, 1, 1, 1),
        im2col_step=64,
    )
    assert out.tolist() == [[[6.0]]]


def sample(picture, y, x):
    """mmcv's bilinear interpolation at one point of an (H, W) picture."""
    height, width = picture.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    y0, x0 = int(y), int(x)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    top = picture[y0, x0] * (1 - x + x0) + picture[y0, x1] * (x - x0)
    bottom = picture[y1, x0] * (1 - x + x0) + picture[y1, x1] * (x - x0)
    return float(top * (1 - y + y0) + bottom * (y - y0))


def test_roi_align_values(monkeypatch):
    from mmcv.ops import roi_align as mmcv_op

    module = sys.modules['mmcv.ops.roi_align']
    monkeypatch.setattr(module, 'ext_module', mmcv_ext)
    generator = torch.Generator().manual_seed(0)
    feature = torch.rand(2, 3, 6, 8, generator=generator)
    # The second reaches over the border; bins of 2 x 2 samples each.
    rois = torch.tensor([[1.0, 2, 3, 11, 9], [0.0, -5, -5, 30, 14]])
    out = mmcv_op(feature, rois, (2, 3), 0.5, 2, 'avg', True)
    assert out.shape == (2, 3, 2, 3)
    for r, (b, x1, y1, x2, y2) in enumerate(rois.tolist()):
        left, top = x1 * 0.5 - 0.5, y1 * 0.5 - 0.5
        step_x, step_y = (x2 - x1) * 0.5 / 6, (y2 - y1) * 0.5 / 4
        for row in range(2):
            for col in range(3):
                values = [
                    sample(
                        feature[int(b), 1],
                        top + (2 * row + i + 0.5) * step_y,
                        left + (2 * col + j + 0.5) * step_x,
                    )
                    for i in range(2)
                    for j in range(2)
                ]
                expected = sum(values) / 4
                assert out[r, 1, row, col] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize('ratio, aligned', [(0, True), (2, False)])
def test_roi_align_backward_is_the_adjoint(ratio, aligned):
    generator = torch.Generator().manual_seed(1)
    feature = torch.rand(2, 3, 6, 8, generator=generator)
    grad = torch.rand(3, 3, 2, 2, generator=generator)
    # The last is empty.
    rois = torch.tensor(
        [[0.0, 1, 1, 9, 7], [1.0, 0, 2, 3, 4], [1, 2, 2, 2, 2]]
    )
    empty = torch.zeros(0)
    options = (2, 2, 0.5, ratio, 1, aligned)
    out, back = torch.zeros(3, 3, 2, 2), torch.zeros_like(feature)
    mmcv_ext.roi_align_forward(feature, rois, out, empty, empty, *options)
    mmcv_ext.roi_align_backward(grad, rois, empty, empty, back, *options)
    assert out[:2].abs().sum() > 1
    assert bool(out[2].any()) is not aligned
    torch.testing.assert_close((out * grad).sum(), (feature * back).sum())


@pytest.mark.parametrize('name', ['softnms', 'modulated_deform_conv_forward'])
def test_operator_that_is_not_provided_names_itself_and_the_remedy(name):
    with pytest.raises(RuntimeError, match=f'operator {name} .* full mmcv'):
        getattr(mmcv_ext, name)(1, iou=2)
    assert getattr(mmcv_ext, name).__name__ == name


def test_max_pooling_is_not_provided():
    with pytest.raises(RuntimeError, match='pool_mode max.*full mmcv'):
        mmcv_ext.roi_align_forward(
            *[torch.zeros(0)] * 5, 1, 1, 1.0, 0, pool_mode=0, aligned=True
        )


def test_dunder_attributes_are_not_operators():
    with pytest.raises(AttributeError, match='__wrapped__'):
        mmcv_ext.__wrapped__  # noqa: B018
