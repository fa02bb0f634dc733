"""The page: an image and what the model finds in it, with a threshold, a choice of classes, and attention."""

from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import gradio as gr
import numpy as np

from ...errors import RunFailed, UserError
from ...export.formats import is_exported
from ...visualization.picture_file import write_picture
from ..load import Model
from .events import LOWEST_SCORE, USUAL_SCORE, point, score, sent_file
from .events import labels as chosen_labels
from .shown import LastShown, Shown
from .tables import found_table, note, problem, shown_name, title
from .uploads import read_upload, shrink

_MOST_PAGES = 16  # whose images are kept
_NO_ATTENTION = 'What the backbone attends to is shown for checkpoints only, not for exported files.'
_ATTENTION = 'Click a point of the picture to see what the backbone attends to there.'
_GONE = 'This image is no longer kept: send it again.'


class Page:
    """A page for one model.

    Args:
        model: The model.
        folder: Folder of the files that are sent and served, without links in its path.

    Attributes:
        blocks: The page as Gradio's blocks.
        last: The images that are shown.
    """

    def __init__(self, model: Model, folder: Path) -> None:
        self._model = model
        self._folder = folder
        self._hint = _NO_ATTENTION if is_exported(model.checkpoint) else _ATTENTION
        self.last = LastShown(_MOST_PAGES)
        self._writing, self._closed = Lock(), False
        self.blocks = self._build()

    def is_event(self, event: Any) -> bool:
        """Whether what a browser sent is an event of this page, as far as Gradio would stumble over another."""
        if not isinstance(event, dict) or not isinstance(event.get('data'), list):
            return False
        index = event.get('fn_index')
        function = self.blocks.fns.get(index) if type(index) is int else None
        if function is None or function.name == 'leave' or len(event['data']) != len(function.inputs):
            return False
        if function.name == 'attend' and not isinstance(event.get('event_data'), dict):
            return False
        return all(_fits(value, component) for value, component in zip(event['data'], function.inputs, strict=True))

    def close(self) -> None:
        """Write no more pictures: what is still computed at the end would bring the folder back."""
        with self._writing:
            self._closed = True

    def _build(self) -> gr.Blocks:
        model, segments = self._model, self._model.task == 'semantic segmentation'
        file = shown_name('/'.join(Path(model.checkpoint).parts[-2:]))
        names = [shown_name(name) or f'class {label}' for label, name in enumerate(model.classes)]
        choices = list(zip(names, range(len(names)), strict=True))
        with gr.Blocks(title=file, analytics_enabled=False, fill_width=True) as blocks:
            _html(title(file, model.task, names, _network_name(model), str(model.device)))
            with gr.Row():
                with gr.Column(scale=2, min_width=300):
                    image = gr.Image(
                        label='Image', type='filepath', sources=['upload', 'clipboard'], buttons=[], height=260,
                        placeholder='Drop an image here, or click to choose one', elem_id='image',
                    )  # fmt: skip
                    score_thr = gr.Slider(
                        LOWEST_SCORE, 1, USUAL_SCORE, step=0.01, visible=not segments, elem_id='score_thr',
                        label='Score from which an object counts',
                    )  # fmt: skip
                    labels = gr.Dropdown(
                        choices, value=[], multiselect=True, label='Classes (none chosen: all)', elem_id='labels'
                    )
                    table = _html('', elem_id='table')
                with gr.Column(scale=3, min_width=320):
                    picture = gr.Image(
                        label='What the model finds', type='filepath', buttons=['download', 'fullscreen'],
                        interactive=False, height=560, elem_id='picture',
                    )  # fmt: skip
                    about = _html(note(self._hint), elem_id='about')
            attention = gr.Image(
                show_label=False, type='filepath', buttons=['download', 'fullscreen'], interactive=False,
                visible=False, elem_id='attention',
            )  # fmt: skip
            options: dict[str, Any] = dict(preprocess=False, api_visibility='private', trigger_mode='always_last')
            network: dict[str, Any] = dict(concurrency_id='network', concurrency_limit=1)
            results = [picture, table, about, attention]
            image.input(self.show, [image, score_thr, labels], results, show_progress_on=picture, **options, **network)
            gr.on(
                [score_thr.change, labels.change], self.choose, [score_thr, labels], [picture, table],
                show_progress='hidden', **options,
            )  # fmt: skip
            if self._hint == _ATTENTION:
                picture.select(self.attend, None, [about, attention], show_progress_on=about, **options, **network)
            blocks.unload(self.leave)
        blocks.queue(max_size=32, default_concurrency_limit=1)
        return blocks

    def show(self, sent: Any, score_thr: Any, labels: Any, request: gr.Request) -> tuple[Any, ...]:
        """Predict an image that was sent: picture, table, and the empty place of attention."""
        nothing = note(self._hint), gr.update(value=None, visible=False)
        if sent is None:
            self.last.drop(_page(request))
            return None, '', *nothing
        file, name = sent_file(sent, self._folder)
        try:
            shown = self._predict(file, name)
        except UserError as error:
            self.last.drop(_page(request))
            return None, problem(f'{shown_name(name)}: {error}'), *nothing
        self.last.put(_page(request), shown)
        return *self._draw(shown, score_thr, labels), *nothing

    def choose(self, score_thr: Any, labels: Any, request: gr.Request) -> tuple[Any, ...]:
        """Draw the objects of another threshold and other classes; nothing is predicted anew."""
        shown = self.last.get(_page(request))
        return (gr.skip(), gr.skip()) if shown is None else self._draw(shown, score_thr, labels)

    def attend(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Show what the backbone attends to at the point of the picture that was clicked."""
        from ..attention import attend

        shown = self.last.get(_page(request))
        if shown is None:
            return problem(_GONE), gr.update(value=None, visible=False)
        height, width = (side * shown.scale for side in shown.image.shape[:2])
        x, y = (place // shown.scale for place in point(getattr(event, 'index', None), width, height))
        try:
            panel = attend(self._model, shown.image, (x, y)).panel()
        except (UserError, RunFailed) as error:
            return problem(str(error)), gr.update(value=None, visible=False)
        where = f'Below: what the backbone attends to from column {x}, row {y} of the image.'
        return note(where), gr.update(value=self._write(shown, panel, 'attention.png'), visible=True)

    def leave(self, request: gr.Request) -> None:
        """Forget the image of a page that was closed."""
        self.last.drop(_page(request))

    def _predict(self, file: Path | None, name: str) -> Shown:
        """What the model finds in a file, which belongs to the result from now on."""
        if file is None:
            raise UserError(_GONE)
        try:
            original = read_upload(file)
            image = shrink(original)
            predictions = self._model.predict(image, score_thr=LOWEST_SCORE)
            prediction = next(predictions, None)
            if prediction is None:
                raise UserError(predictions.failures[0][1])
        except RunFailed as error:
            file.unlink(missing_ok=True)
            raise UserError('the GPU has not enough memory for this image: serve the page with --device cpu') from error
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        size = ''
        if image is not original:
            (height, width), (lower, narrower) = original.shape[:2], image.shape[:2]
            size = f'The image of {width} x {height} pixels was made smaller, to {narrower} x {lower}.'
        return Shown(prediction, file, name, size)

    def _draw(self, shown: Shown, score_thr: Any, labels: Any) -> tuple[str, str]:
        """The picture, as a file, and the table."""
        score_thr, labels = score(score_thr), chosen_labels(labels, self._model.classes)
        found = shown.chosen(score_thr, labels)
        return self._write(shown, shown.draw(found), 'drawn.jpg'), found_table(
            found, shown.total, score_thr, bool(labels), shown.size
        )

    def _write(self, shown: Shown, picture: np.ndarray[Any, Any], what: str) -> str:
        """Write a picture, under a name that says what it is when it is downloaded."""
        path = self._folder / uuid4().hex / f'{shown.stem}_{what}'
        with self._writing:
            if self._closed:
                raise RuntimeError('the page is closed')  # nobody waits for the picture
            write_picture(picture, path)
        shown.replace(what, path)
        return str(path)


def _html(content: str, **options: Any) -> gr.Markdown:
    """A place for HTML of ours.

    Markdown is cleaned in the browser and runs no code there, whereas Gradio's place for HTML takes what is between
    braces for code. Ours has no empty lines, so that nothing in it is taken for Markdown.
    """
    return gr.Markdown(content, latex_delimiters=[], **options)


def _fits(value: Any, component: Any) -> bool:
    """Whether Gradio can read a value of a component."""
    model = getattr(component, 'data_model', None)
    if model is None or value is None:
        return True
    try:
        model.model_validate(value, context={'validate_meta': True})  # as Gradio does
    except ValueError:
        return False
    return True


def _page(request: gr.Request) -> str:
    return str(request.session_hash)


def _network_name(model: Model) -> str:
    backbone = getattr(model.network, 'backbone', None)
    name = type(model.network).__name__
    return name if backbone is None else f'{name} with {type(backbone).__name__}'
