# The same words, for a model that has no sentence encoder to ask.
_base_ = './xpose_tiny_synthkpt_synonyms.py'

model = dict(
    prompt_encoder=dict(text=dict(type='mmpose.ClosedVocabularyPromptEncoder'))
)
