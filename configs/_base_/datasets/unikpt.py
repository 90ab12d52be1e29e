# UniKPT: thirteen data sets for training, each evaluated as its own benchmark
# does. Made by
#   python tools/dataset_converters/unikpt.py build
# see docs/guides/unikpt_training.md, which also says what these variables of
# the environment do:
#   UNIKPT_ROOT         folder of the built set
#   UNIKPT_VAL          benchmarks of the validation during training
#   UNIKPT_TEST         benchmarks of tools/test.py, 'a,b' or 'all' that are
#                       built
data_root = '{{$UNIKPT_ROOT:data/unikpt}}/'
data_prefix = dict(img='images/')
train_ann_file = 'annotations/unikpt_train.json'

# Shares of an epoch. They go with the square root of the pictures (table 2 of
# the paper, after balancing), so that small sets are neither lost nor learnt
# by heart. Those of sources that are not selected or not built do not count.
source_weights = {
    'coco': 243,
    'humanart': 224,
    'apt36k': 190,
    'animal_kingdom': 182,
    'animalweb': 150,
    'mp100': 130,
    'ap10k': 100,
    '300w': 62,
    'onehand10k': 45,
    'macaque': 45,
    'keypoint5': 45,
    'vinegar_fly': 39,
    'desert_locust': 26,
}
# Persons have faces and hands, wear clothes and live between vehicles and
# furniture whether or not a set labels them.
inseparable = [['human', 'clothes', 'vehicle', 'furniture']]

# Examples for visual prompts are other training pictures.
support_size = 96
support_pool = dict(min_visible=3, min_size=24)
train_pipeline = [
    dict(type='LoadImage'),
    # Only where every left and right keypoint has its partner.
    dict(type='RandomFlipKeypoints', prob=0.5),
    dict(
        type='RandomCropKeypoints',
        size_range=(0.6, 1.0),
        prob=0.2,
        min_box_area=0.3,
    ),
    dict(
        type='RandomChoiceResize',
        scales=[(192, 192), (224, 224), (256, 256)],
        resize_type='ResizeKeypoints',
        keep_ratio=True,
    ),
    dict(type='mmdet.PhotoMetricDistortion'),
    # Negatives are categories of any source.
    dict(type='SamplePromptCategories', mode='train', num_negatives=(4, 20)),
    dict(
        type='SampleSupports',
        modality_probs=dict(text=0.5, visual=0.35, combined=0.15),
        shots=(1, 2),
        size=support_size,
        context=(1.1, 1.5),
        max_negatives=3,
        augment=[
            dict(type='RandomFlipKeypoints', prob=0.5),
            dict(type='RandomRotateKeypoints', max_degrees=20, prob=0.5),
            dict(type='mmdet.PhotoMetricDistortion'),
        ],
    ),
    dict(type='PackPromptInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='BalancedSourceSampler', weights=source_weights),
    dataset=dict(
        type='SeededDataset',
        dataset=dict(
            type='UniKPTDataset',
            data_root=data_root,
            ann_file=train_ann_file,
            data_prefix=data_prefix,
            select=dict(sources=list(source_weights)),
            inseparable=inseparable,
            pool=support_pool,
            pipeline=train_pipeline,
        ),
    ),
)

# What each set is measured by. No boxes are given anywhere: objects are
# detected, end to end, and an object that is missed counts as wrong.
# OKS AP: all categories of the set are asked for in every picture.
ap = dict(
    ask='all',
    metric=dict(
        report=[
            'keypoint/AP',
            'keypoint/AP50',
            'keypoint/AP75',
            'keypoint/AP_M',
            'keypoint/AP_L',
            'keypoint/AR',
            'bbox/AP',
            'bbox/AP_M',
            'bbox/AP_L',
        ],
    ),
)
# PCK and NME: those categories that the picture shows; where these are
# customary, the object is given. PCK is normalised by the longer side of the
# object's box.
pck = dict(
    ask='present',
    metric=dict(
        pck_thr=[0.05, 0.1, 0.2],
        report=['PCK@0.2', 'PCK_all@0.2', 'PCK_all@0.1', 'PCK_all@0.05'],
    ),
)
face = dict(
    ask='present',
    metric=dict(
        nme=['right eye outer corner', 'left eye outer corner'],
        report=[
            'NME/right eye outer corner to left eye outer corner',
            'NME/found',
            'PCK@0.2',
        ],
    ),
)
animal_face = dict(
    ask='present',
    metric=dict(
        nme='box root area',
        report=['NME/box root area', 'NME/found', 'PCK@0.2', 'PCK_all@0.2'],
    ),
)
benchmarks = {
    name: dict(
        kind,
        ann_file=f'annotations/{name}_val.json',
        examples=f'annotations/{name}_train.json',
    )
    for name, kind in {
        'coco': ap,
        'humanart': ap,
        'ap10k': ap,
        'apt36k': ap,
        'macaque': ap,
        '300w': face,
        'onehand10k': pck,
        'animal_kingdom': pck,
        'animalweb': animal_face,
        'vinegar_fly': pck,
        'desert_locust': pck,
        'keypoint5': pck,
        'mp100': pck,
    }.items()
}
# Parts of MP-100.
for name, part in dict(deepfashion2='clothes', carfusion='vehicle').items():
    benchmarks[name] = dict(
        benchmarks['mp100'],
        metric=dict(pck['metric'], select=dict(supercategories=[part])),
    )
# Never trained on: its examples are other pictures of the same file.
benchmarks['animalpose'] = dict(
    pck,
    ann_file='annotations/animalpose_val.json',
    examples='annotations/animalpose_val.json',
)

test_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeKeypoints', scale=(256, 256), keep_ratio=True),
    dict(type='SamplePromptCategories'),  # its mode is the benchmark's
    dict(type='PackPromptInputs'),
]
# To evaluate by example, configs put it in front of PackPromptInputs.
fixed_supports = dict(
    type='FixedSupports',
    modality='visual',
    shots=1,
    size=support_size,
    text_instead=True,  # some species have a single picture
)
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='SourceDatasets',
        benchmarks=benchmarks,
        names='{{$UNIKPT_VAL:ap10k}}',
        pool=support_pool,
        dataset=dict(
            type='PromptCocoDataset',
            data_root=data_root,
            data_prefix=data_prefix,
            test_mode=True,
        ),
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(
    type='PerSourceMetric',
    benchmarks=benchmarks,
    names='{{$UNIKPT_VAL:ap10k}}',
    data_root=data_root,
)
test_names = '{{$UNIKPT_TEST:all}}'
test_dataloader = dict(
    val_dataloader, dataset=dict(val_dataloader['dataset'], names=test_names)
)
test_evaluator = dict(val_evaluator, names=test_names)
# Loop variables are no options.
del name, part, ap, pck, face, animal_face
