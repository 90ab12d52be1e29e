# The fast mode: prompts are fitted to the queries of one neutral pass.
_base_ = './ppm_tiny_realmini_1shot.py'

model = dict(maps=dict(type='CachedPromptMaps'))
