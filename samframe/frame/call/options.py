"""The options of a call, declared once: what the functions and the accessor take, with their defaults."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import pandas as pd

from samframe.errors import OptionError
from samframe.frame.call.concepts import check_prompts
from samframe.frame.call.instances import INSTANCE_COLUMNS
from samframe.frame.cells import BOX_FORMATS, LONGEST_PROMPT, check_keywords
from samframe.ground.contract import DEFAULT_MODEL
from samframe.ground.options import options as _defaults
from samframe.ground.options import store_folder
from samframe.jobs import Parameters, Settings, StoreCoordinator, check_patience, check_retry
from samframe.segmind import Client, Model, find_model, known_models, make_reader

if TYPE_CHECKING:
    import os

__all__ = ["CallOptions", "SegmentOptions", "models"]

RESULT_COLUMNS = ("mask", "status", "inference_time", "error")
DETAIL_COLUMNS = ("request_id", "cost", "queue_time", "total_time", "attempts", "engine", "score")


class SegmentOptions(TypedDict, total=False):
    """The keywords of ``segment`` and its kin, for type checkers."""

    coordinates_col: Any
    remove_coordinates_col: Any
    boxes_col: Any
    box_format: Literal["xyxy", "xywh"]
    model: str | Model
    parameters: Mapping[str, Any] | None
    prompts: str | Iterable[str] | Mapping[str, Any] | None
    exclude: str | Iterable[str] | None
    same_iou: float
    only: Literal["missing"] | None
    instances: Literal["union", "rows"]
    client: Client | None
    overlay_mask: bool
    base64: bool
    store: str | os.PathLike[str] | None
    rate_limit: float | None
    max_cost: float | None
    retry: str | Iterable[str]
    refresh: bool
    on_error: Literal["record", "raise"]
    details: bool
    columns: Mapping[str, str] | None
    overwrite: bool | Literal["edited"]
    progress: Any
    image_root: str | os.PathLike[str] | None
    bridge: Literal["thread", "nest"]
    shared: str | None
    upload_shared: int | None
    reader: Any
    patience: Any
    max_prompt: int


@dataclass(frozen=True, slots=True)
class CallOptions:
    """One call's options, checked. The field order is that of the signature."""

    image_col: Any = "image"
    prompt_col: Any = "prompt"
    coordinates_col: Any = field(default=None, kw_only=True)
    remove_coordinates_col: Any = field(default=None, kw_only=True)
    boxes_col: Any = field(default=None, kw_only=True)
    box_format: Any = field(default="xyxy", kw_only=True)
    model: str | Model = field(default=DEFAULT_MODEL, kw_only=True)
    parameters: Mapping[str, Any] | None = field(default=None, kw_only=True)
    prompts: Any = field(default=None, kw_only=True)
    exclude: Any = field(default=None, kw_only=True)
    same_iou: float = field(default=0.8, kw_only=True)
    only: Any = field(default=None, kw_only=True)
    instances: Any = field(default="union", kw_only=True)
    client: Client | None = field(default=None, kw_only=True)
    overlay_mask: bool = field(default=False, kw_only=True)
    base64: bool = field(default=False, kw_only=True)
    store: str | os.PathLike[str] | None = field(default=None, kw_only=True)
    rate_limit: float | None = field(default=None, kw_only=True)
    max_cost: float | None = field(default=None, kw_only=True)
    retry: str | Iterable[str] = field(default=(), kw_only=True)
    refresh: bool = field(default=False, kw_only=True)
    on_error: str = field(default="record", kw_only=True)
    details: bool = field(default=False, kw_only=True)
    columns: Mapping[str, str] | None = field(default=None, kw_only=True)
    overwrite: Any = field(default=False, kw_only=True)
    progress: Any = field(default="auto", kw_only=True)
    image_root: str | os.PathLike[str] | None = field(default=None, kw_only=True)
    bridge: str = field(default="thread", kw_only=True)
    shared: str | None = field(default=None, kw_only=True)
    upload_shared: int | None = field(default=None, kw_only=True)
    reader: Any = field(default="auto", kw_only=True)
    patience: Any = field(default=None, kw_only=True)
    max_prompt: int = field(default=LONGEST_PROMPT, kw_only=True)

    @classmethod
    def of(cls, function: str, image_col: Any, prompt_col: Any, options: Mapping[str, Any]) -> CallOptions:
        """Return the options of a call of a function by its name, for messages.

        Raises
        ------
        UnknownOptionError
            If it has no such keyword.
        """
        known = [option.name for option in fields(cls)]
        check_keywords(function, options, known, dict(options))
        return cls(image_col, prompt_col, **options)

    def __post_init__(self) -> None:
        for name in ("client", "store", "max_cost", "rate_limit"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, getattr(_defaults, name))
        if self.on_error not in {"record", "raise"}:
            raise OptionError(f"on_error is 'record' or 'raise'; it is {self.on_error!r}.")
        if self.bridge not in {"thread", "nest"}:
            raise OptionError(f"bridge is 'thread' or 'nest'; it is {self.bridge!r}.")
        if self.client is not None and not isinstance(self.client, Client):
            raise OptionError(
                f"client is a samframe.Client or samframe.offline(); it is a {type(self.client).__name__}."
            )
        if self.shared is not None and (not isinstance(self.shared, str) or not self.shared.strip()):
            raise OptionError(
                f"shared is the name of a run that several processes share; it is {self.shared!r}."
            )
        for name in ("rate_limit", "max_cost"):
            _check_number(name, getattr(self, name), least=0.0, open_end=name == "rate_limit")
        _check_number("upload_shared", self.upload_shared, least=2.0, open_end=False)
        self._check_words()
        self._check_model()
        # Kept as a tuple: an iterator could be read but once.
        retry = (self.retry,) if isinstance(self.retry, str) else tuple(self.retry or ())
        check_retry(retry)
        make_reader(self.reader)
        check_patience(self.patience)
        _check_number("max_prompt", self.max_prompt, least=1.0, open_end=False)
        object.__setattr__(self, "retry", retry)
        self._check_columns()

    def row_by_row(self, function: str) -> CallOptions:
        """Return the call, for a function whose result has the rows of its source.

        Raises
        ------
        OptionError
            If an option makes rows of its own, or looks at rows that the function reads in parts.
        """
        for name, neutral in (("prompts", None), ("instances", "union"), ("only", None)):
            if getattr(self, name) != neutral:
                raise OptionError(
                    f"{function} keeps the rows of its source, and {name}= changes them: use segment, or a row for "
                    "each prompt. Nothing was sent."
                )
        return self

    def _check_words(self) -> None:
        if self.only not in {None, "missing"}:
            raise OptionError(f"only is 'missing' or None; it is {self.only!r}.")
        if isinstance(self.overwrite, str) and self.overwrite != "edited":
            raise OptionError(f"overwrite is True, False or 'edited'; it is {self.overwrite!r}.")
        if self.box_format not in BOX_FORMATS:
            raise OptionError(f"box_format is 'xyxy' or 'xywh'; it is {self.box_format!r}.")

    def _check_model(self) -> None:
        """Refuse what the model does not take, before anything is read."""
        model = find_model(self.model)
        model.check_parameters(self.parameters)
        if self.prompts is not None:
            check_prompts(self.prompts, self.exclude, self.same_iou)
            if self.prompt_col not in {None, "prompt"}:
                raise OptionError(
                    f"prompt_col={self.prompt_col!r} and prompts= name prompts twice; give one of them."
                )
        elif self.exclude is not None:
            raise OptionError("exclude= takes prompts away from those of prompts=; give both.")
        asked = {
            "points": ("coordinates_col", self.coordinates_col is not None),
            "remove_points": ("remove_coordinates_col", self.remove_coordinates_col is not None),
            "boxes": ("boxes_col", self.boxes_col is not None),
            "prompt": (
                "prompts" if self.prompts is not None else "prompt_col",
                self.prompts is not None or self.prompt_col not in (None, "prompt"),
            ),
        }
        for name, (keyword, is_given) in asked.items():
            if is_given and name not in model.inputs:
                others = [other.slug for other in known_models() if name in other.inputs]
                hint = f" {' and '.join(others)} can: model={others[0]!r}." if others else ""
                raise OptionError(
                    f"{model.slug} takes no {name.replace('_', ' ')} ({keyword}=), and leaving them out would pay for "
                    f"another mask than was asked for.{hint} Nothing was sent."
                )
        self._check_instances(model)
        for keyword, is_given, is_taken in (
            ("overlay_mask", self.overlay_mask, model.overlay),
            ("base64", self.base64, model.inline),
        ):
            if is_given and not is_taken:
                raise OptionError(f"{model.slug} takes no {keyword}=. Nothing was sent.")

    def _check_instances(self, model: Model) -> None:
        if self.instances not in {"union", "rows"}:
            raise OptionError(f"instances is 'union' or 'rows'; it is {self.instances!r}.")
        if self.instances == "rows" and model.several is None:
            raise OptionError(
                f"{model.slug} gives one mask a job, not one an object: model='sam3-image' does, and df.sam.explode() "
                "makes a row of each connected part. Nothing was sent."
            )
        if self.instances == "rows" and (self.only is not None or self.overlay_mask):
            raise OptionError(
                "instances='rows' goes neither with only= nor with overlay_mask=. Nothing was sent."
            )

    def _check_columns(self) -> None:
        renamed = {} if self.columns is None else self.columns
        if not isinstance(renamed, Mapping) or not all(isinstance(name, str) for name in renamed.values()):
            raise OptionError(
                f'columns is a mapping of text to text, such as {{"mask": "car_mask"}}; it is {self.columns!r}.'
            )
        unknown = sorted(
            map(
                repr,
                set(renamed)
                - {*RESULT_COLUMNS, *DETAIL_COLUMNS, *INSTANCE_COLUMNS, "overlay", "prompt", "label"},
            )
        )
        if unknown:
            raise OptionError(
                f"columns renames {', '.join((*RESULT_COLUMNS, *DETAIL_COLUMNS))}; it knows no {unknown[0]}."
            )

    def input_columns(self) -> tuple[Any, Any, Any, Any, Any]:
        """Return the columns that the call reads: images, prompts, points to include and to exclude, boxes."""
        return (
            self.image_col, self.prompt_col, self.coordinates_col, self.remove_coordinates_col, self.boxes_col,
        )  # fmt: skip

    def output_names(self) -> dict[str, str]:
        """Return the columns that the call adds, in order: field name to column name."""
        names = [*RESULT_COLUMNS, *(DETAIL_COLUMNS if self.details else ())]
        if self.overlay_mask:
            names.insert(1, "overlay")
        if self.instances == "rows":
            names += [name for name in INSTANCE_COLUMNS if name not in names]
        renamed = self.columns or {}
        return {name: renamed.get(name, name) for name in names}

    def job_parameters(self) -> Parameters:
        """Return what is the same for every row."""
        model = find_model(self.model)
        return Parameters(
            model=model.slug,
            overlay_mask=bool(self.overlay_mask),
            base64=bool(self.base64),
            several=self.instances == "rows",
            own=model.check_parameters(self.parameters),
            profile=None if isinstance(self.model, str) else model,
        )

    def settings(self) -> Settings:
        """Return what the call asks of the engine."""
        store = store_folder(self.store)
        return Settings(
            store=store,
            rate_limit=self.rate_limit,
            max_cost=self.max_cost,
            retry=check_retry(self.retry),
            refresh=self.refresh,
            coordinator=StoreCoordinator(store) if self.shared is not None else None,
            run=self.shared or "",
            upload_shared=self.upload_shared,
            reader=make_reader(self.reader),
            patience=check_patience(self.patience),
        )


