# Objects of SynthKPT that share one list of 17 keypoints, as one category:
# persons and children with COCO's list, eleven animals with AP-10K's. Made by
#   tools/dataset_converters/fixed_keypoints.py --like person --name person
#   tools/dataset_converters/fixed_keypoints.py --like dog --name animal
# of synthkpt_train.json and synthkpt_val.json; compare_mmpose.py does it.
fixed_root = 'data/synthkpt/'
fixed_prefix = dict(img='')
fixed_train_file = 'annotations/fixed_human_train.json'
fixed_val_file = 'annotations/fixed_human_val.json'

# Top-down models see crops of half mmpose's usual width and height: our
# pictures are small, and two CPU cores have to do.
topdown_size = (96, 128)
topdown_train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomHalfBody'),
    dict(type='RandomBBoxTransform'),
    dict(type='TopdownAffine', input_size=topdown_size),
    dict(type='mmdet.YOLOXHSVRandomAug'),
]
topdown_val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=topdown_size),
    dict(type='PackPoseInputs'),
]
