"""Entries of an ONNX file: read from a file that anybody may have written, and added to one of ours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError, printable
from .extra import need

_STANDARD = ('', 'ai.onnx')  # the domain of the standard operators, and its other name


def read_onnx_entries(file: str) -> dict[str, str]:
    """The entries of an ONNX file, if it is one that runs by itself.

    Raises:
        UserError: It cannot be read, names other files, or uses operators that are not standard ones; some of those
            read files and load programs.
    """
    onnx = need('reading an ONNX file', 'onnx')
    try:
        model = onnx.load(file, load_external_data=False)
    except OSError as error:
        raise UserError(f'{file} cannot be read: {error.strerror or error}') from error
    except Exception as error:  # of protobuf, which changes from version to version
        raise UserError(f'{file} is no ONNX file, or damaged') from error
    for tensor in _tensors(model):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise UserError(f'{file} keeps weights in other files: only files that hold all of them are taken')
    domains = {entry.domain for entry in model.opset_import} | {node.domain for node in _nodes(model)}
    if model.functions or (domains := domains.difference(_STANDARD)):
        other = ', '.join(sorted(domains) or ['functions of its own'])
        raise UserError(f'{file} uses more than the standard operators of ONNX: {printable(other[:200])}')
    return {entry.key: entry.value for entry in model.metadata_props}


def add_onnx_entries(file: Path, entries: dict[str, str]) -> None:
    """Write entries into an ONNX file of our own, in place of all that its exporter says of this machine's files."""
    import onnx

    model = onnx.load(str(file))
    for part in (model, model.graph, *_nodes(model), *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]  # lines of source code, with their paths
        part.doc_string = ''
    model.producer_name = 'mmbackbones'
    onnx.helper.set_model_props(model, entries)
    onnx.save(model, str(file))


def _graphs(model: Any) -> Iterator[Any]:
    """The graph of a model, and those inside of its nodes."""
    left = [model.graph]
    while left:
        graph = left.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                left += [*attribute.graphs, *([attribute.g] if attribute.HasField('g') else [])]


def _nodes(model: Any) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from graph.node


def _tensors(model: Any) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for node in graph.node:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield from (sparse.values, sparse.indices)
