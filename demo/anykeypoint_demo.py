# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""Find keypoints in pictures, folders, videos or from a camera.

Say what to look for in words,

    horse                        an object whose keypoints are known
    tapir like horse             another object with a horse's keypoints
    teapot: lid, handle, spout   keypoints of your own

with ";" between several, or show it by an annotated picture, or take a prompt
file, which tools/misc/make_prompt.py writes. Nothing said, it looks for what
the model was trained to find.

Examples:
  python demo/anykeypoint_demo.py photo.jpg --text "horse; person" --out found
  python demo/anykeypoint_demo.py photos/ --text "cat: left eye, right eye" \
      --out found --save-json --save-coco
  python demo/anykeypoint_demo.py clip.mp4 --prompt mouse.json --out found \
      --batch-size 8 --track iou --smooth --save-json
  python demo/anykeypoint_demo.py a.jpg b.jpg --support example.jpg \
      --support-keypoints example.json --out found --panel
  python demo/anykeypoint_demo.py sheep/ --model matching --find sheep \
      --support example.jpg --support-keypoints example.json --out found
  python demo/anykeypoint_demo.py webcam --text person --max-frames 500 \
      --out found

A run that was stopped goes on where it was: what is in --out is not done
again.

exit codes:
  0  all is done
  1  some inputs could not be read or used (they are named); the rest is done
  2  wrong arguments, prompt or model; nothing was done
  3  the results could not be written (permission, full disk); stopped there
  130  interrupted; what was finished is kept
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from projects.common.apis import AnyKeypointInferencer, OutputFolder
from projects.common.apis.drawing import check_examples
from projects.common.apis.runs import (
    CannotWrite,
    Run,
    RunOptions,
    plan,
    writing,
)
from projects.common.engine.launch import quieten, sentences_only
from projects.common.prompt_files import (
    PromptDescription,
    describe,
    describe_coco,
)
from projects.common.utils.argument_types import count, share
from projects.common.utils.checkpoints import file_sha256

from mmengine.config import DictAction
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'inputs',
        nargs='+',
        metavar='INPUT',
        help='picture, folder of pictures (with those in it), video, or '
        '"webcam" or "webcam:1"',
    )
    parser.add_argument('--out', required=True, help='folder to write to')
    _add_prompt_arguments(parser)
    _add_model_arguments(parser)
    _add_output_arguments(parser)
    parser.add_argument('--batch-size', type=count, default=1)
    parser.add_argument(
        '--bbox',
        nargs=4,
        type=float,
        metavar=('X1', 'Y1', 'X2', 'Y2'),
        help='box of the object in every picture, for PPM and matching; else '
        'all of a picture is searched',
    )
    parser.add_argument(
        '--find',
        metavar='TEXT',
        help='for the model "matching": the object in words; examples are '
        'compared with what xpose_tiny_photos finds',
    )
    video = parser.add_argument_group('videos')
    video.add_argument(
        '--track',
        choices=('iou', 'oks'),
        help='number the objects, by their boxes or by their keypoints',
    )
    video.add_argument(
        '--smooth',
        action='store_true',
        help='less jitter (One-Euro filter); implies --track iou',
    )
    video.add_argument(
        '--max-frames', type=count, help='stop after so many frames'
    )
    args = parser.parse_args(argv)
    if args.prompt and (args.text or args.support):
        parser.error('give --prompt, or --text and --support')
    if bool(args.support) != bool(args.support_keypoints):
        parser.error('give --support and --support-keypoints together')
    if args.modality and not args.support:
        parser.error('--modality is how to take --support; give that too')
    if args.bbox and not (
        args.bbox[0] < args.bbox[2] and args.bbox[1] < args.bbox[3]
    ):
        parser.error('--bbox needs X1 < X2 and Y1 < Y2')
    if args.find and args.bbox:
        parser.error('give --bbox or --find')
    if args.find:
        args.cfg_options = {
            **(args.cfg_options or {}),
            'detector.find': args.find,
        }
    args.save_json = args.save_json or args.save_coco
    if args.smooth and args.track is None:
        args.track = 'iou'
    return args


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--save-json',
        action='store_true',
        help='write predictions/NAME.json, of videos NAME.jsonl',
    )
    parser.add_argument(
        '--save-coco',
        action='store_true',
        help='write predictions.coco.json of all pictures; implies '
        '--save-json',
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='do again what is in --out already',
    )
    parser.add_argument(
        '--score-thr',
        type=share,
        help='objects with a lower score are left out (default: what the '
        'training of the checkpoint found best, else 0.3)',
    )
    parser.add_argument(
        '--kpt-thr',
        type=share,
        default=0.3,
        help='keypoints with a lower score are drawn as small crosses and '
        'not labelled in COCO files (default: 0.3)',
    )
    parser.add_argument(
        '--nms-thr',
        type=share,
        default=0.5,
        help='of two boxes of a category that overlap more than this, the one '
        'with the lower score is left out, and of two of different categories '
        'if they overlap more than 0.7 and more than this; 1 leaves none out '
        '(default: 0.5)',
    )
    parser.add_argument(
        '--show-names', action='store_true', help="draw keypoints' names"
    )
    parser.add_argument(
        '--panel',
        action='store_true',
        help='draw the examples beside each picture',
    )
    parser.add_argument(
        '--save-maps',
        action='store_true',
        help='write maps/NAME.png: where a PPM model looked for each keypoint '
        'of a picture',
    )


