"""What a service really does, as one checked job showed it: a small JSON without secrets."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samframe.errors import OptionError
from samframe.ground.files import atomic_write
from samframe.ground.html import facts_table

if TYPE_CHECKING:
    import os

__all__ = ["OutputFacts", "ServiceReport", "read_report"]

_VERSION = 1
_MOST_BYTES = 65_536
_MOST_CHARACTERS = 200
_HOST = re.compile(r"[A-Za-z0-9._\-\[\]:]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFacts:
    """What an output file is.

    Attributes
    ----------
    kind : str
        ``"mask"`` (two levels of grey), ``"blurred"`` (two levels, blurred by compression), ``"soft"``, ``"alpha"``
        (the mask is the transparency of one colour), ``"cut-out"``, ``"coloured"`` (three colours at most),
        ``"overlay"`` (painted on the image as sent), ``"picture"``, ``"no picture"``.
    file_format, mode : str
        Format of the file, and Pillow's mode.
    size_hw : (int, int) or None
        Height and width in pixels.
    low, high : int or None
        Least and greatest level of grey, 0 to 255.
    n_levels : int or None
        How many levels or colours there are.
    n_bytes : int
        Size of the file.
    """

    kind: str
    file_format: str = ""
    mode: str = ""
    size_hw: tuple[int, int] | None = None
    low: int | None = None
    high: int | None = None
    n_levels: int | None = None
    n_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReport:
    """What one checked job showed of a service. `samframe.check` makes it.

    Attributes
    ----------
    service : str
        Host of the API.
    model : str
        Slug of the model.
    status : str
        What the row ended as; see :func:`samframe.segment`.
    samframe, date : str
        Version of samframe, and the day (UTC).
    sent_hw : (int, int) or None
        Height and width of the image as sent.
    output : OutputFacts or None
        What came back.
    readers : tuple of str
        Readers that find a mask in it; ``"auto"`` is the one that :func:`samframe.segment` takes by itself.
    delivery : str or None
        How the result tells the output: ``"url"``, ``"data-uri"``, ``"base64"``, ``"list"``, ``"mapping"``, ``"null"``.
    output_host : str or None
        Host of the output's URL.
    is_host_allowed : bool or None
        Whether outputs are fetched from there.
    id_form : str or None
        Form of the request id: ``"uuid"``, or its pieces such as ``"letters:3_hex:24"``.
    result_fields, metrics : tuple of str
        Names that the result has, and its metrics.
    queue_time, inference_time, total_time : float or None
        Seconds, as the service told.
    bill_usd : float or None
        What the job cost, in US dollars, as the service told.
    published_usd : float
        Published price, in US dollars.
    balance_fell_usd : float or None
        By how much the balance fell, in US dollars; None where nothing was sent, or it was not told.
    rate_headers : dict of str to str
        Headers about the rate limit.
    history, upload, credits : str
        ``"answers"``, or what happened in place of an answer.
    n_sent : int
        Jobs that this check sent: 1, or 0 where the job was in the ledger.
    error : str or None
        What the row says. Not part of the JSON.
    kept : str or None
        Path of the raw output. Not part of the JSON.
    balance_usd : (float, float) or None
        Balance before and after, in US dollars. Not part of the JSON.
    """

    service: str
    model: str
    status: str
    samframe: str = ""
    date: str = ""
    sent_hw: tuple[int, int] | None = None
    output: OutputFacts | None = None
    readers: tuple[str, ...] = ()
    delivery: str | None = None
    output_host: str | None = None
    is_host_allowed: bool | None = None
    id_form: str | None = None
    result_fields: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    queue_time: float | None = None
    inference_time: float | None = None
    total_time: float | None = None
    bill_usd: float | None = None
    published_usd: float = 0.0
    balance_fell_usd: float | None = None
    rate_headers: dict[str, str] = field(default_factory=dict)
    history: str = ""
    upload: str = ""
    credits: str = ""
    n_sent: int = 0
    error: str | None = field(default=None, compare=False)
    kept: str | None = field(default=None, compare=False)
    balance_usd: tuple[float, float] | None = field(default=None, compare=False)

    @property
    def is_read(self) -> bool:
        """Whether the mask was read."""
        return self.status == "completed"

    def to_dict(self) -> dict[str, Any]:
        """Return what goes into the JSON: no key, no URL, no id, no path, no balance."""
        content = {name: value for name, value in asdict(self).items() if name not in _PRIVATE}
        return {"report": _VERSION, **content}

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the report, to be attached to a bug report or served by ``samframe serve --like``."""
        target = Path(path)
        with atomic_write(target) as temporary:
            temporary.write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")

    def lines(self) -> list[tuple[str, str]]:
        """Return the report as names and values."""
        lines = [
            ("service", f"{self.service}, model {self.model}"),
            ("row", self.status + ("" if self.n_sent else " (nothing was sent: it is in the ledger)")),
            ("output", self._output_words()),
            ("read by", ", ".join(self.readers) or "no reader that samframe has"),
            ("delivered as", self._delivery_words()),
            ("request id", self.id_form or "none"),
            ("times", self._times_words()),
            ("bill", f"{_usd(self.bill_usd)}; published {_usd(self.published_usd)}"),
            ("balance", self._balance_words()),
            (
                "rate headers",
                ", ".join(f"{name}: {value}" for name, value in self.rate_headers.items()) or "none",
            ),
            ("history", self.history),
            ("upload", self.upload),
        ]
        lines += [("error", self.error)] if self.error else []
        return lines + ([("kept", self.kept)] if self.kept else [])

    def __str__(self) -> str:
        lines = self.lines()
        width = max(len(name) for name, _ in lines)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)

    def __repr__(self) -> str:
        return f"<ServiceReport: {self.service}, {self.model}, {self.status}>\n{self}"

    def _repr_html_(self) -> str:
        return facts_table(self.lines(), caption="What the service does")

    def _output_words(self) -> str:
        if self.output is None:
            return "none"
        one, sent = self.output, self.sent_hw
        words = [f"{one.kind}: {one.file_format or '?'}, mode {one.mode or '?'}"]
        if one.low is not None:
            words.append(f"levels {one.low} to {one.high} ({one.n_levels})")
        if one.size_hw is not None:
            words.append(f"{one.size_hw[1]} x {one.size_hw[0]} px")
        if sent is not None:
            words.append(f"image as sent {sent[1]} x {sent[0]} px")
        return ", ".join([*words, f"{one.n_bytes:,} bytes"])

    def _delivery_words(self) -> str:
        if self.output_host is None:
            return self.delivery or "nothing"
        allowed = "" if self.is_host_allowed else ", which is not one that samframe fetches from"
        return f"{self.delivery} on {self.output_host}{allowed}"

    def _times_words(self) -> str:
        times = {"queue": self.queue_time, "inference": self.inference_time, "total": self.total_time}
        told = [f"{name} {seconds:.2f} s" for name, seconds in times.items() if seconds is not None]
        return ", ".join(told) or "not told"

    def _balance_words(self) -> str:
        if self.balance_usd is None:
            return "not told"
        before, after = self.balance_usd
        return f"{_usd(before)} before, {_usd(after)} after"


