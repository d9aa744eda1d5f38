"""Images that many jobs share: uploaded once, sent by their URL from then on. Free; where it fails, sent inline."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from samframe.segmind import CallError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from samframe.jobs.model import Job
    from samframe.segmind import Connection

__all__ = ["LEAST_SHARED", "SharedUploads"]

#: An upload for a single use would be one more request, and a public file, for nothing.
LEAST_SHARED = 2
_TRIES = 2
# The first letters of base64 tell the format: these are PNG's, JPEG's and GIF's first bytes.
_TYPES = {"iVBOR": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif"}


class SharedUploads:
    """The uploads of one run.

    Parameters
    ----------
    api : Connection
        Open connection to the API.
    jobs : iterable of Job
        The jobs that are to be sent.
    least : int or None
        How many of them must share an image for it to be uploaded; None: never.
    """

    def __init__(self, api: Connection, jobs: Iterable[Job], *, least: int | None) -> None:
        self._api = api
        shares = Counter(job.image.identity for job in jobs if job.image.source is not None)
        self._shared = {
            identity
            for identity, count in shares.items()
            if least is not None and count >= max(least, LEAST_SHARED)
        }
        self._urls: dict[str, asyncio.Task[str | None]] = {}

    async def url_of(self, job: Job) -> str | None:
        """Return the URL to send for the job's image, or None to send the image itself.

        Raises
        ------
        ImageError
            If the image can no longer be read.
        """
        identity = job.image.identity
        if identity not in self._shared:
            return None
        if identity not in self._urls:
            self._urls[identity] = asyncio.create_task(self._upload(job))
        return await asyncio.shield(self._urls[identity])

    async def _upload(self, job: Job) -> str | None:
        text = await asyncio.to_thread(job.image.payload)
        media_type = next((kind for start, kind in _TYPES.items() if text.startswith(start)), None)
        if media_type is None:
            return None
        for _ in range(_TRIES):
            try:
                urls = await self._api.upload([f"data:{media_type};base64,{text}"])
            except CallError:
                continue  # nothing was billed
            if len(urls) == 1 and urls[0].startswith(("https://", "http://")):
                return urls[0]
        return None

    async def close(self) -> None:
        """Wait for uploads that nobody waits for any more."""
        for task in self._urls.values():
            task.cancel()
        await asyncio.gather(*self._urls.values(), return_exceptions=True)
