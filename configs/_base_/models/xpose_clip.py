# X-Pose at the paper's sizes, prompted by text and by pictures through the
# two towers of one frozen CLIP. CLIP_WEIGHTS in the environment names a file
# of its weights; by default open_clip downloads OpenAI's. The backbone is
# Swin-T unless a config replaces it.
_base_ = './xpose_swin-t.py'

clip = dict(
    model_name='ViT-B-32-quickgelu',
    pretrained='{{$CLIP_WEIGHTS:openai}}',
    allow_download=True,
)

model = dict(
    prompt_encoder=dict(
        _delete_=True,
        type='mmpose.MultiModalPromptEncoder',
        text=dict(
            type='mmpose.TextPromptEncoder',
            embed_dims=512,
            tower=dict(type='mmpose.OpenCLIPTextTower', **clip),
        ),
        visual=dict(
            type='mmpose.VisualPromptEncoder',
            tower=dict(type='mmpose.OpenCLIPImageTower', **clip),
        ),
        fusion=dict(type='mmpose.PromptFusion', mode='mean'),
    ),
    bbox_head=dict(
        keypoint_score=dict(score_weight=1.0, visibility_weight=1.0),
        keypoint_alignment=dict(weight=1.0),
    ),
    test_cfg=dict(rescore=True),
)
