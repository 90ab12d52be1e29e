# Humans and animals only (paper, tables 6 and 8 to 10, first row of 11).
_base_ = './xpose_tiny_2xb8_unikpt.py'

select = dict(sources=['coco', 'humanart', 'ap10k', 'apt36k'])

train_dataloader = dict(dataset=dict(dataset=dict(select=select)))
