# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The page that shows what the demo did."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from projects.showcase.parts import DemoPart
from projects.showcase.training import moving_ends

STAGES = {
    'data': 'Making SynthKPT',
    'train': 'Training from scratch',
    'evaluate': 'Evaluating the checkpoint',
    'predict': 'Predicting',
    'total': 'Together',
}
#: Shown first; (key of the metric, words).
MAIN_METRICS = (
    ('keypoint/AP', 'keypoint AP'),
    ('keypoint/AP50', 'keypoint AP50'),
    ('keypoint/AP75', 'keypoint AP75'),
    ('bbox/AP', 'box AP'),
    ('PCK@0.2', 'PCK@0.2'),
    ('keypoint/score_ECE', 'keypoint score ECE'),
    ('keypoint/visibility_AUC', 'visibility AUC'),
)
#: Heading and introduction of the predictions, by ``Scene.section``.
SECTIONS = {
    'text': (
        'Asked in words',
        'The model is given names of categories and of their keypoints.',
    ),
    'visual': (
        'Asked by example',
        'The model is given a picture of another object with its keypoints, '
        'and no word. The examples are cut from the training pictures by '
        'lot, and drawn here as the model sees them.',
    ),
    'combined': (
        'Words and examples',
        'Each category of a prompt can be asked for in its own way.',
    ),
    'outside': (
        'Keypoints that are not in the picture',
        'Every keypoint gets a score, "it is here and placed well", and a '
        'visibility, "it is here and not hidden". Those outside the picture '
        'should get low ones.',
    ),
}
MODALITIES = {
    'text': '',
    'visual': 'by example, its names unread',
    'combined': 'in words and by example',
}
#: Keypoint names of longer prompts are not listed.
MAX_LISTED = 3

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2733; margin: 0 auto;
  max-width: 1100px; padding: 1.5rem; background: #fff; }
