"""``mmbackbones model-zoo``, in a clone."""

from mmbackbones.cli import main

if __name__ == '__main__':
    main('model-zoo')
