# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Find keypoints in a picture and draw them.

Say what to look for in words, with one or more ``--category``:

    horse                     an object with predefined keypoints
    tapir:horse               another object with a horse's keypoints
    teapot=lid,handle,spout   keypoints of your own

or show it, with one or more ``--support``: pictures that the file
``--support-keypoints`` annotates. Their objects are examples of their
categories. Words and examples may go together.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from projects.common.checkpoints import read_checkpoint, require_checkpoint
from projects.common.launch import sentences_only
from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    SupportShot,
)
from projects.xpose.apis import init_model, predict, read_supports
from projects.xpose.prompts import parse_category

import mmcv
from mmengine.config import Config
from mmpose.registry import MODELS, VISUALIZERS
from mmpose.structures import PoseDataSample
from torch import nn

_SOURCES = {
    'alignment': 'how much they resemble their prompts (not calibrated)',
    'instance': 'the object, whose score they repeat',
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('image', help='picture to look at')
    parser.add_argument('out', help='drawn picture to write')
    parser.add_argument(
        '--category',
        action='append',
        default=[],
        metavar='OBJECT',
        help='what to look for, in words; may be repeated',
    )
    parser.add_argument(
        '--support',
        action='append',
        default=[],
        metavar='IMAGE',
        help='picture with examples of what to look for; may be repeated',
    )
    parser.add_argument(
        '--support-keypoints',
        metavar='JSON',
        help='COCO-style file that annotates the supports',
    )
    parser.add_argument(
        '--modality',
        choices=('visual', 'combined'),
        default='visual',
        help='take the examples alone, or with the names that the file gives '
        'them (default: visual)',
    )
    parser.add_argument(
        '--config',
        help='default: the one in the checkpoint, as in published files',
    )
    parser.add_argument(
        '--checkpoint',
        help='weights; without them the model is random and finds nothing '
        'real, which still shows that everything runs',
    )
    parser.add_argument(
        '--text-weights',
        help='text model for words that the checkpoint does not know: weights '
        'of CLIP, or the folder of a sentence encoder',
    )
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        help='objects with a lower score are not drawn (default: 0.3)',
    )
    parser.add_argument(
        '--kpt-thr',
        type=float,
        default=0.3,
        help='keypoints with a lower score are drawn as small crosses '
        '(default: 0.3)',
    )
    parser.add_argument('--device', default='cpu')
    args = parser.parse_args(argv)
    if not args.category and not args.support:
        parser.error('give --category, --support or both')
    if bool(args.support) != bool(args.support_keypoints):
        parser.error('give --support and --support-keypoints together')
    if args.config is None and args.checkpoint is None:
        parser.error('give --config, --checkpoint or both')
    return args


def load_config(args: argparse.Namespace) -> Config:
    """The config file's or the checkpoint's.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the checkpoint holds no config, or is not safe.
    """
    if args.checkpoint is not None:
        require_checkpoint(args.checkpoint)
    if args.config is not None:
        cfg = Config.fromfile(args.config)
    else:
        content = read_checkpoint(args.checkpoint)
        text = content.get('meta', {}).get('cfg')
        if text is None:
            raise ValueError(
                f'"{args.checkpoint}" holds no config; give it as --config.'
            )
        cfg = Config.fromstring(text, '.py')
    if args.text_weights is not None:
        encoder = cfg.model.prompt_encoder
        tower = encoder.get('text', encoder).tower
        sentences = tower.type.endswith('SentenceTextTower')
        tower['path' if sentences else 'pretrained'] = args.text_weights
    return cfg


def load_model(args: argparse.Namespace) -> nn.Module:
    """The model with the checkpoint's weights, or with random ones."""
    cfg = load_config(args)
    if args.checkpoint is not None:
        return init_model(cfg, args.checkpoint, args.device)
    print('No checkpoint: the weights are random.', file=sys.stderr)
    model = MODELS.build(cfg.model)
    model.cfg = cfg
    return model.to(args.device).eval()


def build_prompt(
    named: Sequence[KeypointCategory],
    examples: Mapping[KeypointCategory, Sequence[SupportShot]],
    modality: str,
) -> KeypointPrompt:
    """What is said in words first, then what is shown.

    Args:
        named: Categories asked for in words.
        examples: Categories asked for by example, with their shots.
        modality: Of the second, 'visual' or 'combined'.

    Raises:
        ValueError: If a category is in both.
    """
    return KeypointPrompt.from_categories(
        [*named, *examples],
        supports=[*([] for _ in named), *examples.values()],
        modalities=['text'] * len(named) + [modality] * len(examples),
    )


def report(sample: PoseDataSample, args: argparse.Namespace) -> None:
    """Say what was found, and what the result is not good for."""
    found = sample.pred_instances
    drawn = found[found.scores >= args.score_thr]
    print(f'{len(drawn)} of {len(found)} objects drawn in {args.out}')
    if len(found) > len(drawn) == 0:
        print(
            f'  the best score is {found.scores.max():.3f}; lower --score-thr'
        )
    for score, label in zip(drawn.scores.tolist(), drawn.labels.tolist()):
        print(f'  {score:.3f} {sample.prompts.names[label]}')
    for name, keypoints in found.unshown_keypoints.items():
        print(
            f'warning: no example of {name!r} shows {", ".join(keypoints)}; '
            'not looked for.',
            file=sys.stderr,
        )
    source = found.keypoint_score_source
    if source != 'head':
        print(
            'warning: this model does not score its keypoints; '
            f'keypoint_scores come from {_SOURCES[source]}.',
            file=sys.stderr,
        )


def main(argv: Sequence[str] | None = None) -> PoseDataSample:
    """Detect, draw, and say what was found."""
    args = parse_args(argv)
    with sentences_only():
        named = [parse_category(text) for text in args.category]
        model = load_model(args)
        examples = {}
        if args.support:
            examples = read_supports(
                model, args.support_keypoints, args.support
            )
        prompt = build_prompt(named, examples, args.modality)
        (sample,) = predict(model, args.image, prompt)
    visualizer = VISUALIZERS.build(
        dict(
            model.cfg.visualizer,
            name='image_demo',
            score_thr=args.score_thr,
            vis_backends=[],
        )
    )
    visualizer.add_datasample(
        'demo',
        mmcv.imread(args.image, channel_order='rgb'),
        sample,
        draw_gt=False,
        kpt_thr=args.kpt_thr,
        out_file=args.out,
    )
    report(sample, args)
    return sample


if __name__ == '__main__':
    main()
