"""Where images and label maps are, and which folders are none of this kind."""

import pytest

from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.datasets.formats.label_maps.places import Place, find_places
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_text

BOTH = {'train': Place('images/train', 'masks/train'), 'val': Place('images/val', 'masks/val')}
PLACES = {
    ('images/a.jpg', 'masks/a.png'): {'all': Place('images', 'masks')},
    ('Imgs/a.jpg', 'Ground Truth/a.png'): {'all': Place('Imgs', 'Ground Truth')},
    ('original_images/a.jpg', 'label_images_semantic/a.png'): {
        'all': Place('original_images', 'label_images_semantic')
    },
    ('drone/a.jpg', 'labels/a.png'): {'all': Place('drone', 'labels')},
    ('images/a.jpg', 'masks/masks/a.png'): {'all': Place('images', 'masks/masks')},
    ('images/a.jpg', 'annotations/trimaps/a.png', 'annotations/xmls/a.xml'): {
        'all': Place('images', 'annotations/trimaps')
    },
    ('images/train/a.jpg', 'masks/train/a.png'): {'train': Place('images/train', 'masks/train')},
    ('a.jpg', 'masks/a.png'): {'all': Place('', 'masks')},
    ('a.jpg', 'a_mask.png'): {'all': Place('', '')},
    ('patient 1/a.tif', 'patient 1/a_mask.tif'): {'all': Place('', '')},
    ('images/train/a.jpg', 'images/val/b.jpg', 'masks/train/a.png', 'masks/val/b.png'): BOTH,
    ('images/train/a.jpg', 'images/val/b.jpg', 'masks/train/a.png'): BOTH,
    ('images/train/a.jpg', 'images/val/b.jpg', 'masks/Training/a.png', 'masks/validation/b.png'): {
        'train': Place('images/train', 'masks/Training'),
        'val': Place('images/val', 'masks/validation'),
    },
    ('images/train/a.jpg', 'images/val/b.jpg', 'masks/a.png', 'masks/b.png'): {
        'train': Place('images/train', 'masks'),
        'val': Place('images/val', 'masks'),
    },
    ('train/img/a.jpg', 'train/mask/a.png', 'valid/b.jpg', 'valid/b_mask.png'): {
        'train': Place('train/img', 'train/mask'),
        'val': Place('valid', 'valid'),
    },
    ('train/a.jpg', 'train/masks/a.png'): {'train': Place('train', 'train/masks')},
    ('train/a.jpg', 'trainannot/a.png', 'val/b.jpg'): {
        'train': Place('train', 'trainannot'),
        'val': Place('val', 'val_masks'),
    },
    ('images_train/a.jpg', 'masks-train/a.png'): {'train': Place('images_train', 'masks-train')},
}


@pytest.mark.parametrize(('names', 'places'), PLACES.items(), ids=map(' '.join, PLACES))
def test_places(names, places, tmp_path):
    for name in names:
        write_text(tmp_path / name, '')
    assert find_places(Folder(tmp_path)) == places


OTHERS = [
    ('images/a.jpg', 'labels/a.txt'),
    ('images/train/a.jpg', 'labels/train/a.txt', 'labels/overview.png'),
    ('images/a.jpg', 'annotations/instances_train.json', 'annotations/instances_val.json', 'annotations/a.png'),
    ('images/a.jpg', 'annotations/a.xml'),
    ('train/images/a.jpg', 'train/labels/a.txt', 'valid/images/b.jpg', 'valid/labels/b.txt'),
    ('train/a.jpg', 'train/_annotations.coco.json', 'valid/b.jpg'),
    ('train2017/a.jpg', 'val2017/b.jpg', 'annotations/panoptic_train2017/a.png'),
    ('train/cats/a.png', 'train/dogs/a.png'),
    ('a.png', 'b.png', 'b_1.png'),
    ('a.png', 'a_mask.png', 'b.png', 'c.png', 'd.png'),
    ('images/a.jpg',),
    ('masks/a.png',),
    ('photos/a.jpg', 'masks/notes.txt'),
    ('one/a.jpg', 'two/a.jpg', 'masks/a.png'),
]


@pytest.mark.parametrize('names', OTHERS, ids=map(' '.join, OTHERS))
def test_folders_of_other_kinds(names, tmp_path):
    for name in names:
        write_text(tmp_path / name, '')
    assert find_places(Folder(tmp_path)) == {}


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        (('images/a.jpg', 'masks/a.png', 'gt/a.png'), 'user has several folders of label maps: gt, masks; keep one'),
        (
            ('train/images/a.tif', 'train/1st_manual/a.gif', 'train/mask/a.gif'),
            'train has several folders of label maps: train/1st_manual, train/mask; keep one',
        ),
        (('images/a.jpg', 'rgb/a.jpg', 'masks/a.png'), 'user has several folders of images: images, rgb; keep one'),
        (
            ('images/val/a.jpg', 'images/valid/a.jpg', 'masks/val/a.png'),
            "images has several that could be the split 'val': val, valid; keep one",
        ),
    ],
)
def test_several_candidates(names, message, tmp_path):
    for name in names:
        write_text(tmp_path / 'user' / name, '')
    with pytest.raises(UserError, match=message):
        find_places(Folder(tmp_path / 'user'))
