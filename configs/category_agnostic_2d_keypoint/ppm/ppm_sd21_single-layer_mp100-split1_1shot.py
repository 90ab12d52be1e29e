# One of the layers at 1/32 of the picture, 16 x 16 places; --cfg-options
# model.maps.layers takes another.
_base_ = './ppm_sd21_mp100-split1_1shot.py'

model = dict(maps=dict(layers=['up_blocks.1.attentions.1']))
