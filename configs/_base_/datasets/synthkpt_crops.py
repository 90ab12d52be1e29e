# Pictures of 96 x 96 of one object each, of the categories that split 1 trains
# on; no picture shows a category of the split's test or validation part.
#   python tools/dataset_converters/object_crops.py \
#       data/synthkpt/annotations/synthmp_split1_train.json \
#       --without data/synthkpt/annotations/synthmp_split1_test.json \
#       --without data/synthkpt/annotations/synthmp_split1_val.json \
#       --out data/synthkpt_crops/split1
# SYNTHMP_SPLIT in the environment chooses another split, 2 to 5, or one by
# super-category such as super_vehicle.
crops_split = '{{$SYNTHMP_SPLIT:1}}'
crops_name = crops_split if 'super' in crops_split else f'split{crops_split}'
crops_root = f'data/synthkpt_crops/{crops_name}/'

# The square is 1.5 times the object's box; 77 of 96 pixels are 1.2 times.
crops_pipeline = [
    dict(type='LoadImage'),
    dict(type='RandomFlipKeypoints', prob=0.5),
    dict(
        type='RandomChoiceResize',
        scales=[(68, 68), (77, 77), (77, 77), (90, 90), (120, 120)],
        resize_type='ResizeKeypoints',
    ),
    dict(type='RandomCropKeypoints', size_range=(64, 64), min_box_area=0.05),
    dict(type='SamplePromptCategories', mode='present'),
    dict(type='PackPromptInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='PromptCocoDataset',
        data_root=crops_root,
        ann_file='annotations.json',
        data_prefix=dict(img=''),
        pipeline=crops_pipeline,
    ),
)
