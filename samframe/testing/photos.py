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
        What a person would call it; left and right are the picture's.
    points, remove_points : tuple of (x, y)
        Pixels of the image as stored.
    """

    name: str
    points: tuple[tuple[int, int], ...]
    remove_points: tuple[tuple[int, int], ...] = ()


#: Photograph to its prompts. The points were chosen by looking at the masks; they are a demonstration, no benchmark.
SAMPLE_PHOTOS: dict[str, tuple[PhotoPrompt, ...]] = {
    "coffee": (
        PhotoPrompt(name="coffee", points=((300, 170), (240, 125)), remove_points=((350, 90),)),
        PhotoPrompt(
            name="red porcelain",
            points=((130, 250), (280, 350), (440, 220)),
            remove_points=((30, 300), (560, 150), (280, 140)),
        ),
        PhotoPrompt(
            name="cup", points=((190, 60), (390, 120), (280, 40)), remove_points=((280, 150), (410, 80))
        ),
    ),
    "chelsea": (
        PhotoPrompt(name="left eye", points=((155, 115),)),
        PhotoPrompt(name="right eye", points=((310, 125), (325, 145))),
        PhotoPrompt(name="nose", points=((265, 240),), remove_points=((235, 215), (265, 275))),
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
