"""The annotator's way to the engine: points and prompts as a small frame, its price, and a run in the background."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError, SamframeError
from samframe.frame.call import plan, start
from samframe.ground.contract import JOB_PRICE_USD
from samframe.images import read_image
from samframe.jobs import RowStatus, format_usd
from samframe.widgets.annotator import Ask, Quote, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from samframe.frame.call import Run
    from samframe.jobs import Plan
    from samframe.segmind import Client

__all__ = ["EngineSegmenter", "NoSegmenter"]

logger = logging.getLogger(__name__)

_COLUMNS = ("image", "prompt", "points", "remove_points")


class NoSegmenter:
    """What the annotator is handed where nothing can be sent. ``words`` say why."""

    def __init__(self, words: str) -> None:
        self._words = words

    def at_most(self, _n_jobs: int) -> Quote | None:
        """Return None: there is no price."""
        return None

    def quote(self, _ask: Ask) -> Quote:
        """Raise OptionError with the reason."""
        raise OptionError(self._words)

    def prepare(self, _row: int) -> None:
        """Do nothing."""

    def total(self, quotes: Sequence[Quote]) -> Quote:
        """Return the sum."""
        return Quote(usd=sum(quote.usd for quote in quotes), text="")

    def send(
        self, _asks: Sequence[Ask], *, usd_limit: float, done: Callable[[Sequence[Reply] | str], None]
    ) -> None:
        """Answer with the reason."""
        del usd_limit
        done(self._words)


class EngineSegmenter:
    """The ordinary engine: ledger, price, de-duplication and store apply as in ``samframe.segment``.

    Parameters
    ----------
    images : list
        The image cells of the annotated frame, by position.
    client : Client
        Where jobs go.
    max_cost : float or None
        US dollars for all that is sent from here.
    **options
        Of ``samframe.segment``.
    """

    def __init__(
        self, images: list[Any], *, client: Client, max_cost: float | None = None, **options: Any
    ) -> None:
        self._images = images
        self._client = client
        self._options = {"client": client, **options}
        self._max_cost = max_cost
        self._free = None if not client.is_free else "free" if client.is_sam else "free, not SAM 2"
        self._price_usd = 0.0 if client.is_free else JOB_PRICE_USD
        self._spent_usd = 0.0
        self._reserved_usd = 0.0
        self._lock = threading.Lock()

    @property
    def is_live(self) -> bool:
        """Whether clicks are sent at once: the engine is a SAM on this machine, free and quick."""
        return self._client.is_free and self._client.is_sam

    def prepare(self, row: int) -> None:
        """Let the engine look at a row's image before the first click on it."""
        try:
            image = read_image(self._images[row], image_root=self._options.get("image_root"))
            asyncio.run(self._tell_open(image.payload()))
        except (SamframeError, OSError, RuntimeError) as error:
            # The click itself will say what is wrong.
            logger.info("The image of row %d could not be prepared: %s", row, error)

    async def _tell_open(self, payload: str) -> None:
        async with self._client.connect() as api:
            await api.prepare(payload)

    def at_most(self, n_jobs: int) -> Quote | None:
        """Return what so many jobs cost at most, by the price that was learned last."""
        usd = n_jobs * self._price_usd
        return Quote(usd=usd, text=self._free or f"at most {format_usd(usd)}")

    def quote(self, ask: Ask) -> Quote:
        """Return the price of a job, as the plan has it. The image is read and hashed, nothing is sent.

        Raises
        ------
        LedgerError
            If the ledger cannot be used.
        """
        bill = plan(self._frame([ask]), **_column_options(), **self._options)
        self._price_usd = bill.price_usd
        return Quote(usd=bill.usd_high, text=self._words(bill))

    def total(self, quotes: Sequence[Quote]) -> Quote:
        """Return what jobs cost together, and in words whether ``max_cost`` has room for it."""
        usd = sum(quote.usd for quote in quotes)
        n_free = sum(not quote.usd for quote in quotes)
        text = quotes[0].text if len(quotes) == 1 or n_free == len(quotes) else format_usd(usd)
        if 0 < n_free < len(quotes):
            text += f" ({n_free} free)"
        left = self._left()
        if left is not None and usd > left * (1 + 1e-9):
            text += f", over the {format_usd(left)} that is left of max_cost"
        return Quote(usd=usd, text=text)

    def send(
        self, asks: Sequence[Ask], *, usd_limit: float, done: Callable[[Sequence[Reply] | str], None]
    ) -> None:
        """Start a run and return at once; ``done`` is called when it has ended."""
        left = self._left()
        limit = usd_limit if left is None else min(usd_limit, left)
        with self._lock:
            self._reserved_usd += limit
        try:
            run = start(
                self._frame(asks),
                **_column_options(),
                **self._options,
                max_cost=limit,
                details=True,
                progress=False,
            )
        except SamframeError as error:
            self._settle(limit, None)
            done(str(error))
            return
        work = copy_context().run
        threading.Thread(
            target=work,
            args=(self._finish, run, len(asks), limit, done),
            name="samframe-annotator",
            daemon=True,
        ).start()

    def _finish(
        self, run: Run, n_asks: int, limit: float, done: Callable[[Sequence[Reply] | str], None]
    ) -> None:
        """Wait for a run, in a thread of its own, and hand its rows on."""
        replies: Sequence[Reply] | str
        try:
            replies = _replies(run.result())
        except SamframeError as error:
            replies = str(error) if error.frame is None else _replies(error.frame, otherwise=str(error))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the rows must not wait for ever
            replies = (
                f"The run ended early ({type(error).__name__}: {error}); what was paid for is in the ledger."
            )
        self._settle(limit, run)
        done(replies if isinstance(replies, str) or len(replies) == n_asks else "The run lost its rows.")

    def _settle(self, limit: float, run: Run | None) -> None:
        progress = run.progress if run is not None else None
        with self._lock:
            self._reserved_usd -= limit
            self._spent_usd += progress.budget.high if progress is not None else 0.0

    def _left(self) -> float | None:
        if self._max_cost is None:
            return None
        with self._lock:
            return max(0.0, self._max_cost - self._spent_usd - self._reserved_usd)

    def _frame(self, asks: Sequence[Ask]) -> pd.DataFrame:
        cells = [
            (self._images[ask.row], ask.prompt, ask.points or None, ask.remove_points or None) for ask in asks
        ]
        columns = {}
        for name, values in zip(_COLUMNS, zip(*cells, strict=True), strict=True):
            column = np.empty(len(values), dtype=object)
            for at, value in enumerate(values):
                column[at] = value
            columns[name] = column
        return pd.DataFrame(columns)

    def _words(self, bill: Plan) -> str:
        if bill.to_pay and self._free is not None:
            return self._free
        if bill.to_pay:
            return format_usd(bill.usd_low)
        if bill.stored:
            return "free, stored already"
        if bill.running or bill.in_doubt:
            return "free, was sent before"
        return "free, cannot be sent"


def _column_options() -> dict[str, Any]:
    image, prompt, points, remove_points = _COLUMNS
    return {
        "image_col": image,
        "prompt_col": prompt,
        "coordinates_col": points,
        "remove_coordinates_col": remove_points,
    }


def _replies(frame: pd.DataFrame, *, otherwise: str | None = None) -> list[Reply]:
    """Return a reply for each row; ``otherwise`` is why the rows without a result have none."""
    return [
        Reply(
            status=str(record["status"]),
            mask=None if record["mask"] is pd.NA else record["mask"],
            error=None
            if record["status"] == RowStatus.COMPLETED.value
            else otherwise or _words_of(record["error"], row),
            request_id=_known(record["request_id"], str),
            inference_time=_known(record["inference_time"], float),
        )
        for row, record in enumerate(frame.to_dict("records"))
    ]


def _words_of(error: Any, row: int) -> str | None:
    """Return an error without the number of its row, which is that of the small frame."""
    text = _known(error, str)
    return None if text is None else text.removeprefix(f"Row {row}: ")


def _known(value: Any, kind: Callable[[Any], Any]) -> Any:
    return None if value is None or value is pd.NA or value != value else kind(value)  # noqa: PLR0124 - NaN
