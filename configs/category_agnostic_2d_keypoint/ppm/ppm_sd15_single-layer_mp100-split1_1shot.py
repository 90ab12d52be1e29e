# One of the layers at 1/16 of the picture; --cfg-options model.maps.layers
# takes another.
_base_ = './ppm_sd15_mp100-split1_1shot.py'

model = dict(maps=dict(layers=['up_blocks.1.attentions.1']))
