# 12 epochs, decay at 8 and 11, batch 16; other batch sizes scale the learning rate linearly.
_base_ = 'mmdet::_base_/schedules/schedule_1x.py'

optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-4, weight_decay=0.05))
auto_scale_lr = dict(enable=True)
