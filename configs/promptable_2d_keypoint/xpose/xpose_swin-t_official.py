# The released X-Pose checkpoint with the released behaviour: score above 0.1,
# one NMS at IoU 0.9 over all categories, 50 objects.
_base_ = './xpose_swin-t_official_ours.py'

model = dict(
    test_cfg=dict(
        num_groups=50,
        multi_label=False,
        score_thr=0.1,
        nms_iou_thr=0.9,
        class_agnostic_nms=True,
        oks_nms_thr=None,
        max_per_img=50,
    ),
)
