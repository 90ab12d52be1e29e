# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PPM's section of the demo's page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

TITLE = 'Learned from one picture'


def render_part(shown: Mapping[str, Any]) -> str:
    """The section as HTML.

    Args:
        shown: See ``run_part``.
    """
    if 'missing' in shown:
        words = escape(shown['missing'])
        return f'<h2>{TITLE}</h2>\n<p class="warning">{words}</p>'
    category = escape(shown['category'])
    names = ''.join(f'<li>{escape(name)}</li>' for name in shown['keypoints'])
    folder = shown['folder']
    queries = '\n'.join(_query(query, folder) for query in shown['queries'])
    shot = _figure(f'{folder}/{shown["shot"]}', 'the one example')
    return (
        f'<h2>{TITLE}</h2>\n'
        '<p class="quiet">PPM fits one pseudo prompt per keypoint, so that '
        'the attention of a frozen text-to-image diffusion model lights up '
        'there, and reads the keypoints of other pictures off the maps. The '
        'small model here has never seen this kind of object.</p>\n'
        f'<article>\n<h3>{category}</h3>\n'
        f'<p class="quiet">{shown["steps"]} steps of fitting in '
        f'{shown["seconds_fit"]:.1f} s; {len(shown["queries"])} pictures '
        f'searched in {shown["seconds_predict"]:.1f} s.</p>\n'
        f'<div class="triple">{shot}<ol start="0">{names}</ol></div>\n'
        f'</article>\n{queries}'
    )


def _query(query: Mapping[str, Any], folder: str) -> str:
    captions = {
        'truth': 'ground truth',
        'picture': f'found: {query["pck"]:.0%} of the keypoints are nearer '
        'than a fifth of the box',
        'maps': 'where the prompt of each keypoint looks, from the lowest '
        'value of the map (blue) to the highest (red)',
    }
    figures = ''.join(
        _figure(f'{folder}/{query[key]}', caption)
        for key, caption in captions.items()
    )
    return f'<article><div class="triple">{figures}</div></article>'


def _figure(path: str, caption: str) -> str:
    return (
        f'<figure><img src="{escape(path)}" alt="{escape(caption)}">'
        f'<figcaption>{escape(caption)}</figcaption></figure>'
    )