def _add_prompt_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('what to look for')
    group.add_argument('--text', help='in words, see above')
    group.add_argument(
        '--prompt', metavar='FILE', help='prompt file, .json or .safetensors'
    )
    group.add_argument(
        '--support',
        action='append',
        metavar='IMAGE',
        help='picture with examples of what to look for; may be repeated',
    )
    group.add_argument(
        '--support-keypoints',
        metavar='JSON',
        help='COCO-style file that annotates the supports',
    )
    group.add_argument(
        '--modality',
        choices=('visual', 'combined'),
        help='take the examples alone (the default), or with the names that '
        'the file gives them',
    )


def _add_model_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('model')
    group.add_argument(
        '--model',
        help='name in model-index.yml (default: xpose_tiny_photos) or path '
        'of a config; left out, with --weights, the config in the checkpoint',
    )
    group.add_argument(
        '--weights', help='checkpoint (default: that of the model index)'
    )
    group.add_argument(
        '--trust-config',
        action='store_true',
        help='the config in the checkpoint may run code, as one of another '
        'project may have to; those of our trainings are read without',
    )
    group.add_argument(
        '--text-weights',
        help='text model for words that the checkpoint does not know: weights '
        'of CLIP, or the folder of a sentence encoder',
    )
    group.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config',
    )
    group.add_argument('--device', help='default: an accelerator, else cpu')
    group.add_argument(
        '--precision',
        choices=('float32', 'bfloat16', 'float16'),
        default='float32',
    )


def load(args: argparse.Namespace) -> AnyKeypointInferencer:
    """The model, with its prompt set.

    Raises:
        OSError: If a file does not exist or cannot be read.
        ValueError: If a name is unknown, or the prompt contradicts itself.
    """
    name = args.model or (None if args.weights else 'xpose_tiny_photos')
    inferencer = AnyKeypointInferencer(
        name,
        args.weights,
        args.device,
        args.precision,
        args.cfg_options,
        args.text_weights,
        args.trust_config,
    )
    if args.score_thr is None:
        args.score_thr = inferencer.score_thr
    if args.prompt:
        inferencer.set_prompt(Path(args.prompt))
    elif not (args.text or args.support):
        known = inferencer.backend.learnt.categories
        if not known:
            raise ValueError(
                'The checkpoint does not say what it was trained to find; '
                'give --text, --prompt or --support.'
            )
        inferencer.set_prompt(list(known))
        names = ', '.join(category.name for category in known)
        print(f'looking for what the model was trained to find: {names}')
    else:
        parts = []
        if args.text:
            parts.append(describe(args.text, inferencer.backend.category))
        if args.support:
            parts.append(
                describe_coco(
                    args.support_keypoints,
                    args.support,
                    modality=args.modality,
                )
            )
        inferencer.set_prompt(PromptDescription.joined(parts))
    for category, keypoints in inferencer.prompt.not_shown.items():
        print(
            f'warning: no example of {category!r} shows '
            f'{", ".join(keypoints)}; not looked for.',
            file=sys.stderr,
        )
    if args.panel:
        check_examples(inferencer.prompt.description)
    if args.save_maps:
        inferencer.check_maps()
    return inferencer


def settings(
    args: argparse.Namespace, inferencer: AnyKeypointInferencer
) -> dict[str, Any]:
    """All that decides what is written, in plain values."""
    description = inferencer.prompt.description
    weights = inferencer.weights
    return {
        'model': inferencer.name,
        'weights_sha256': weights and file_sha256(weights),
        'prompt_sha256': description.digest()
        if description
        else file_sha256(args.prompt),
        'categories': [c.name for c in inferencer.prompt.categories],
        **{
            name: getattr(args, name)
            for name in (
                'cfg_options',
                'text_weights',
                'precision',
                'score_thr',
                'nms_thr',
                'kpt_thr',
                'show_names',
                'panel',
                'save_maps',
                'bbox',
                'track',
                'smooth',
                'max_frames',
            )
        },
    }


def options(args: argparse.Namespace) -> RunOptions:
    """How the inputs are done."""
    return RunOptions(
        args.score_thr,
        args.kpt_thr,
        args.batch_size,
        args.show_names,
        None if args.bbox is None else [args.bbox],
        args.save_coco,
        args.track,
        args.smooth,
        args.max_frames,
        args.panel,
        args.nms_thr,
        args.save_maps,
    )


def run_all(
    args: argparse.Namespace,
    inferencer: AnyKeypointInferencer,
    pictures: dict[str, str],
    videos: dict[str, str],
) -> int:
    """Do all inputs; returns the exit code."""
    with sentences_only(), writing():
        output = OutputFolder(
            args.out,
            settings(args, inferencer),
            args.save_json,
            args.overwrite,
        )
    with Progress(
        TextColumn('{task.description}', markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:
        run = Run(inferencer, output, options(args), progress)
        if pictures:
            run.pictures(pictures)
        for source, name in videos.items():
            run.video(source, name)
    if run.failed:
        print(f'{len(run.failed)} inputs failed', file=sys.stderr)
    return 1 if run.failed else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit codes are those of the help."""
    args = parse_args(argv)
    quieten()
    try:
        with sentences_only():
            pictures, videos = plan(args.inputs, args.out)
            inferencer = load(args)
        return run_all(args, inferencer, pictures, videos)
    except CannotWrite as error:
        print(f'error: {error}', file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print('interrupted; what was finished is kept', file=sys.stderr)
        return 130


if __name__ == '__main__':
    sys.exit(main())
