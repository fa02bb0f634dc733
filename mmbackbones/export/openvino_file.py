"""OpenVINO's files: a pair of ``NAME.xml`` and ``NAME.bin``, made from an ONNX file."""

from pathlib import Path

from ..errors import UserError
from .extra import need
from .metadata import KEY

# OpenVINO's tables of entries have no way to ask for one that may be missing but this.
_PLAIN = ('task', 'classes', 'img_scale', 'keep_ratio', 'mean', 'std', 'channel_order')


def write_openvino(onnx_file: Path, file: Path, entries: dict[str, str]) -> None:
    """Convert an ONNX file, with all of its precision.

    Args:
        onnx_file: The ONNX file.
        file: Where to write to; the weights go beside it.
        entries: What the file is to say of itself.
    """
    openvino = need('exporting to OpenVINO', 'openvino')
    model = openvino.convert_model(str(onnx_file))
    for name, value in entries.items():
        model.set_rt_info(value, [name])
    openvino.save_model(model, str(file), compress_to_fp16=False)


def read_openvino(file: str) -> tuple[object, dict[str, str]]:
    """The model in an OpenVINO file, and its entries.

    Raises:
        UserError: It cannot be read.
    """
    openvino = need('reading an OpenVINO file', 'openvino')
    for part in (Path(file), Path(file).with_suffix('.bin')):
        if not part.is_file():
            raise UserError(f'{part} does not exist: OpenVINO keeps a model in two files, NAME.xml and NAME.bin')
    try:
        model = openvino.Core().read_model(file)
    except RuntimeError as error:
        raise UserError(f'{file} is no OpenVINO file, or damaged') from error
    return model, {name: model.get_rt_info([name]).astype(str) for name in (KEY, *_PLAIN) if model.has_rt_info([name])}
