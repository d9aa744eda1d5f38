"""Images behind URLs, fetched to be shown: by a client's own rules for downloads, without its key, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samframe.errors import ImageError
from samframe.ground.sync import Background
from samframe.segmind import CallError

if TYPE_CHECKING:
    from collections.abc import Callable

    from samframe.segmind import Client

__all__ = ["make_fetch"]


def make_fetch(client: Client) -> Callable[[str], bytes]:
    """Return what fetches the bytes behind a URL, from whatever thread.

    Parameters
    ----------
    client : Client
        Its hosts, and those that it was told to allow, are fetched from; every other URL is an :class:`ImageError`.
    """

    async def download(url: str) -> bytes:
        async with client.connect() as connection:
            return await connection.download(url)

    def fetch(url: str) -> bytes:
        try:
            return Background(lambda: download(url), stop=lambda: None).result()
        except CallError as error:
            raise ImageError(str(error)) from None

    return fetch
