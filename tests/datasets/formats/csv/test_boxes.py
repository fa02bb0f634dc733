"""CSV files with boxes: columns, splits, units and defects."""

import json
import os

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.formats import find_format
from mmbackbones.datasets.formats.csv.columns import find_columns
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import SIZE, write_image, write_text

HEADER = 'filename,class,xmin,ymin,xmax,ymax'
ROWS = ['a.jpg,cat,4,6,24,16', 'a.jpg,dog,0,0,64,48', 'b.jpg,dog,30,20,42,38', 'c.jpg,,,,,']


@pytest.fixture
def root(tmp_path):
    for name in ('a', 'b', 'c'):
        write_image(tmp_path / f'user/images/{name}.jpg')
    return tmp_path / 'user'


def write(root, rows, header: str = HEADER, name: str = 'labels.csv') -> None:
    write_text(root / name, '\n'.join([header, *rows]) + '\n')


def boxes(data) -> set[tuple]:
    found = set()
    for split in data.splits.values():
        content = json.loads(split.ann_file.read_text())
        names = {item['id']: item['name'] for item in content['categories']}
        files = {item['id']: os.path.basename(item['file_name'])[0] for item in content['images']}
        found |= {
            (files[item['image_id']], names[item['category_id']], *item['bbox'], item['iscrowd'])
            for item in content['annotations']
        }
    return found


TRUTH = {('a', 'cat', 4, 6, 20, 10, 0), ('a', 'dog', 0, 0, 64, 48, 0), ('b', 'dog', 30, 20, 12, 18, 0)}


def test_a_file(root, out_dir):
    write(root, ROWS)
    data = load_detection(root, out_dir)
    assert (data.format, data.classes, boxes(data)) == ('CSV', ('cat', 'dog'), TRUTH)
    assert data.splits['train'].backgrounds + data.splits['val'].backgrounds == 1


@pytest.mark.parametrize(
    ('header', 'form', 'box', 'label'),
    [
        ('Filename,X Min,Y-Min,x_max,YMAX,Label', 'corners', (1, 2, 3, 4), 5),
        ('image,x0,y0,x1,y1,id', 'corners', (1, 2, 3, 4), None),
        ('image,x1,y1,x2,y2,class_id,class_name', 'corners', (1, 2, 3, 4), 6),
        ('Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId;Path', 'corners', (2, 3, 4, 5), 6),
        ('frame,xmin,xmax,ymin,ymax,class_id', 'corners', (1, 3, 2, 4), 5),
        ('img_path,left,top,right,bottom', 'corners', (1, 2, 3, 4), None),
        ('ImageId,left,top,width,height', 'sides', (1, 2, 3, 4), None),
        ('file_name,x,y,width,height,image_width,image_height,category', 'sides', (1, 2, 3, 4), 7),
        ('image_id,width,height,bbox,source', 'sides', (3,), None),
        ('image,cx,cy,w,h,class', 'center', (1, 2, 3, 4), 5),
        ('/data/a.JPG,1,2,3,4,cat', 'corners', (1, 2, 3, 4), 5),
        ('a.png,,,,,', 'corners', (1, 2, 3, 4), 5),
        (',gs://b/a.jpg,cat,0.1,0.2,,,0.3,0.4,,', 'corners', (3, 4, 7, 8), 2),
    ],
)
def test_columns(header, form, box, label):
    columns = find_columns(header.split(';' if ';' in header else ','))
    assert (columns.form, columns.box, columns.label) == (form, box, label)
    assert columns.header == (header[0] not in '/,' and 'a.png' not in header)


@pytest.mark.parametrize(
    'first',
    ['image_id,PredictionString', 'cat,0', 'filename,label', 'a,b,c,d,e,f', 'x,y,w,h', 'a.jpg,1,2,3', '', 'name,r,g,b'],
)
def test_other_files(first):
    assert find_columns(first.split(',')) is None


def test_no_classes(root, out_dir):
    write(root, ['a,"[4.0, 6.0, 20.0, 10.0]"', 'b,30 20 12 18', 'c,[]'], 'image_id,bbox')
    data = load_detection(root, out_dir)
    assert boxes(data) == {('a', 'object', 4, 6, 20, 10, 0), ('b', 'object', 30, 20, 12, 18, 0)}
    assert "labels.csv has no column of classes: all boxes are of one class, 'object'" in data.notes


@pytest.mark.parametrize('table', ['0,cat\n1,dog\n', 'name,id\ncat,0\ndog,1\n'])
def test_numbers_of_classes(table, root, out_dir):
    write(root, [row.replace('cat', '0').replace('dog', '1') for row in ROWS])
    assert load_detection(root, out_dir).classes == ('0', '1')
    write_text(root / 'classes.csv', table)
    assert boxes(load_detection(root, out_dir)) == TRUTH