_PRIVATE = frozenset({"error", "kept", "balance_usd"})


def read_report(path: str | os.PathLike[str]) -> ServiceReport:
    """Return the report of a JSON file.

    Raises
    ------
    OptionError
        If it is no such file.
    """
    try:
        with Path(path).open("rb") as file:
            return _report_of(json.loads(file.read(_MOST_BYTES)))
    except (OSError, ValueError, RecursionError) as error:
        raise OptionError(f"{path} is no report of samframe check: {error}") from None


def _report_of(content: Any) -> ServiceReport:
    if not isinstance(content, dict) or content.get("report") != _VERSION:
        raise ValueError(f'it has no "report": {_VERSION}')
    known = {one.name for one in fields(ServiceReport)} - _PRIVATE
    values = {name: _checked(name, value) for name, value in content.items() if name in known}
    missing = [name for name in ("service", "model", "status") if not isinstance(values.get(name), str)]
    if missing:
        raise ValueError(f"it has no {missing[0]}")
    output = values.get("output")
    if output is not None:
        names = {one.name for one in fields(OutputFacts)}
        facts = {name: _checked(name, value) for name, value in output.items() if name in names}
        if not isinstance(facts.get("kind"), str):
            raise ValueError("its output has no kind")
        values["output"] = OutputFacts(**facts)
    return ServiceReport(**values)


_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(
        ("queue_time", "inference_time", "total_time", "bill_usd", "published_usd"), (int, float)
    ),
    "balance_fell_usd": (int, float),
    **dict.fromkeys(("low", "high", "n_levels", "n_bytes", "n_sent"), (int,)),
    **dict.fromkeys(("size_hw", "sent_hw", "readers", "result_fields", "metrics"), (list,)),
    "is_host_allowed": (bool,),
    "rate_headers": (dict,),
    "output": (dict,),
}
_NEEDED = frozenset(
    {"published_usd", "n_bytes", "n_sent", "readers", "result_fields", "metrics", "rate_headers"}
)


def _checked(name: str, value: Any) -> Any:
    """Return a value of the type that its name has."""
    if value is None and name not in _NEEDED:
        return None
    kinds = _KINDS.get(name, (str,))
    is_of_kind = isinstance(value, kinds)
    if not is_of_kind or (isinstance(value, bool) and bool not in kinds):
        raise ValueError(f"{name} is {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}")
    if isinstance(value, str):
        return _text(name, value)
    if name.endswith("_hw"):
        if len(value) != 2 or not all(type(side) is int and 0 < side <= 20_000 for side in value):  # noqa: PLR2004
            raise ValueError(f"{name} is {value!r}")
        return tuple(value)
    if isinstance(value, list):
        return tuple(_text(name, item) for item in value)
    if name == "rate_headers":
        return {_text(name, key): _text(name, item) for key, item in value.items()}
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MOST_CHARACTERS or not value.isprintable():
        raise ValueError(f"{name} is no short text")
    if name in {"service", "output_host"} and not _HOST.fullmatch(value):
        raise ValueError(f"{name} is no host: {value!r}")
    return value


def _usd(amount: float | None) -> str:
    return "not told" if amount is None else f"${amount:.4f}".rstrip("0").rstrip(".")
