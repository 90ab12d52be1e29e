# CPT in the fast mode, in which a picture's keypoints cost next to nothing.
_base_ = './ppm_tiny_cpt_synthkpt-split1_1shot.py'

model = dict(maps=dict(type='CachedPromptMaps'), max_base_keypoints=32)
