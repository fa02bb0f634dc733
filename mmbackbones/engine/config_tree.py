"""Entries of a config, wherever they are nested."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config, ConfigDict


def dicts_in(node: Any) -> Iterator[ConfigDict]:
    """Every dict in `node`, a part of a config, and `node` itself if it is one; each once."""
    seen, stack = set(), [node]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, dict):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list | tuple):
            stack.extend(node)


def value_at(cfg: Config, key: str) -> Any:
    """The entry with the dotted name `key`; None if there is none."""
    node: Any = cfg._cfg_dict
    for part in key.split('.'):
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list | tuple) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


def add_hook(cfg: Config, kind: str, **arguments: Any) -> None:
    """Add a hook to ``custom_hooks``, in place of one that the config of an earlier run has already."""
    drop_hook(cfg, kind)
    cfg.custom_hooks = [*cfg.custom_hooks, {'type': kind, **arguments}]


def drop_hook(cfg: Config, kind: str) -> None:
    """Remove all hooks of a type from ``custom_hooks``."""
    cfg.custom_hooks = [hook for hook in cfg.get('custom_hooks') or [] if hook['type'] != kind]


def set_num_classes(cfg: Config, num_classes: int) -> None:
    """Give every head of the model `num_classes` classes."""
    for node in dicts_in(cfg.model):
        if 'num_classes' in node:
            node['num_classes'] = num_classes
