# The image features that the decoder of the small X-Pose reads. Takes the
# checkpoint of the detector:
#   python tools/test.py CONFIG checkpoints/xpose_tiny_synthkpt.pth
_base_ = './xpose_tiny.py'

model_wrapper_cfg = dict(type='mmpose.Unwrapped')
model = dict(_delete_=True, type='MemoryMatching', detector=_base_.model)
