"""``mmbackbones report``, in a clone."""

from mmbackbones.cli import main

if __name__ == '__main__':
    main('report')