def test_groups_are_crowds(root, out_dir):
    write(root, ['a,cat,4,6,24,16,1', 'b,cat,30,20,42,38,0'], 'ImageID,LabelName,XMin,YMin,XMax,YMax,IsGroupOf')
    write(root, ['c,cat,1,1,5,5,0'], 'ImageID,LabelName,XMin,YMin,XMax,YMax,IsGroupOf', 'val.csv')
    (root / 'labels.csv').rename(root / 'train.csv')
    assert ('a', 'cat', 4, 6, 20, 10, 1) in boxes(load_detection(root, out_dir))


def test_several_files(root, out_dir):
    write(root, ROWS)
    write(root, ROWS, name='more.csv')
    with pytest.raises(UserError, match=r'several CSV files with boxes \(labels.csv, more.csv\): name them after'):
        load_detection(root, out_dir)
    (root / 'more.csv').rename(root / 'train.csv')
    data = load_detection(root, out_dir)
    assert f'{root}: not used: labels.csv' in data.notes
    assert boxes(data) == TRUTH


def test_a_column_of_splits(root, out_dir):
    header = f'{HEADER},split'
    write(root, [f'{ROWS[0]},training', f'{ROWS[2]},valid', f'{ROWS[3]},holdout'], header)
    data = load_detection(root, out_dir)
    assert [split.images for split in data.splits.values()] == [1, 1]
    assert 'labels.csv: rows of other splits, which are not used: holdout' in data.notes
    write(root, [f'{ROWS[0]},train', f'{ROWS[1]},val'], header)
    with pytest.raises(UserError, match=r"labels.csv, line 3: the image 'a.jpg' is in the split 'val', but before in"):
        load_detection(root, out_dir)
    write(root, [f'{ROWS[0]},blue', f'{ROWS[2]},red'], header)
    assert list(find_format(root).splits) == ['train']


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        (['a.jpg,cat,4,6,24,x'], "line 2 needs four numbers for its box, but has '4, 6, 24, x'"),
        (['a.jpg,cat,4,6,24,'], 'line 2 needs four numbers for its box'),
        (['a.jpg,cat,4,6'], 'line 2 needs four numbers for its box'),
        (['a.jpg,cat,4,6,nan,8'], "line 2 has '4, 6, nan, 8', which does not make a box"),
        (['a.jpg,cat,4,6,inf,8'], 'line 2 has .* which does not make a box'),
        (['a.jpg,cat,4,6,2,8'], "line 2 has '4, 6, 2, 8', which does not make a box"),
        (['a.jpg,,4,6,24,16'], 'line 2 has a box, but no class'),
        ([',cat,4,6,24,16'], 'line 2 names no image'),
        (
            ['a.jpg,cat,0.1,0.1,0.5,0.5', *ROWS[1:]],
            r'line 2, has a box in fractions of the image, but .*line 3 one in pix',
        ),
        (['x.jpg,cat,4,6,24,16', *ROWS], r"the image 'x.jpg' is not in .*; 1 of its 4 images is missing"),
        (['../../a.png,cat,4,6,24,16', *ROWS], r"the image '../../a.png' is not in .*; 1 of its 4 images is missing"),
        (['/etc/passwd,cat,4,6,24,16', *ROWS], r"the image '/etc/passwd' is not in .*; 1 of its 4 images is missing"),
        (['other/b.jpg,cat,4,6,24,16', *ROWS], r"the image 'other/b.jpg' is not in .*; 1 of its 4 images is missing"),
        (['a\0.jpg,cat,4,6,24,16', *ROWS], 'labels.csv'),
        (['"' + 'a' * 200_000 + '",cat,4,6,24,16', *ROWS], 'is not a row of a CSV file: field larger than'),
    ],
)
def test_defects(rows, message, root, out_dir):
    write(root, rows)
    with pytest.raises(UserError, match=message) as caught:
        load_detection(root, out_dir)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ('size', 'message'),
    [
        ('96,48', 'line 2: the image images/a.jpg is said to be 96x48 pixels, but its file is 64x48'),
        ('x,48', "has a size of the image, 'x', which is not"),
    ],
)
def test_sizes(size, message, root, out_dir):
    write(root, [f'{size},{row}' for row in ROWS], f'width,height,{HEADER}')
    with pytest.raises(UserError, match=message):
        load_detection(root, out_dir)
    write(root, [f'{SIZE[0]},{SIZE[1]},{ROWS[0]}', *(f'0,,{row}' for row in ROWS[1:])], f'width,height,{HEADER}')
    assert boxes(load_detection(root, out_dir)) == TRUTH


