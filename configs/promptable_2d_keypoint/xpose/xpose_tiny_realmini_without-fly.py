# Adapted to real mice and persons, and then tried on flies.
_base_ = './xpose_tiny_realmini_without-mouse.py'

category_names = ['mouse', 'person']
train_pipeline = [
    *_base_.train_pipeline[:-2],
    dict(
        _base_.train_pipeline[-2],
        pool=dict(
            _base_.train_pipeline[-2].pool,
            dataset=dict(
                _base_.train_pipeline[-2].pool.dataset,
                category_names=category_names,
            ),
        ),
    ),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(
    dataset=dict(
        dataset=dict(category_names=category_names, pipeline=train_pipeline)
    )
)
