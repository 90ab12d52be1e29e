# PPM with Stable Diffusion 2.1 (base, 512 pixels).
_base_ = './ppm_sd15.py'

model = dict(diffusion=dict(path='stabilityai/stable-diffusion-2-1-base'))
