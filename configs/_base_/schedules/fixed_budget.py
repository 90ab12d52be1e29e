# One budget for models that are compared: so many iterations of 16 pictures,
# or of 16 objects for top-down models. Configs take it by name, because
# mmpose's own configs define train_cfg and so on already.
#   COMPARE_ITERATIONS=3000 python tools/train.py CONFIG --no-validate
budget_iterations = int('{{$COMPARE_ITERATIONS:1000}}')
budget_loader = dict(batch_size=16, num_workers=1, persistent_workers=True)
budget_train_cfg = dict(
    type='IterBasedTrainLoop',
    max_iters=budget_iterations,
    val_interval=budget_iterations,
)
budget_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        by_epoch=False,
        end=max(budget_iterations // 20, 1),
    ),
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        T_max=budget_iterations,
        eta_min_ratio=0.01,
    ),
]
budget_checkpoint = dict(
    by_epoch=False,
    interval=budget_iterations,
    max_keep_ckpts=1,
    save_best=None,
)
budget_log_processor = dict(window_size=50, by_epoch=False)
