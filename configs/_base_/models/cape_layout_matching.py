# Similarity of ImageNet features times a prior on the layout. Chosen on
# validation episodes of SynthKPT split 1 (its 8 validation categories, 5
# episodes of each, lists by tools/dataset_converters/freeze_episodes.py
# --split val), mPCK with 1 / 5 shots: no prior .372 / .503; widths .1, .15
# and .2 .488, .485, .473 / .579, .589, .589; 'spread' .485 / .599. The best
# shot's similarity instead of that of the mean: .464 with 5 shots.
_base_ = './cape_feature_matching.py'

model = dict(layout_prior='spread')