def _check_number(name: str, value: object, *, least: float, open_end: bool) -> None:
    if value is None:
        return
    number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
    if math.isnan(number) or number < least or (open_end and number == least):
        words = "above" if open_end else "of at least"
        raise OptionError(f"{name} is a number {words} {least:g}; it is {value!r}.")


def models() -> pd.DataFrame:
    """Return the models that samframe has profiles of, one row each.

    Returns
    -------
    pandas.DataFrame
        ``slug``; ``prompt``, ``points``, ``remove_points``, ``boxes`` (bool: what it takes); ``several`` (bool: whether
        it gives a mask an object); ``parameters`` (its own, with their defaults, as text); ``price_usd`` and
        ``seconds`` (published, a job). What a job really costs, the plan takes from your own bills.

    Examples
    --------
    >>> import samframe
    >>> samframe.models()["slug"].tolist()
    ['sam-v2-image', 'sam3-image']
    """
    inputs = ("prompt", "points", "remove_points", "boxes")
    return pd.DataFrame(
        [
            {
                "slug": model.slug,
                **{name: name in model.inputs for name in inputs},
                "several": model.several is not None,
                "parameters": ", ".join(f"{setting.name}={setting.default}" for setting in model.settings),
                "price_usd": model.price_usd,
                "seconds": model.seconds,
            }
            for model in known_models()
        ]
    )
