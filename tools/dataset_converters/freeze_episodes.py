# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Freeze evaluation episodes: draw them once and write annotation ids.

python tools/dataset_converters/freeze_episodes.py \
    data/mp100/annotations/mp100_split1_test.json --format mp100 \
    --image-root data/mp100/images --shots 1 --split test \
    --out data/mp100/episodes/mp100_split1_test_1shot.json
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets import CocoKeypointFile, MP100File
from projects.common.datasets.episodes import (
    DRAWING_RULES,
    EpisodeList,
    EpisodeSource,
    freeze_episodes,
)

FORMATS = {'coco': CocoKeypointFile, 'mp100': MP100File}
#: Episodes of each category in the published protocol.
EPISODES = {'test': 200, 'val': 100}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Freeze evaluation episodes of a keypoint data set.'
    )
    parser.add_argument('ann_file', help='COCO-style json')
    parser.add_argument('--out', type=Path, required=True, help='json file')
    parser.add_argument(
        '--format',
        choices=list(FORMATS),
        default='coco',
        help='mp100: the liberties that the files of MP-100 take',
    )
    parser.add_argument(
        '--categories',
        nargs='+',
        metavar='NAME',
        help='only these categories (default: all of the file)',
    )
    parser.add_argument(
        '--split',
        choices=list(EPISODES),
        default='test',
        help='sets --episodes as published: test 200, val 100',
    )
    parser.add_argument('--shots', type=int, default=1, help='supports')
    parser.add_argument('--queries', type=int, default=15)
    parser.add_argument(
        '--episodes', type=int, help='episodes of each category'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--rule',
        choices=DRAWING_RULES,
        default=DRAWING_RULES[0],
        help='distinct_pictures: no picture twice in an episode; published: '
        'no object twice, as in the published code',
    )
    parser.add_argument(
        '--fewer-queries',
        action='store_true',
        help='categories that are too small get episodes with fewer queries',
    )
    parser.add_argument(
        '--image-root',
        type=Path,
        help='check that the pictures of the episodes are in this folder',
    )
    return parser.parse_args(argv)


def check_pictures(
    episodes: EpisodeList, source: EpisodeSource, root: Path
) -> None:
    """Look for the pictures that the episodes use.

    Raises:
        FileNotFoundError: If any is missing.
    """
    names = {
        source.objects[i].image['file_name']
        for episode in episodes.episodes
        for i in (*episode.supports, *episode.queries)
    }
    missing = sorted(n for n in names if not (root / n).is_file())
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of the {len(names)} pictures of the episodes '
            f'are not in {root}, for example {missing[0]}; complete the data '
            'set, or check --image-root.'
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if the episodes cannot be drawn."""
    args = parse_args(argv)
    try:
        source = EpisodeSource(FORMATS[args.format](args.ann_file))
        episodes = freeze_episodes(
            source,
            args.shots,
            args.queries,
            EPISODES[args.split] if args.episodes is None else args.episodes,
            args.seed,
            args.rule,
            args.categories,
            args.fewer_queries,
        )
        if args.image_root is not None:
            check_pictures(episodes, source, args.image_root)
        episodes.save(args.out)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    count = sum(len(episode.queries) for episode in episodes.episodes)
    print(
        f'{args.out}: {len(episodes.episodes)} episodes of '
        f'{len({e.category for e in episodes.episodes})} categories, '
        f'{count} queries, sha256 {episodes.sha256}'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
