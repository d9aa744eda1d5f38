"""``samframe.compare``: prompts tried on a sample of images, by the ordinary run, so that nothing is paid for twice."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from samframe.errors import OptionError
from samframe.frame.call import factorize_cells, plan, read_prompt, start
from samframe.frame.cells import why_no_prompt
from samframe.frame.look.comparison import Comparison, iou_column, make_comparison
from samframe.frame.measure import cell_keys, mask_column, share_images
from samframe.ground.contract import DEFAULT_MODEL
from samframe.ground.frame import only_column
from samframe.masks import MaskArray

if TYPE_CHECKING:
    import os
    from collections.abc import Hashable, Iterable, Sequence

    from samframe.jobs import Plan
    from samframe.masks import Mask
    from samframe.segmind import Client

__all__ = ["compare"]

_FEWEST_VARIANTS = 2


def compare(
    df: pd.DataFrame,
    variants: Mapping[str, str | Sequence[str]],
    *,
    n: int = 50,
    seed: int = 0,
    image_col: Hashable = "image",
    truth: pd.DataFrame | None = None,
    dry: bool = False,
    max_cost: float | None = None,
    client: Client | None = None,
    store: str | os.PathLike[str] | None = None,
    model: str = DEFAULT_MODEL,
    rate_limit: float | None = None,
    retry: str | Iterable[str] = (),
    image_root: str | os.PathLike[str] | None = None,
    progress: Any = "auto",
) -> Comparison | Plan:
    """Try prompts on a sample of a frame's images: how far they agree, how often they fail, what they cost.

    A comparison is one ordinary run of :func:`segment`: equal image and prompt are one job across variants, what is
    stored costs nothing, ``max_cost`` is a hard stop. With ``dry=True`` the bill is told and nothing is sent.

    Parameters
    ----------
    df : pandas.DataFrame
        Its distinct images are sampled; prompts that it holds do not matter. It is not changed.
    variants : mapping of str to str or list of str
        A name and its prompt, or prompts whose masks are united: ``{"a": "car", "b": ["car", "truck"]}``.
    n : int
        How many images at most.
    seed : int
        The same seed draws the same images of the same frame.
    image_col : column name
        Cells as :func:`segment` takes them.
    truth : DataFrame, optional
        True masks, such as :func:`read_coco` gives, of the one thing that is asked for (``truth[truth["label"] ==
        "car"]``). Only its images are sampled; variants are ranked by their IoU with all true masks of an image
        together.
    dry : bool
        Return the :class:`Plan` of the same call; nothing is sent.
    max_cost, client, store, model, rate_limit, retry, image_root, progress
        As for :func:`segment`.

    Returns
    -------
    Comparison
        Or a :class:`Plan` with ``dry=True``.

    Raises
    ------
    OptionError
        If ``variants`` is no mapping of two names or more to prompts, or another option or column is wrong; nothing
        was sent.
    ApiError, LedgerError
        If the run stopped as a whole; what is stored costs nothing when the same call is made again.

    Examples
    --------
    >>> import pandas as pd, samframe
    >>> from samframe.testing import make_scene
    >>> df = pd.DataFrame({"image": [make_scene("flat", 5000, size=128).image]})
    >>> with samframe.offline() as client:
    ...     found = samframe.compare(df, {"a": "yellow rectangle", "b": ["largest yellow"]}, client=client)
    >>> found.frame["iou_a_b"].tolist()
    [1.0]
    """
    prompts = _checked(variants)
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise OptionError(f"n is a number of images, 1 or more; it is {n!r}. Nothing was sent.")
    cells, wanted = only_column(df, image_col), None
    if truth is not None:
        cells, wanted = _with_truth(df, truth, image_col)
    sample = _sample(cells, n, seed)
    rows = [
        (at, name, prompt) for at in range(len(sample)) for name, texts in prompts.items() for prompt in texts
    ]
    images = sample.tolist()
    asked = pd.DataFrame(
        {
            "image": pd.Series([images[at] for at, _, _ in rows], dtype=object),
            "prompt": pd.Series([prompt for _, _, prompt in rows], dtype=object),
        }
    )
    options: dict[str, Any] = {
        "client": client,
        "store": store,
        "model": model,
        "max_cost": max_cost,
        "rate_limit": rate_limit,
        "retry": retry,
        "image_root": image_root,
    }
    if dry:
        return plan(asked, **options)
    run = start(asked, details=True, progress=progress, **options)
    result = run.result()
    places = np.array([at for at, _, _ in rows], dtype=np.int64)
    names = np.array([name for _, name, _ in rows], dtype=object)
    true = None if wanted is None else MaskArray.from_masks([wanted[key] for key in cell_keys(sample)])
    return make_comparison(
        sample,
        prompts,
        result,
        places=places,
        names=names,
        report=run.report(),
        image_root=image_root,
        truth=true,
    )


def _with_truth(
    df: pd.DataFrame, truth: pd.DataFrame, image_col: Hashable
) -> tuple[pd.Series, dict[Hashable, Mask]]:
    """Return the images that the truth has, and of each all its true masks together."""
    named = truth if image_col in truth.columns else truth.rename(columns={"image": image_col})
    shared = share_images(df, named, image_col)
    masks = mask_column(truth, "mask")
    united: dict[int, Mask] = {}
    for number, mask in zip(shared.truth.tolist(), masks, strict=True):
        if number >= 0 and mask is not pd.NA:
            united[number] = united[number] | mask if number in united else mask
    has_truth = np.isin(shared.predictions, list(united))
    cells = only_column(df, image_col)[has_truth]
    keys = cell_keys(cells)
    wanted = {key: united[at] for key, at in zip(keys, shared.predictions[has_truth].tolist(), strict=True)}
    return cells, wanted


def _checked(variants: Any) -> dict[str, tuple[str, ...]]:
    """Return the prompts of each variant, as they are sent."""
    if not isinstance(variants, Mapping) or len(variants) < _FEWEST_VARIANTS:
        raise OptionError(
            'variants is a mapping of two names or more to prompts, such as {"a": "car", "b": ["car", "truck"]}; '
            f"it is {variants!r}. Nothing was sent."
        )
    checked: dict[str, tuple[str, ...]] = {}
    for name, given in variants.items():
        texts = [given] if isinstance(given, str) else given
        is_list = isinstance(texts, list | tuple) and bool(texts)
        sent = [read_prompt(text) for text in texts] if is_list else []
        # A problem with a prompt is told in a class of its own, which is no plain str.
        trouble = next((str(text) for text in sent if isinstance(text, str) and type(text) is not str), None)
        if trouble is not None and isinstance(name, str):
            # A name may be the same text as its prompt: it is shown where it could itself be sent.
            shown = repr(name) if why_no_prompt(name, longest=80) is None else f"number {len(checked) + 1}"
            raise OptionError(f"The variant {shown}: {trouble}. Nothing was sent.")
        if not isinstance(name, str) or not sent or not all(type(text) is str for text in sent):
            raise OptionError(
                f"The variant {name!r} has a name and a prompt, or a list of prompts, in text; it has {given!r}. "
                "Nothing was sent."
            )
        checked[name] = tuple(dict.fromkeys(str(text) for text in sent))
    pairs = [iou_column(a, b) for a, b in itertools.combinations(checked, 2)]
    if len(set(pairs)) < len(pairs):
        raise OptionError("Two pairs of variants would share a column: rename one. Nothing was sent.")
    return checked


def _sample(images: pd.Series, n: int, seed: int) -> pd.Series:
    """Return distinct images, drawn by the seed, in the order of the frame; each has the label of its first row."""
    codes, _ = factorize_cells(images.to_numpy(dtype=object))
    first = np.unique(codes, return_index=True)[1]
    first.sort()
    if len(first) > n:
        first = np.sort(np.random.default_rng(seed).choice(first, n, replace=False))
    return images.iloc[first].astype(object)
