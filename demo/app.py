# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""A web page to ask for keypoints by words or by clicks in an example.

Needs Gradio:
  pip install -c requirements/constraints.txt -r requirements/app.txt

Examples:
  python demo/app.py
  python demo/app.py --model xpose_tiny --model my_config.py my_weights.pth

It listens on this machine only, http://127.0.0.1:7860.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from projects.app import (
    Handlers,
    Limits,
    Models,
    Workspace,
    make_samples,
)
from projects.common.engine.launch import quieten, sentences_only

#: For examples and drawings, for photos in words, and for examples alone.
DEFAULT_MODELS = [['xpose_tiny'], ['xpose_tiny_photos'], ['matching']]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    limits = Limits()
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--model',
        nargs='+',
        action='append',
        metavar=('MODEL', 'WEIGHTS'),
        help='name in model-index.yml, or path of a config and of a '
        'checkpoint; may be repeated (default: xpose_tiny, '
        'xpose_tiny_photos and matching)',
    )
    parser.add_argument('--device', help='default: an accelerator, else cpu')
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        help='address to listen on (default: 127.0.0.1, this machine only); '
        'there is no password, so open it to networks that you trust',
    )
    parser.add_argument('--port', type=int, default=7860)
    parser.add_argument(
        '--folder',
        help='where uploads and results are, the only folder that the page '
        'uses (default: a new one that is removed at the end)',
    )
    for name, what in (
        ('megabytes', 'size of a file, in MB'),
        ('megapixels', 'pixels of a picture, in millions'),
        ('pictures', 'pictures at a time'),
        ('frames', 'frames of a video'),
    ):
        value = getattr(limits, name)
        parser.add_argument(
            f'--max-{name}',
            type=int,
            default=value,
            help=f'{what} (default: {value})',
        )
    return parser.parse_args(argv)


def serve(args: argparse.Namespace, folder: str) -> None:
    """Run the page until it is interrupted."""
    workspace = Workspace(
        folder,
        Limits(
            args.max_megabytes,
            args.max_megapixels,
            pictures=args.max_pictures,
            frames=args.max_frames,
        ),
    )
    models = Models(args.model or DEFAULT_MODELS, args.device)
    with models.using(models.names[0]):
        pass  # what is wrong with it is said now
    samples = make_samples(workspace.folder / 'samples')
    workspace.claim()
    os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'
    try:
        from projects.app import page
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{error.name} is missing; install the page's requirements: pip "
            'install -c requirements/constraints.txt -r requirements/app.txt'
        ) from error
    print(f'Open http://{args.host}:{args.port}; Ctrl+C ends it.', flush=True)
    page.build(Handlers(models, workspace), samples).queue(max_size=64).launch(
        server_name=args.host,
        server_port=args.port,
        share=False,
        quiet=True,
        max_file_size=args.max_megabytes * 2**20,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        theme=page.THEME,
        css=page.CSS,
        state_session_capacity=200,
        # Else Gradio gives up where its page takes more than three seconds.
        _frontend=False,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the page; errors of arguments and models exit with 2."""
    args = parse_args(argv)
    quieten()
    with sentences_only(), ExitStack() as stack:
        folder = args.folder or stack.enter_context(
            tempfile.TemporaryDirectory(prefix='anykeypoint_')
        )
        serve(args, folder)


if __name__ == '__main__':
    main()
