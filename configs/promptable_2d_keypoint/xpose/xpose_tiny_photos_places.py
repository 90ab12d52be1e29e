# Places apart: cattle of one farm and horses of one stable are in none of the
# photos that are trained on, and in all that are tested.
_base_ = './xpose_tiny_photos.py'

photos, drawings = _base_.train_dataloader.dataset.dataset.datasets
photos = dict(photos, ann_file='annotations/train_places.json')
train_dataloader = dict(
    dataset=dict(dataset=dict(datasets=[photos, drawings]))
)
val_ann_file = 'annotations/val_places.json'
val_dataloader = dict(dataset=dict(ann_file=val_ann_file))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=_base_.data_root + val_ann_file)
test_evaluator = val_evaluator
