# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Find keypoints in a picture and draw them.

Say what to look for with one or more ``--category``:

    horse                     an object with predefined keypoints
    tapir:horse               another object with a horse's keypoints
    teapot=lid,handle,spout   keypoints of your own
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from projects.common.checkpoints import read_checkpoint, require_checkpoint
from projects.common.launch import sentences_only
from projects.common.structures import KeypointPrompt
from projects.xpose.apis import init_model, predict
from projects.xpose.prompts import parse_category

import mmcv
from mmengine.config import Config
from mmpose.registry import MODELS, VISUALIZERS
from mmpose.structures import PoseDataSample
from torch import nn


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
        required=True,
        metavar='OBJECT',
        help='what to look for; may be repeated',
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
    parser.add_argument('--score-thr', type=float, default=0.3)
    parser.add_argument('--device', default='cpu')
    args = parser.parse_args(argv)
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
        tower = cfg.model.prompt_encoder.tower
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


def main(argv: Sequence[str] | None = None) -> PoseDataSample:
    """Detect, draw, and say what was found."""
    args = parse_args(argv)
    with sentences_only():
        prompt = KeypointPrompt.from_categories(
            parse_category(text) for text in args.category
        )
        model = load_model(args)
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
        kpt_thr=args.score_thr,
        out_file=args.out,
    )
    found = sample.pred_instances
    drawn = found[found.scores >= args.score_thr]
    print(f'{len(drawn)} of {len(found)} objects drawn in {args.out}')
    for score, label in zip(drawn.scores.tolist(), drawn.labels.tolist()):
        print(f'  {score:.3f} {prompt.names[label]}')
    return sample


if __name__ == '__main__':
    main()
