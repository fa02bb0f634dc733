"""Settings that a resumed run is compared with."""

from pathlib import Path

from mmbackbones import get_config
from mmbackbones.engine.run_settings import run_settings


def test_settings_of_a_config():
    cfg = get_config('retinanet_van_b')
    assert run_settings(cfg, None, None) == dict(
        data='of the config',
        batch_size=2,
        processes=1,
        accumulate=1,
        lr=1e-4 if not cfg.auto_scale_lr.enable else 1e-4 * 2 / cfg.auto_scale_lr.base_batch_size,
        img_scale='of the config',
        amp=False,
        optimizer='AdamW',
        ema=False,
        compile=False,
    )


def test_settings_of_a_command(monkeypatch):
    monkeypatch.setattr('mmbackbones.engine.run_settings.get_world_size', lambda: 2)
    cfg = get_config('retinanet_van_b')
    cfg.auto_scale_lr = dict(enable=True, base_batch_size=16)
    cfg.optim_wrapper.type, cfg.optim_wrapper.accumulative_counts = 'AmpOptimWrapper', 3
    cfg.train_dataloader.batch_size = 4
    settings = run_settings(cfg, Path('/data/\x1b[31m'), (64, 32))
    assert settings == dict(
        data='/data/\\x1b[31m',
        batch_size=4,
        processes=2,
        accumulate=3,
        lr=5e-5,
        img_scale='64x32',
        amp=True,
        optimizer='AdamW',
        ema=False,
        compile=False,
    )
    assert len(run_settings(cfg, Path('/' + 'a\n' * 200), None)['data']) == 150
