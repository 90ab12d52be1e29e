# The test categories' names, for a model that has no sentence encoder to ask.
_base_ = './xpose_tiny_synthkpt-split1_text-novel.py'

model = dict(
    prompt_encoder=dict(text=dict(type='mmpose.ClosedVocabularyPromptEncoder'))
)
