# Similarity of ImageNet features times a prior on the layout. Chosen on
# validation episodes of SynthKPT split 1 (its 8 validation categories, 5
# episodes of each, lists by tools/dataset_converters/freeze_episodes.py
# --split val), mPCK with 1 / 5 shots: no prior .372 / .503; fixed widths
# .1 and .2 .488, .473 / .579, .589; 'spread' .485 / .598. The best
# shot's similarity instead of that of the mean, no prior, 5 shots: .464.
_base_ = './cape_feature_matching.py'

# calibration: fitted on the same episodes, as calibrate_matching.py of
# tools/analysis_tools does it.
model = dict(layout_prior='spread', calibration=(0.68, -0.83))