h1 { font-size: 1.9rem; margin: 0; }
h2 { margin: 2.5rem 0 .5rem; border-bottom: 1px solid #d5dbe1; }
h3 { margin: 0; font-size: 1.1rem; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { text-align: left; padding: .2rem 1.2rem .2rem 0; }
th { font-weight: 600; color: #4a5866; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.columns { display: flex; flex-wrap: wrap; gap: 0 4rem;
  align-items: flex-start; }
.quiet { color: #5c6a77; margin: 0 0 .4rem; }
.warning { background: #fff4d6; border-left: 4px solid #d99a00;
  padding: .5rem .8rem; }
article { margin: 1.5rem 0 2.2rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; }
figure { margin: 0; }
figure img { width: 100%; display: block; }
figcaption { font-size: .85rem; color: #5c6a77; }
.prompt { font-size: .9rem; margin: .4rem 0; }
.triple { display: grid; grid-template-columns: 3fr 4fr 4fr; gap: .8rem; }
.examples { display: grid; gap: .8rem; align-content: start; }
.prompt b { color: #14507f; }
code, summary { font-size: .9rem; }
img.curve { max-width: 100%; }
@media (max-width: 640px) { .pair, .triple { grid-template-columns: 1fr; } }
"""


def render_page(
    summary: Mapping[str, Any], curve: str, extra: Sequence[DemoPart] = ()
) -> str:
    """The page as HTML.

    Args:
        summary (Mapping): See ``summarise``, with what the extra parts add.
        curve (str): Path of the loss curve's picture from the page.
        extra (Sequence): Parts that come last.

    Returns:
        str: The whole document; it needs the pictures beside it, and
        nothing else.
    """
    parts = [
        _head(summary),
        _stages(summary['seconds'], {p.name: p.text for p in extra}),
        _training(summary['training'], curve),
        _evaluation(summary['evaluation'], summary['data']['val']),
        '<h2>Predictions</h2>',
        '<p class="quiet">Left what is there, right what the model answers '
        'to the prompt. Rings are hidden keypoints, small crosses predicted '
        'keypoints with a low score.</p>',
        *(_section(name, summary) for name in SECTIONS),
        *(part.render(summary[part.name]) for part in extra),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f'<title>AnyKeypoint demo</title>\n<style>{_STYLE}</style>\n</head>\n'
        '<body>\n' + '\n'.join(parts) + '\n</body>\n</html>\n'
    )


def _table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> str:
    """A table; numbers and what is above them are set to the right.

    Every cell is escaped here.
    """
    lines = []
    if head:
        first, *others = (escape(words) for words in head)
        cells = [f'<th class="number">{words}</th>' for words in others]
        lines.append(f'<tr><th>{first}</th>{"".join(cells)}</tr>')
    for row in rows:
        lines.append(f'<tr>{"".join(map(_cell, row))}</tr>')
    return f'<table>{"".join(lines)}</table>'


def _cell(value: str) -> str:
    kind = ' class="number"' if value[:1].isdigit() else ''
    return f'<td{kind}>{escape(value)}</td>'


def _head(summary: Mapping[str, Any]) -> str:
    versions = ', '.join(f'{k} {v}' for k, v in summary['versions'].items())
    return (
        '<h1>AnyKeypoint demo</h1>\n<p class="quiet">X-Pose with '
        'text and visual prompts on SynthKPT. '
        f'{escape(summary["date"])}, '
        f'{escape(summary["device"])}.<br>{escape(versions)}.<br>'
        f'<code>{escape(summary["config"])}</code>; all figures are in '
        '<a href="summary.json">summary.json</a>.</p>'
    )


def _stages(seconds: Mapping[str, float], extra: Mapping[str, str]) -> str:
    words = {**STAGES, **extra}
    rows = [(words[name], f'{value:.1f}') for name, value in seconds.items()]
    return '<h2>Stages</h2>\n' + _table(rows, ('stage', 'seconds'))


def _training(training: Mapping[str, Any], curve: str) -> str:
    done, planned = training['iterations'], training['iterations_planned']
    first, last = moving_ends(training['loss'])
    note = f'{done} iterations with {training["batch_size"]} pictures each'
    if done < planned:
        note += f' (of {planned}: the time was over)'
    millions = training['learnable_parameters'] / 1e6
    return (
        '<h2>A short training from scratch</h2>\n'
        f'<p class="quiet">{escape(note)}, {millions:.1f} million learnable '
        f'parameters. The loss went from {first:.1f} to {last:.1f} (means of '
        'the first and the last tenth). A useful model needs thousands of '
        'iterations.</p>\n'
        f'<img class="curve" src="{escape(curve)}" alt="loss by iteration">'
    )


def _evaluation(evaluation: Mapping[str, Any], count: int) -> str:
    metrics = evaluation['metrics']
    kind = 'quiet' if evaluation['shipped'] else 'warning'
    groups = _below(metrics, 'keypoint/AP/super/')
    categories = {
        name: value
        for name, value in _below(metrics, 'keypoint/AP/').items()
        if not name.startswith('super/')
    }
    main = [(words, f'{v:.3f}') for words, v in main_metrics(metrics)]
    return (
        '<h2>The checkpoint on the validation pictures</h2>\n'
        f'<p class="{kind}">{escape(evaluation["note"])}</p>\n'
        f'<p class="quiet">{count} pictures, prompted with the names of all '
        'categories at once. sha256 '
        f'<code>{escape(evaluation["sha256"])}</code></p>\n'
        f'<div class="columns">{_table(main, ("metric", "value"))}'
        f'{_table(_shown(groups), ("group", "keypoint AP"))}</div>\n'
        '<details><summary>keypoint AP of every category</summary>'
        f'{_table(_shown(categories), ("category", "keypoint AP"))}</details>'
    )


def _below(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {
        key.removeprefix(prefix): value
        for key, value in metrics.items()
        if key.startswith(prefix)
    }


def _shown(values: Mapping[str, float]) -> list[tuple[str, str]]:
    ordered = sorted(values.items(), key=lambda item: -item[1])
    return [(name, f'{value:.3f}') for name, value in ordered]


def main_metrics(metrics: Mapping[str, float]) -> list[tuple[str, float]]:
    """The metrics to show first, those that were measured.

    Args:
        metrics (Mapping): By key.

    Returns:
        list: (words, value) pairs.
    """
    return [(words, metrics[k]) for k, words in MAIN_METRICS if k in metrics]


def _section(name: str, summary: Mapping[str, Any]) -> str:
    """All predictions of a section; nothing if there are none."""
    shown = [p for p in summary['predictions'] if p['section'] == name]
    if not shown:
        return ''
    title, words = SECTIONS[name]
    means = ''
    if any(prediction['point_scores'] for prediction in shown):
        means = '\n' + _means(summary['mean_point_scores'])
    return (
        f'<h2>{escape(title)}</h2>\n<p class="quiet">{escape(words)}</p>'
        + means
        + '\n'
        + '\n'.join(map(_prediction, shown))
    )


def _means(means: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        (
            state,
            str(row['count']),
            f'{row["score"]:.2f}',
            f'{row["visibility"]:.2f}',
        )
        for state, row in means.items()
    ]
    return _table(
        rows,
        ('keypoints of the objects below', 'count', 'mean score')
        + ('mean visibility',),
    )


def _prediction(shown: Mapping[str, Any]) -> str:
    pictures = ''.join(
        _figure(shown[key], key, caption)
        for key, caption in (
            ('truth', 'ground truth'),
            ('prediction', _answer(shown)),
        )
    )
    examples = ''.join(
        _figure(
            example['picture'],
            'example',
            f'example: {category["name"]} '
            f'(training annotation {example["annotation_id"]})',
        )
        for category in shown['prompt']
        for example in category['examples']
    )
    kind = 'pair'
    if examples:
        kind = 'triple'
        pictures = f'<div class="examples">{examples}</div>{pictures}'
    return (
        f'<article>\n<h3>{escape(shown["title"])}</h3>\n'
        f'<p class="quiet">{escape(shown["note"])}</p>\n{_prompt(shown)}\n'
        f'<div class="{kind}">{pictures}</div>{_points(shown)}\n</article>'
    )


def _figure(path: str, kind: str, caption: str) -> str:
    return (
        f'<figure><img src="{escape(path)}" alt="{kind}">'
        f'<figcaption>{escape(caption)}</figcaption></figure>'
    )


def _points(shown: Mapping[str, Any]) -> str:
    """The keypoint scores of the scene's object, if it has one."""
    rows = shown['point_scores']
    if rows is None:
        return ''
    if not rows:
        return '<p class="warning">The object was not found.</p>'
    table = _table(
        [
            (r['name'], r['state'], f'{r["score"]:.2f}')
            + (f'{r["visibility"]:.2f}',)
            for r in sorted(rows, key=lambda row: row['score'])
        ],
        ('keypoint', 'labelled', 'score', 'visibility'),
    )
    return (
        f'<details><summary>the {len(rows)} keypoint scores, the lowest '
        f'first</summary>{table}</details>'
    )


def _prompt(shown: Mapping[str, Any]) -> str:
    style = f'style {shown["style"]}; ' if shown['style'] else ''
    categories = shown['prompt']
    if len(categories) > MAX_LISTED:
        names = ', '.join(category['name'] for category in categories)
        return (
            f'<details class="prompt"><summary>prompt: {escape(style)}'
            f'{len(categories)} categories</summary>{escape(names)}</details>'
        )
    listed = '<br>'.join(map(_category, categories))
    return f'<p class="prompt">{escape(style)}{listed}</p>'


def _category(category: Mapping[str, Any]) -> str:
    manner = MODALITIES[category['modality']]
    words = f' ({manner})' if manner else ''
    listed = f'{words}: {", ".join(category["keypoints"])}'
    if category['not_shown']:
        listed += (
            '; left out, because the example does not show them: '
            f'{", ".join(category["not_shown"])}'
        )
    return f'<b>{escape(category["name"])}</b>{escape(listed)}'


def _answer(shown: Mapping[str, Any]) -> str:
    """What was found, in words."""
    if shown['objects']:
        found = ', '.join(
            f'{o["name"]} {o["score"]:.2f}' for o in shown['objects']
        )
        return f'prediction: {found}'
    return (
        'prediction: nothing (the best score is '
        f'{shown["best_score"]:.2f}, drawn from {shown["score_thr"]:.2f} on)'
    )
