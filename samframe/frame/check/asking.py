"""The free questions of a check, and what its answers carried: balance, history, upload, headers."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from samframe.segmind import Call, CallError

if TYPE_CHECKING:
    from samframe.segmind import Client, Connection
    from samframe.segmind.http import Response

__all__ = ["Around", "Witness", "ask_around", "ask_balance"]


@dataclass(slots=True)
class Witness:
    """Hears every answer of a check: the headers about rate limits, and how many jobs were accepted."""

    rate_headers: dict[str, str] = field(default_factory=dict)
    n_sent: int = 0

    def heard(self, call: Call, answer: Response) -> None:
        """Take in an answer."""
        self.n_sent += call is Call.SUBMIT and answer.status < 300  # noqa: PLR2004 - success
        self.rate_headers |= {
            name: value
            for name, value in answer.headers.items()
            if "limit" in name and call is not Call.DOWNLOAD
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the free questions were answered with; ``balance`` in US dollars."""

    balance: float | None
    credits: str
    history: str
    upload: str


async def ask_balance(client: Client) -> float | None:
    """Return the balance in US dollars, None where it is not told."""
    async with client.connect() as connection:
        return (await _balance(connection))[0]


async def ask_around(client: Client, request_id: str | None) -> Around:
    """Ask for the balance, the history of a job (of today, without an id), and an upload of one grey pixel."""
    async with client.connect() as connection:
        balance, told = await _balance(connection)
        return Around(
            balance=balance,
            credits=told,
            history=await _history(connection, request_id),
            upload=await _upload(connection),
        )


async def _balance(connection: Connection) -> tuple[float | None, str]:
    try:
        told = await connection.credits()
    except CallError as error:
        return None, _problem(error)
    return told.credits + told.free_credits, "answers"


async def _history(connection: Connection, request_id: str | None) -> str:
    today = datetime.now(UTC).date().isoformat()
    try:
        if request_id is None:
            await connection.history(from_date=today, to_date=today)
            return "answers"
        row = await connection.history_of(request_id)
    except CallError as error:
        return _problem(error)
    return "answers" if row is not None else "does not know the job"


async def _upload(connection: Connection) -> str:
    from PIL import Image  # noqa: PLC0415 - as everywhere, Pillow is loaded when it is needed

    pixel = io.BytesIO()
    Image.new("L", (1, 1), 128).save(pixel, "PNG")
    try:
        await connection.upload([f"data:image/png;base64,{base64.b64encode(pixel.getvalue()).decode()}"])
    except CallError as error:
        return _problem(error)
    return "answers"


def _problem(error: CallError) -> str:
    """Return the kind of a failure: never the service's own words, which may repeat what it was sent."""
    return error.kind.value if error.status_code is None else f"HTTP {error.status_code}, {error.kind.value}"