def test_two_corners_in_one_cell(root, out_dir):
    write(root, ['a,"[4, 6, 24, 16]"', 'b,"[40, 20, 60, 48]"'], 'image_id,bbox')
    with pytest.raises(
        UserError, match=r'line 3: as x, y, width and height, the box .* reaches beyond its image: if the'
    ):
        load_detection(root, out_dir)


def test_an_image_in_another_folder_of_the_same_name(root, out_dir):
    """What names begin with is one folder: no name falls back to another image."""
    for name in ('a', 'b'):
        write_image(root / f'images/day/{name}.jpg')
    write(root, ['photos/day/a.jpg,cat,4,6,24,16', 'photos/day/b.jpg,dog,4,6,24,16', 'photos/c.jpg,dog,4,6,24,16'])
    assert {row[0] for row in boxes(load_detection(root, out_dir))} == {'a', 'b', 'c'}
    write(root, ['photos/day/a.jpg,cat,4,6,24,16', 'photos/day/c.jpg,dog,4,6,24,16'])
    with pytest.raises(UserError, match=r"the image 'photos/day/c.jpg' is not in"):
        load_detection(root, out_dir)


def test_what_is_missing_is_said(root, out_dir):
    write_text(root / 'labels.csv', 'filename,label\na.jpg,cat\n')
    with pytest.raises(UserError, match=r'labels.csv, whose columns \(filename, label\) name images, but no boxes: a'):
        load_detection(root, out_dir)
    write_text(root / 'labels.csv', 'shot,sort,x1,y1,x2,y2\na.jpg,cat,1,2,3,4\n')
    with pytest.raises(
        UserError, match=r'none of whose columns \(shot, .*\) is known to name the images: call it filen'
    ):
        load_detection(root, out_dir)
    write_text(root / 'labels.csv', 'filename,region_shape_attributes,region_attributes\na.jpg,{},{}\n')
    with pytest.raises(UserError, match=r'labels.csv of VGG Image Annotator: export the annotations as JSON'):
        load_detection(root, out_dir)


@pytest.mark.parametrize('content', [b'\xff\xfe\x00', b'filename,x1,y1,x2,y2\n\xff\xfe.jpg,1,2,3,4\n'])
def test_no_text(content, root, out_dir):
    (root / 'labels.csv').write_bytes(content)
    with pytest.raises(UserError, match='is not a readable text file|is in none of the known formats'):
        load_detection(root, out_dir)


def test_pipes(root, out_dir):
    os.mkfifo(root / 'labels.csv')
    with pytest.raises(UserError, match='is in none of the known formats'):
        load_detection(root, out_dir)


def test_images_of_the_same_names_in_each_split(root, out_dir):
    """Each file means those in the folder of its split, although those of another would do."""
    for split in ('train', 'valid'):
        for name in ('a', 'b'):
            write_image(root / split / 'images' / f'{name}.jpg')
        write(root, ROWS[:3], name=f'{split}_labels.csv')
    data = load_detection(root, out_dir)
    content = {split: json.loads(part.ann_file.read_text()) for split, part in data.splits.items()}
    assert {image['file_name'] for image in content['val']['images']} == {'valid/images/a.jpg', 'valid/images/b.jpg'}
    for name in ('images/b.jpg', 'valid/images/b.jpg'):
        (root / name).unlink()
    with pytest.raises(UserError, match=r"valid_labels.csv: the image 'b.jpg' is not in"):
        load_detection(root, out_dir)


def test_images_without_a_row_are_told(root, out_dir):
    write(root, ROWS[:3])
    write_image(root / 'elsewhere/d.jpg')
    said = f'{root}: images without a row, which are not used, such as images/c.jpg: 1'
    assert said in load_detection(root, out_dir).notes


@pytest.mark.parametrize('text', ['x' * 200_000, '\0' * (3 << 20), '"' + 'x\n' * (2 << 20)])
def test_an_endless_cell(text, root, out_dir):
    write(root, [*ROWS, text])
    with pytest.raises(UserError, match=r'labels\.csv, line \d+, is not a row of a CSV file: '):
        load_detection(root, out_dir)


def test_a_row_that_is_no_text(root, out_dir):
    (root / 'labels.csv').write_bytes(f'{HEADER}\na.jpg,'.encode() + b'\xff,4,6,24,16\n')
    with pytest.raises(UserError, match=r'labels\.csv is not a readable text file'):
        load_detection(root, out_dir)
