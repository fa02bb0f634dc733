"""What an exported file says of itself, in words."""

from dataclasses import dataclass

from ..errors import printable
from ..export.formats import format_of
from ..export.metadata import FEATURES, Metadata
from ..utils.text import counted
from .trained_model import describe_normalization

_MAX_LISTED = 10  # classes


@dataclass(frozen=True)
class ExportedInfo:
    """What :func:`~mmbackbones.apis.identify` finds in an exported file; as text, what it is on one line.

    Attributes:
        file: The file.
        metadata: What it says of itself; anybody may have written it.
    """

    file: str
    metadata: Metadata

    @property
    def lines(self) -> list[str]:
        """All that is known, and how to use it; what ``identify`` prints."""
        about = self.metadata
        lines = [f'{self.file}: {self}']
        if about.classes:
            shown = ', '.join(name[:200] for name in about.classes[:_MAX_LISTED])
            more = len(about.classes) - _MAX_LISTED
            lines.append(f'classes ({len(about.classes)}): {shown}' + (f' and {more} more' if more > 0 else ''))
        images = []
        if about.img_scale:
            resized = 'resized to fit into' if about.keep_ratio else 'resized to'
            images.append('{} {}x{} pixels'.format(resized, *about.img_scale))
        if about.static_size:
            images.append('padded to {}x{} pixels, one at a time'.format(*about.static_size))
        if about.mean:
            images.append(describe_normalization(about.mean, about.std, about.channel_order))
        lines += [f'images: {"; ".join(images)}'] if images else []
        lines.append('written with: ' + ', '.join(' '.join(item) for item in about.versions.items()))
        if about.task != FEATURES:
            lines.append(
                f'to use it: mmbackbones predict {self.file} SOURCE, or mmbackbones test {self.file} --data DIR'
            )
        return [printable(line) for line in lines]

    def __str__(self) -> str:
        about = self.metadata
        kind = {'onnx': 'ONNX', 'openvino': 'OpenVINO', 'torch-export': 'torch.export program'}[format_of(self.file)]
        opset = f' opset {about.opset}' if about.opset and kind == 'ONNX' else ''
        classes = f', {counted(len(about.classes), "class", "classes")}' if about.classes else ''
        return f'{kind}{opset}, {about.network}, {about.task}{classes}'
