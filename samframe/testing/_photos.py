"""Two bundled photographs, free of rights, with point prompts that the offline engine segments well."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from samframe.errors import OptionError

__all__ = ["SAMPLE_PHOTOS", "PhotoPrompt", "sample_photo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoPrompt:
    """A point prompt for one thing in a bundled photograph.

    Parameters
    ----------
    name : str
        What a person would call it.
    points, remove_points : tuple of (x, y)
        Pixels of the image as stored.
    """

    name: str
    points: tuple[tuple[int, int], ...]
    remove_points: tuple[tuple[int, int], ...] = ()


#: Photograph to its prompts. The points were chosen by looking at the masks; they are a demonstration, no benchmark.
SAMPLE_PHOTOS: dict[str, tuple[PhotoPrompt, ...]] = {
    "coffee": (
        PhotoPrompt(name="coffee", points=((280, 140),)),
        PhotoPrompt(name="spoon bowl", points=((365, 285),)),
    ),
    "chelsea": (
        PhotoPrompt(name="right eye", points=((172, 112),)),
        PhotoPrompt(name="nose", points=((265, 243),)),
    ),
}


def sample_photo(name: str) -> Path:
    """Return the path of a bundled photograph.

    Parameters
    ----------
    name : str
        A key of `SAMPLE_PHOTOS`: ``"coffee"`` (400, 600) or ``"chelsea"`` (300, 451), height and width.

    Returns
    -------
    pathlib.Path
        A JPEG file inside the package.

    Raises
    ------
    OptionError
        If there is no such photograph.

    Examples
    --------
    >>> sample_photo("coffee").name
    'coffee.jpg'
    """
    if name not in SAMPLE_PHOTOS:
        raise OptionError(f"no sample photo {name!r}; there are {', '.join(SAMPLE_PHOTOS)}")
    return Path(__file__).parent / "photos" / f"{name}.jpg"
