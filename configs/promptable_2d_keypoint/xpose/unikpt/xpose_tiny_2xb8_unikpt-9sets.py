# The four sets and five more of animals (paper, second row of table 11).
_base_ = './xpose_tiny_2xb8_unikpt.py'

select = dict(
    sources=[
        'coco',
        'humanart',
        'ap10k',
        'apt36k',
        'macaque',
        'animal_kingdom',
        'animalweb',
        'vinegar_fly',
        'desert_locust',
    ]
)

train_dataloader = dict(dataset=dict(dataset=dict(select=select)))
