# One cross-attention layer; --cfg-options model.maps.layers takes another.
_base_ = './ppm_tiny_synthkpt-split1_1shot.py'

model = dict(maps=dict(layers=['up_blocks.2.attentions.1']))
