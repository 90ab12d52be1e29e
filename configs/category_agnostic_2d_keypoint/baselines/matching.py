# What AnyKeypointInferencer('matching') is: for asking, not for a data set.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/models/cape_layout_matching.py',
]

# Pictures without boxes are searched as a whole; or, if ``find`` asks for
# objects in words ('horse'), in the boxes that this model finds.
detector = dict(model='xpose_tiny_photos', find=None, score_thr=None)
