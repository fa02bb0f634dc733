"""Drawn videos play as fast as what they were drawn from."""

from fractions import Fraction
from itertools import islice

import av
import cv2
import numpy as np
import pytest

from mmbackbones.errors import UserError
from mmbackbones.prediction.videos import video_frames
from mmbackbones.prediction.writers import video
from mmbackbones.prediction.writers.frame_times import FrameTimes, times_of_camera, times_of_video
from mmbackbones.prediction.writers.video import VideoFile
from tests.helpers.videos import write_video

NTSC = Fraction(30_000, 1001)


def copy(source, target, last=None, cut=(slice(None), slice(None))) -> None:
    with VideoFile(target, times_of_video(source)) as file:
        for number, frame in enumerate(islice(video_frames(source), last)):
            file.write(frame[cut], number)


def shown(path) -> tuple[Fraction, list[Fraction]]:
    """The rate of a video, and when each of its frames is shown, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.average_rate, [frame.pts * frame.time_base for frame in container.decode(stream)]


@pytest.mark.parametrize('instead', [False, True], ids=['H.264', 'where there is none'])
@pytest.mark.parametrize(
    ('suffix', 'codec', 'rate'),
    [
        ('mp4', 'libx264', NTSC),
        ('mp4', 'mpeg4', Fraction(12)),
        ('avi', 'mpeg4', Fraction(24_000, 1001)),
        ('avi', 'libx264', Fraction(25)),
        ('mkv', 'libx264', NTSC),
        ('ts', 'libx264', Fraction(50)),
    ],
)
def test_the_frame_rate_is_that_of_the_source(suffix, codec, rate, instead, tmp_path, monkeypatch):
    if instead:
        monkeypatch.setattr(video, '_H264', {})
    source = write_video(tmp_path / f'a.{suffix}', frames=20, rate=rate, codec=codec)
    copy(source, tmp_path / 'deep/b.mp4')
    found, times = shown(tmp_path / 'deep/b.mp4')
    assert found == rate
    assert times == [number / rate for number in range(20)]
    with av.open(str(tmp_path / 'deep/b.mp4')) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ('mpeg4' if instead else 'h264', 'yuv420p')
    reader = cv2.VideoCapture(str(tmp_path / 'deep/b.mp4'))
    assert reader.get(cv2.CAP_PROP_FPS) == pytest.approx(float(rate))
    assert sum(iter(lambda: reader.read()[0], False)) == 20


def test_a_variable_frame_rate_is_kept(tmp_path):
    pauses = [0, 3000, 6000, 6001, 90_000, 180_000, 180_900, 270_000]
    source = write_video(tmp_path / 'a.mp4', frames=8, times=pauses)
    copy(source, tmp_path / 'b.mp4')
    assert shown(tmp_path / 'b.mp4')[1] == [Fraction(time, 90_000) for time in pauses]


def test_odd_sizes_colors_and_frames_that_are_left_out(tmp_path):
    times = times_of_video(write_video(tmp_path / 'a.mp4', frames=9, rate=NTSC))
    frame = np.zeros((47, 63, 3), np.uint8)
    frame[:, :30], frame[:, 30:] = (200, 30, 60), (20, 160, 220)
    with VideoFile(tmp_path / 'b.mp4', times) as file:
        for number in (2, 3, 7, 12):
            file.write(frame, number)
        file.write(np.full((100, 90, 3), 90, np.uint8), 13)  # some videos change their size
    *alike, other = video_frames(tmp_path / 'b.mp4')
    assert np.abs(alike[0][:47, :63].astype(int) - frame)[:, [10, 50]].max() < 12
    assert [frame.shape for frame in (*alike, other)] == [(48, 64, 3)] * 5
    assert abs(int(other.mean()) - 90) < 3
    assert np.diff(shown(tmp_path / 'b.mp4')[1]).tolist() == [1 / NTSC, 4 / NTSC, 5 / NTSC, 1 / NTSC]


def test_times_rise_whatever_a_file_says():
    def rising(*times):
        from mmbackbones.prediction.writers.frame_times import _rising

        return list(islice(_rising(iter(times), Fraction(25), Fraction(1, 100)), len(times) + 2))

    assert rising(7, 11, 15) == [0, 4, 8, 12, 16]
    assert rising(7, 7, 11) == [0, 1, 5, 9, 13]
    assert rising(7, 10**9, 10**9 + 3) == [0, 4, 7, 11, 15]
    assert rising(700, 704, 3, 7) == [0, 4, 8, 12, 16, 20]
    assert rising() == [0, 4]


def test_a_camera_plays_as_fast_as_it_gave_its_pictures(tmp_path, monkeypatch):
    clock = iter([100.0, 100.0, 100.5, 100.75])
    monkeypatch.setattr('mmbackbones.prediction.writers.frame_times.monotonic', lambda: next(clock))
    with VideoFile(tmp_path / 'a.mp4', times_of_camera()) as file:
        for number in range(3):
            file.write(np.zeros((32, 32, 3), np.uint8), number)
    assert shown(tmp_path / 'a.mp4')[1] == [0, Fraction(1, 2), Fraction(3, 4)]


@pytest.mark.parametrize('error', [KeyboardInterrupt, ValueError])
def test_an_interrupted_run_leaves_a_video_of_what_there_is(error, tmp_path):
    source = write_video(tmp_path / 'a.mp4', frames=40)

    def interrupted():
        with VideoFile(tmp_path / 'b.mp4', times_of_video(source)) as file:
            for number, frame in enumerate(video_frames(source)):
                file.write(frame, number)
                if number == 30:
                    raise error

    with pytest.raises(error):
        interrupted()
    assert len(shown(tmp_path / 'b.mp4')[1]) == 31
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.mp4', 'b.mp4']


def test_no_frame_no_video_and_no_place_for_one(tmp_path, monkeypatch):
    times = FrameTimes(Fraction(25), Fraction(1, 25), iter(range(9)))
    with VideoFile(tmp_path / 'b.mp4', times):
        pass
    assert not list(tmp_path.iterdir())
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match=r'cannot write a video to .*file/b\.mp4: '):
        VideoFile(tmp_path / 'file/b.mp4', times).__enter__()
    file = VideoFile(tmp_path / 'c.mp4', times).__enter__()
    monkeypatch.setattr(video, '_LARGEST', 30_000)  # more than H.264 knows
    with pytest.raises(UserError, match='cannot write a video to'):
        file.write(np.zeros((32, 20_000, 3), np.uint8), 0)
    file.close()
    assert not (tmp_path / 'c.mp4').exists()


def test_frames_larger_than_the_encoder_takes_are_made_smaller(tmp_path):
    with VideoFile(tmp_path / 'a.mp4', times_of_camera()) as file:
        for number in range(2):
            file.write(np.full((32, 20_000, 3), 90, np.uint8), number)
    assert [frame.shape for frame in video_frames(tmp_path / 'a.mp4')] == [(26, 16_384, 3)] * 2
