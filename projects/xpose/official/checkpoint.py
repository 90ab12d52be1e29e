# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Checkpoint files: convert a released one, export one of ours."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from safetensors.torch import load_file

from projects.common.utils.checkpoints import (
    check_compatible,
    file_sha256,
    require_checkpoint,
)
from projects.common.utils.config_text import plain_config
from projects.common.utils.files import replacing
from projects.common.version import __version__

from ..prompts import predefined_categories
from .clip import tower_config, write_tower
from .conversion import to_official, to_ours, unused_tensors
from .key_map import CLIP_PREFIX
from .report import ConversionReport
from .sizes import is_sizes, layout_of, official_config, unused_sizes
from .source import OfficialFile, load_foreign, read_official

LICENCE = (
    'These weights were converted from the released X-Pose checkpoint, whose '
    'licence allows non-commercial research only. The licence of the code '
    'does not apply to them.'
)
_VOCABULARY = 'prompt_encoder.vocabulary_*'


def convert_file(
    source: str | Path,
    target: str | Path,
    config: str | Path | None = None,
    allow_pickle: bool = False,
) -> ConversionReport:
    """Convert a checkpoint of the released layout into one of ours.

    With CLIP in it, its weights become a second file beside the first, and
    the names of the predefined prompts are encoded into the checkpoint.

    Args:
        source (str | Path): ``{'model': state_dict, ...}``.
        target (str | Path): The file to write, loadable with
            ``weights_only=True``.
        config (str | Path, optional): Config of the model; the sizes that
            the file brings along (as the small instances do), else the
            released ones, are used without it.
        allow_pickle (bool): See ``read_official``.

    Returns:
        ConversionReport: What became of every tensor.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the source is refused; nothing is written then.
    """
    file = read_official(source, allow_pickle)
    cfg = _config_of(file, config)
    model = MODELS.build(cfg.model)
    state, report = to_ours(file.weights, model, layout_of(cfg.model))
    report.ignored.update(_ignored_entries(file, config))
    report.check(source)
    model.load_state_dict(state, strict=False)
    meta = _metadata(file)
    if file.clip:
        _convert_clip(file, Path(target), model, cfg, meta, report)
    else:
        report.missing[f'{CLIP_PREFIX}*'] = (
            'CLIP is not in the file; give the text tower weights of its own'
        )
        report.missing[_VOCABULARY] = 'needs CLIP'
    content = dict(
        state_dict=model.state_dict(),
        meta=dict(meta, cfg=cfg.pretty_text),
        official_unused=unused_tensors(file.weights),
    )
    with replacing(target) as temporary:
        torch.save(content, temporary)
    report.notes.append(f'written  {target}')
    return report


def export_file(
    source: str | Path,
    target: str | Path,
    config: str | Path | None = None,
    clip: str | Path | None = None,
) -> list[str]:
    """Write a checkpoint of ours in the released layout.

    Args:
        source (str | Path): Our checkpoint.
        target (str | Path): The file to write.
        config (str | Path, optional): Its config; the one stored in it, if
            any, is used without.
        clip (str | Path, optional): The text tower's .safetensors file, to
            be put in as ``clip_model.*``.

    Returns:
        list[str]: The names in the new file.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the checkpoint does not fit the config, or the model
            is not of the released architecture.
    """
    require_checkpoint(str(source))
    content = load_foreign(source)
    if config is not None:
        cfg = Config.fromfile(config)
    elif 'cfg' in content.get('meta', {}):
        cfg = plain_config(content['meta']['cfg'], str(source))
    else:
        cfg = official_config()
    model = MODELS.build(cfg.model)
    check_compatible(model, str(source))
    official = to_official(
        model.state_dict(),
        layout_of(cfg.model),
        content.get('official_unused'),
    )
    if clip is not None:
        require_checkpoint(str(clip))
        official.update(
            (CLIP_PREFIX + name, t) for name, t in load_file(clip).items()
        )
    with replacing(target) as temporary:
        torch.save(dict(model=official), temporary)
    return list(official)


def _metadata(file: OfficialFile) -> dict[str, str]:
    """Where a converted file comes from."""
    return dict(
        source=file.path.name,
        source_sha256=file.sha256,
        converter=f'anykeypoint {__version__}',
        licence=LICENCE,
    )


def _config_of(file: OfficialFile, config: str | Path | None) -> Config:
    if config is not None:
        return Config.fromfile(config)
    sizes = file.others.get('config')
    return official_config(sizes if is_sizes(sizes) else None)


def _ignored_entries(
    file: OfficialFile, config: str | Path | None
) -> dict[str, str]:
    """Top-level entries that are not converted, with the reason."""
    entries = {}
    for name, value in file.others.items():
        key = f'top-level entry "{name}"'
        if name == 'config' and config is None and is_sizes(value):
            unused = ', '.join(unused_sizes(value))
            entries[key] = f'gave the sizes; without effect here: {unused}'
        else:
            entries[key] = 'holds no weights of the model'
    return entries


def _convert_clip(
    file: OfficialFile,
    target: Path,
    model: Any,
    cfg: Config,
    meta: dict[str, str],
    report: ConversionReport,
) -> None:
    """Write the text tower's file and encode the predefined prompts."""
    path = target.with_name(f'{target.stem}_clip.safetensors')
    width, expected = (
        tower_config(file.clip)['embed_dim'],
        model.prompt_encoder,
    )
    if width != expected.embed_dims:
        report.problems.append(
            f'{CLIP_PREFIX}text_projection: gives {width} features, the '
            f'prompt encoder takes {expected.embed_dims}'
        )
        report.check(file.path)
    tower = write_tower(path, file.clip, meta)
    cfg.model.prompt_encoder.tower.model_name = tower.model_name
    model.prompt_encoder.tower = tower
    count = model.prompt_encoder.add_vocabulary(predefined_categories())
    meta.update(clip_file=path.name, clip_sha256=file_sha256(path))
    report.notes += [
        f'written  {path}: {len(file.clip)} tensors of CLIP, for '
        f'--cfg-options model.prompt_encoder.tower.pretrained={path}',
        f'encoded  {count} texts of the predefined prompts into the '
        'checkpoint; these need no CLIP',
    ]
