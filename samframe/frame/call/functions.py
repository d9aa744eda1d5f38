"""The typed functions behind ``df.sam``: segment, asegment, start and plan."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from samframe.frame.call.given import as_frame, guess_columns
from samframe.frame.call.options import CallOptions, SegmentOptions
from samframe.frame.call.run import Run, interrupt_text
from samframe.frame.call.work import Work
from samframe.ground.signature import with_options
from samframe.ground.sync import run_nested

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import pandas as pd

    from samframe.jobs import Plan, Survey

__all__ = ["asegment", "plan", "segment", "start", "survey"]


@with_options(CallOptions)
def segment(
    df: pd.DataFrame,
    image_col: Hashable = "image",
    prompt_col: Hashable | None = "prompt",
    **options: Unpack[SegmentOptions],
) -> pd.DataFrame:
    """Segment the image of each row and return a new frame with the masks.

    Equal rows share one job, rows that are stored already cost nothing, and every job is in the ledger before it is
    sent: after an interrupt, a crash or a network failure, the same call goes on where it ended.

    Parameters
    ----------
    df : pandas.DataFrame
        Any index, any length. It is not changed. A path, a folder of pictures or a list of images stands for a frame of
        one column.
    image_col : column name
        A path, an http(s) URL (passed on, not downloaded), a data URI, bytes, a Pillow image, a uint8 array of shape
        (H, W), (H, W, 3) or (H, W, 4), or an fsspec URL.
    prompt_col : column name or None
        Text that names the object; a list of texts asks for each. None where rows have coordinates only.
    coordinates_col, remove_coordinates_col : column name, or two, optional
        Points to include and to exclude: ``(x, y)``, a list of points or an (n, 2) array a row, in pixels of the image
        as stored, or the text of these as CSV files hold it; or the columns of x and of y. ``sam-v2-image`` ignores
        them in rows that have a prompt.
    boxes_col : column name, or four, optional
        Boxes of what to find: four numbers, a list of boxes or an (n, 4) array a row, in pixels of the image as stored,
        by their edges. For models that take boxes (``samframe.models()``). What juts out of the image is clipped.
    box_format : {"xyxy", "xywh"}
        Whether four numbers are two corners, or the top left corner and the size.
    model : str or Model
        Slug of a model that samframe knows, see :func:`samframe.models`, or a profile of your own.
    parameters : mapping, optional
        The model's own parameters: ``{"threshold": 0.4}`` for ``sam3-image``.
    prompts : list of str or mapping, optional
        Prompts for every image: the result has a row for each, with the column ``prompt``, and repeats the index. A
        mapping of labels to prompts, ``{"vehicle": ["car", "truck"]}``, adds the column ``label``; of synonyms' masks
        that are the same object the best stays. Every prompt is a job.
    exclude : str or list of str, optional
        Prompts whose masks are taken away from those of ``prompts``.
    same_iou : float
        From which intersection over union on the masks of two synonyms are the same object.
    instances : {"union", "rows"}
        ``"rows"``: a row for each object that the model finds, with ``instance`` (Int64, from 0), ``score`` (Float64, 0
        to 1, NA where the model tells none) and ``box`` (x1, y1, x2, y2 of its mask, pixels of the image as stored).
        Cost, request id and times stand on the first alone, so that sums are right. For models that give several masks.
    only : "missing", optional
        Ask only for rows that have neither a mask nor a mark of the gallery or the annotator; the others stay as they
        are, and existing columns are filled.
    client : Client, optional
        Where to send jobs; None: Segmind, with the key of ``SEGMIND_API_KEY``. ``samframe.offline()`` needs no key.
    overlay_mask : bool
        Keep the image with the mask painted on it as an artifact (column ``overlay``, its path), and make no mask.
    base64 : bool
        Take the output in the answer in place of a URL.
    store : path, optional
        Folder of the ledger and the artifacts; None: ``SAMFRAME_STORE``, else the user's data folder.
    rate_limit : float, optional
        Requests a minute; None learns it.
    max_cost : float, optional
        US dollars; no job is sent that could pass it.
    retry : str or iterable of str
        Settled rows to pay for again: ``"failed"``, ``"in_doubt"``, ``"lost"``. Those in doubt whose image is a URL
        are looked for in the request history first, and collected free where they are found.
    refresh : bool
        Pay anew for rows that are stored.
    on_error : {"record", "raise"}
        ``"raise"``: raise after the run if any row has no result.
    details : bool
        Also add ``request_id``, ``cost`` (US dollars), ``queue_time``, ``total_time`` (seconds), ``attempts``,
        ``engine`` and ``score`` (0 to 1, how sure the local server's engine is; Segmind tells none).
    columns : mapping, optional
        New names for output columns: ``{"mask": "car_mask"}``.
    overwrite : bool or "edited"
        Whether output columns may replace existing ones; masks that were corrected by hand only with ``"edited"``.
    progress : {"auto", "widget", "bar"} or bool
        How the run shows itself.
    image_root : path, optional
        Folder that paths must lie in.
    bridge : {"thread", "nest"}
        ``"nest"`` runs on the caller's own running loop (for objects bound to it); the default is a loop in a thread.
    shared : str, optional
        Name of a run that several processes of this machine share: one pace for the account, and one ``max_cost`` for
        all calls of that name in the same ``store``, whenever they are made.
    upload_shared : int, optional
        An image that so many jobs of the call share, two or more, is uploaded once and sent by its URL: less traffic
        where one image has many prompts. Uploaded files are public and cannot be deleted. None: never.
    reader : str or callable
        How a mask is read from the output: ``"auto"``; ``"alpha"`` (what is opaque), ``"nonblack"``, ``"dark"`` (black
        on white), ``"soft"`` (lighter than half), a colour such as ``"#1e90ff"``, ``"difference"`` (what was painted
        on the image as sent, with a figure of how sure that is), or a function ``(bytes, ReaderContext) -> mask``.
        Rows that are ``unread`` are read with it for nothing; it is no part of what makes two jobs equal.
    patience : float or mapping, optional
        Seconds for every wait, or some of ``{"queue": 900, "download": 60, "server": 60}``. A row that is given up on
        stays as it is, and the same call goes on with it for nothing.
    max_prompt : int
        Characters that a prompt may have; longer ones are refused before anything is sent, as are control characters
        and what looks like an API key.

    Returns
    -------
    pandas.DataFrame
        The same rows, index and order, with ``mask`` (dtype ``mask``), ``status`` (categorical), ``inference_time``
        (Float64, seconds of server compute) and ``error`` (string; NA where nothing happened).

    Raises
    ------
    OptionError
        If an option or a column is wrong; nothing was sent.
    ContractError
        If the first job's output cannot be read, or several jobs in a row end so: one job is paid and not all.
    ApiError
        If the call stopped as a whole (bad key, no credits, no connection); ``.frame`` holds the rows so far.
    LedgerError
        If the ledger cannot be used; nothing more was sent.
    RowsFailedError
        With ``on_error="raise"``.
    KeyboardInterrupt
        After a stop; ``samframe.last_run().frame`` has the rows so far.

    Examples
    --------
    >>> import pandas as pd, samframe
    >>> from samframe.testing import sample_photo
    >>> df = pd.DataFrame({"image": [sample_photo("coffee")], "at": [(260, 190)]})
    >>> with samframe.offline() as client:
    ...     out = samframe.segment(df, "image", None, coordinates_col="at", client=client)
    >>> out["status"].tolist()
    ['completed']
    """
    work = _work("segment", df, image_col, prompt_col, options)
    if work.options.bridge != "nest":
        return Run(work).result()
    try:
        run_nested(Run(work, here=True).main, stop=work.stop)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(interrupt_text(work)) from None
    work.raise_failed_rows()
    return work.frame()


@with_options(CallOptions)
async def asegment(
    df: pd.DataFrame,
    image_col: Hashable = "image",
    prompt_col: Hashable | None = "prompt",
    **options: Unpack[SegmentOptions],
) -> pd.DataFrame:
    """Segment as a coroutine, on the caller's own loop. Parameters, result and errors are those of :func:`segment`.

    When it is cancelled, POSTs in flight are answered, their ids are kept, and ``CancelledError`` goes on;
    ``samframe.last_run().frame`` has the rows so far.
    """
    work = _work("asegment", df, image_col, prompt_col, options)
    try:
        await Run(work, here=True).main()
    except asyncio.CancelledError:
        # A notebook's Stop cancels the cell's task: the same words as after Ctrl-C.
        raise asyncio.CancelledError(interrupt_text(work)) from None
    work.raise_failed_rows()
    return work.frame()


@with_options(CallOptions)
def start(
    df: pd.DataFrame,
    image_col: Hashable = "image",
    prompt_col: Hashable | None = "prompt",
    **options: Unpack[SegmentOptions],
) -> Run:
    """Start the run of :func:`segment` and return at once with a live handle."""
    return Run(_work("start", df, image_col, prompt_col, options))


@with_options(CallOptions)
def plan(
    df: pd.DataFrame,
    image_col: Hashable = "image",
    prompt_col: Hashable | None = "prompt",
    **options: Unpack[SegmentOptions],
) -> Plan:
    """Return the bill of the same :func:`segment` call: rows, duplicates, jobs to pay, dollars, minutes.

    Images are read and hashed; nothing is sent.
    """
    return _work("plan", df, image_col, prompt_col, options, dry=True).plan()


def _work(
    function: str,
    data: Any,
    image_col: Any,
    prompt_col: Any,
    options: Mapping[str, Any],
    *,
    dry: bool = False,
) -> Work:
    """Return the work of a call; what it is given need not be a frame."""
    call = CallOptions.of(function, image_col, prompt_col, options)
    df = as_frame(function, data, image_col)
    changes = guess_columns(df, data, call)
    if "image_col" in changes:
        df = df.set_axis([changes["image_col"]], axis=1)
    return Work(df, replace(call, **changes) if changes else call, dry=dry)


def survey(df: pd.DataFrame, call: CallOptions) -> Survey:
    """Return what a call would do with each distinct job, before it is counted for a plan. Nothing is sent."""
    return Work(df, call, dry=True).survey()
