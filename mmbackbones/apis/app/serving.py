"""The page as a web application."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.routing import Mount

from .guard import LOCAL_HOSTS, Guard
from .page import Page
from .tables import CSS
from .uploads import MAX_BYTES

_MOST_SESSIONS = 64  # that Gradio keeps the values of


def application(page: Page, folder: Path, host: str, local: bool) -> tuple[Guard, Callable[[], None]]:
    """An ASGI application that answers the requests of a page alone.

    Args:
        page: The page.
        folder: Folder of its files.
        host: The host that it is served at.
        local: Whether that is this machine alone.

    Returns:
        The application, and what ends the connections of open pages.
    """
    blocks = page.blocks
    blocks.state_session_capacity = _MOST_SESSIONS
    blocks.has_launched = True  # else Gradio would copy any file that a browser names into its own folder
    server = FastAPI(openapi_url=None)
    gr.mount_gradio_app(
        server,
        blocks,
        '/',
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        blocked_paths=[],
        max_file_size=MAX_BYTES,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=_theme(),
        css=CSS,
    )
    mounted = server.routes[-1]
    assert isinstance(mounted, Mount)
    inner: Any = mounted.app

    def stop() -> None:
        blocks.is_running = False
        inner.stop_event.set()

    hosts = [*LOCAL_HOSTS, host]
    return Guard(server, folder, hosts, not local, page.is_event, page.last.files), stop


def _theme() -> gr.Theme:
    """Fonts of the reader's machine, since no others are loaded from anywhere, and gray that can be read."""
    theme = gr.themes.Default(primary_hue='blue', font=['system-ui', 'sans-serif'], font_mono=['monospace'])
    return theme.set(body_text_color_subdued='*neutral_600', body_text_color_subdued_dark='*neutral_300')
