"""The names under which MMEngine looks for packages."""

from importlib.metadata import PackageNotFoundError

from mmengine.config.utils import MODULE2PACKAGE

from mmbackbones.utils import mmengine_packages


def test_the_module_is_asked_for_where_only_the_module_is_there(monkeypatch):
    installed = {'mmdet'}

    def version(name):
        if name not in installed:
            raise PackageNotFoundError(name)

    monkeypatch.setattr(mmengine_packages, 'version', version)
    monkeypatch.setattr(mmengine_packages, 'find_spec', lambda name: None if name == 'mmaction' else object())
    for module, distribution in dict(mmdet='mmdet', mmseg='mmsegmentation', mmaction='mmaction2').items():
        monkeypatch.setitem(MODULE2PACKAGE, module, distribution)
    mmengine_packages.accept_any_distribution()
    assert MODULE2PACKAGE['mmdet'] == 'mmdet'
    assert MODULE2PACKAGE['mmseg'] == 'mmseg'
    assert MODULE2PACKAGE['mmaction'] == 'mmaction2'  # so that the error says what to install
