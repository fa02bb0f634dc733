"""The folder of predictions: what ``predict`` writes."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from ...evaluation.coco_file import CocoFile
from ...evaluation.coco_form import coco_annotations
from ...utils.atomic_write import remove_partials
from ..prediction import Prediction
from ..sources import Source
from .frame_times import FrameTimes, times_of_camera, times_of_video
from .label_maps import write_label_map
from .places import Places
from .video import VideoFile


class PredictionFolder:
    """A folder for predictions, to be used in a ``with`` block; no more than one image is in memory at a time.

    It holds ``predictions.json``, which takes its place at the end, whole also if the block ends with an error; drawn
    pictures and videos in ``drawn/``; and in ``labels/`` the label maps of a segmentor. Files of an earlier run that
    have the same names are replaced, and no others are touched.

    Args:
        out: The folder.
        sources: All that is going to be predicted, each once; no arrays, which have no names.
        classes: Names of the classes.
        category_ids: The number of each class in the data.
        draw: Whether to draw.

    Raises:
        UserError: Output would be written among the images, or a file cannot be written; also from the methods.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        sources: Sequence[Source],
        classes: Sequence[str],
        category_ids: Sequence[int],
        draw: bool = True,
    ) -> None:
        self.path = Path(out)
        self._places = Places(self.path, sources)
        self._videos = {source.name: source for source in sources if source.is_video or source.camera is not None}
        self._coco = CocoFile(self.path / 'predictions.json', classes, category_ids)
        self._draw = draw
        self._video: VideoFile | None = None
        self._of: str | None = None  # what the video is drawn from

    def __enter__(self) -> 'PredictionFolder':
        remove_partials(self.path)
        self._open = ExitStack()
        self._open.enter_context(self._coco)
        return self

    def write(self, prediction: Prediction) -> None:
        """Write what was predicted for an image, or for a frame of a video; its frames come one after the other."""
        image = prediction.image
        prediction = replace(prediction, read_image=lambda: image)  # a file is read once
        name, frame = str(prediction.source), prediction.frame
        if name != self._of:
            self._close_video()
        entry = dict(file_name=name, width=image.shape[1], height=image.shape[0])
        self._coco.write(entry if frame is None else {**entry, 'frame': frame}, coco_annotations(prediction))
        if prediction.segmentation is not None:
            write_label_map(prediction.segmentation, prediction.category_ids, self._places.label_map(name, frame))
        if self._draw:
            if frame is None:
                prediction.draw(self._places.picture(name))
            else:
                self._video_of(name).write(prediction.draw(), frame)

    def close(self) -> None:
        """Finish the files."""
        self.__exit__(None, None, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._open:
            self._close_video()

    def _video_of(self, name: str) -> VideoFile:
        if self._video is None:
            video = VideoFile(self._places.video(name), self._times(name))
            self._video, self._of = video.__enter__(), name
        return self._video

    def _times(self, name: str) -> FrameTimes:
        file = self._videos[name].file
        return times_of_camera() if file is None else times_of_video(file)

    def _close_video(self) -> None:
        video, self._video, self._of = self._video, None, None
        if video is not None:
            video.close()
