"""The same server in the foreground, for the command line."""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING

from samframe.errors import OptionError
from samframe.server.app import Application
from samframe.server.config import ServerConfig
from samframe.server.runner import Runner, listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from samframe.server.protocol import EngineFacts

__all__ = ["serve"]

logger = logging.getLogger(__name__)


def serve(
    config: ServerConfig | None = None,
    host: str = "127.0.0.1",
    port: int = 8200,
    *,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve the API's contract until Ctrl-C.

    Parameters
    ----------
    config : ServerConfig, optional
        Engine, pace, limits and money; by default the offline engine, free of charge.
    host : str
        Address to bind. Anything but loopback asks for `ServerConfig.api_key`.
    port : int
        Port to bind; 0 takes a free one.
    announce : callable, optional
        Is given the banner, once the port is bound; None: it is logged.

    Raises
    ------
    OptionError
        If the address is reachable from elsewhere and no key is set, or cannot be bound.
    """
    config = config if config is not None else ServerConfig()
    if not _is_loopback(host) and config.api_key is None:
        raise OptionError(
            f"{host} can be reached from other machines: set an API key for this server, or bind 127.0.0.1"
        )
    try:
        listener = listen(host, port)
    except OSError as error:
        raise OptionError(
            f"{host}:{port} cannot be bound ({error.strerror or error}): choose another port"
        ) from None
    app = Application(config)
    shown = f"[{host}]" if ":" in host else host
    (announce or logger.info)(_banner(f"http://{shown}:{listener.getsockname()[1]}", app))
    try:
        Runner(app).run_on(listener)
    except KeyboardInterrupt:
        # uvicorn raises the signal again once it has stopped: that is how this ends.
        return


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _banner(base_url: str, app: Application) -> str:
    key = (
        "any well formed key (SG_ and 16 hex digits)"
        if app.config.api_key is None
        else "the key that was set"
    )
    return (
        f"samframe serves Segmind's API contract on {base_url}\n"
        f"  engine  {app.engine_name}: {_words(app.engine.facts)}\n"
        f"  key     {key}; nothing leaves this machine\n"
        f"  use it  SEGMIND_BASE_URL={base_url}   (Ctrl-C stops)"
    )


def _words(facts: EngineFacts) -> str:
    """Return what the banner says of an engine: whether it is SAM, and whose licence its weights have."""
    known = "a Segment Anything model" if facts.is_sam else "not known to be SAM 2"
    said = facts.words if facts.words.startswith("NOT") else ", ".join(filter(None, (known, facts.words)))
    return f"{said}; licence: {facts.licence}" if facts.licence else said
