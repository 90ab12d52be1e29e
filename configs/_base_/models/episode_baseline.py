# A method that nothing is trained of: tools/test.py CONFIG, also in several
# processes, tools/dist_test.sh CONFIG PROCESSES.
checkpoint_free = True
model_wrapper_cfg = dict(type='mmpose.Unwrapped')

model = dict(data_preprocessor=dict(type='mmdet.DetDataPreprocessor'))
