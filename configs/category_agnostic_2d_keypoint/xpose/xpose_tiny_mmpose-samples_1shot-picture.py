# End to end: the whole picture is searched.
_base_ = './xpose_tiny_mmpose-samples_1shot-crop.py'

test_dataloader = dict(
    dataset=dict(
        frame='picture',
        pipeline=[
            dict(type='ResizeKeypoints', scale=(192, 192), keep_ratio=True),
            dict(type='PackPromptInputs'),
        ],
    )
)
