# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Latents and captions of pictures, encoded once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.logging import print_log
from mmpose.registry import DATASETS
from safetensors import safe_open
from safetensors.torch import save

from projects.common.datasets.seeded import seed_all
from projects.common.utils.files import write_bytes
from projects.ppm.models.diffusion.folder import (
    check_folder,
    weight_files,
    weights_identity,
)
from projects.ppm.models.diffusion.loading import load_part
from projects.ppm.models.generation.captions import CaptionParts
from projects.ppm.pictures import normalize

_BATCH = 32


@DATASETS.register_module()
class LatentDataset:
    """Items ``inputs`` (4, h, w) float32, a latent, and ``captions``, a text.

    Every picture is passed through its random pipeline ``views`` times and
    encoded; the result is kept in a file, and made again when the data set,
    its pipeline or the VAE have changed. A caption is put together anew
    whenever an item is taken.

    Args:
        dataset: Config of a data set that packs pictures of one object of
            one size.
        vae: Folder with ``vae/`` as save_pretrained writes it.
        file: Where the latents are kept, a .safetensors file.
        views: Latents of each picture.
        limit: Only the first so many pictures in random order, None for all.
        seed: Of the random pipeline.

    Raises:
        FileNotFoundError: If there is no VAE.
    """

    def __init__(
        self,
        dataset: Mapping[str, Any],
        vae: str,
        file: str,
        views: int = 1,
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        folder = Path(vae)
        check_folder(folder, None, ['vae'])
        identity = weights_identity(weight_files(folder, 'vae', None))
        settings = [identity, dataset, views, limit, seed]
        self.key = hashlib.sha256(
            json.dumps(settings, sort_keys=True, default=str).encode()
        ).hexdigest()
        self.file = Path(file)
        if is_main_process() and self._stored_key() != self.key:
            self._encode(DATASETS.build(dataset), folder, views, limit, seed)
        barrier()
        with safe_open(self.file, framework='pt') as stored:
            self.latents = stored.get_tensor('latents')
            self.parts = [
                CaptionParts(**record)
                for record in json.loads(stored.metadata()['parts'])
            ]

    @property
    def metainfo(self) -> dict[str, Any]:
        """Nothing that checkpoints need."""
        return {}

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """A latent, and one of its captions."""
        # Workers are seeded through numpy's global state.
        rng = np.random.default_rng(np.random.randint(2**31))
        return {
            'inputs': self.latents[index].float(),
            'captions': self.parts[index].caption(rng),
        }

    def _stored_key(self) -> str | None:
        if not self.file.is_file():
            return None
        with safe_open(self.file, framework='pt') as stored:
            return (stored.metadata() or {}).get('key')

    @torch.no_grad()
    def _encode(
        self,
        dataset: Any,
        folder: Path,
        views: int,
        limit: int | None,
        seed: int,
    ) -> None:
        vae = load_part(folder, 'vae', None, torch.float32).eval()
        order = np.random.default_rng(seed).permutation(len(dataset))[:limit]
        pairs = [(int(i), view) for view in range(views) for i in order]
        print_log(f'Encoding {len(pairs)} latents.', logger='current')
        latents, parts = [], []
        for start in range(0, len(pairs), _BATCH):
            pictures = []
            for index, view in pairs[start : start + _BATCH]:
                seed_all(seed, view, index)
                item = dataset[index]
                pictures.append(normalize(item['inputs']))
                parts.append(asdict(CaptionParts.of(item['data_samples'])))
            encoded = vae.encode(torch.stack(pictures)).latent_dist.mode()
            latents.append((encoded * vae.config.scaling_factor).half())
        write_bytes(
            self.file,
            save(
                {'latents': torch.cat(latents).contiguous()},
                metadata={'key': self.key, 'parts': json.dumps(parts)},
            ),
        )
