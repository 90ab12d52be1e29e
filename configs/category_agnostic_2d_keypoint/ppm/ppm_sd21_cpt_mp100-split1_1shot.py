_base_ = './ppm_sd15_cpt_mp100-split1_1shot.py'

model = dict(diffusion=dict(path='stabilityai/stable-diffusion-2-1-base'))
