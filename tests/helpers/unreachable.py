"""Pre-trained weights that nobody can fetch, for ``--cfg-options``."""

UNREACHABLE = [
    'model.backbone.init_cfg.type=Pretrained',
    'model.backbone.init_cfg.checkpoint=http://127.0.0.1:9/no.pth',
]
