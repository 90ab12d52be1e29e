_base_ = ['./ppm_sd15.py', '../../_base_/datasets/cape_mp100.py']

checkpoint_free = True
test_dataloader = dict(dataset=dict(input_size=512, support_size=512))
