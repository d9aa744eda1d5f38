"""Small pictures for viewers: size, safety, and what may be fetched."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from samframe.errors import ImageError, OptionError
from samframe.images import make_preview, make_thumbnail


def opened(thumbnail):
    return PillowImage.open(io.BytesIO(thumbnail.jpeg))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize(("max_side", "size"), [(64, (32, 64)), (1, (1, 1)), (9999, (150, 300))])
def test_longer_side_is_max_side_at_most(save, colours, kind, max_side, size):
    """A picture is scaled down to max_side, never up."""
    thumbnail = make_thumbnail(save(colours(150, 300), kind), max_side=max_side)

    assert (thumbnail.size_hw, thumbnail.stored_hw) == (size, (150, 300))
    assert opened(thumbnail).size == (size[1], size[0])


def test_scale_leads_from_stored_pixels_to_its_own(save, colours):
    """Scale is the thumbnail's longer side over that of the stored raster."""
    assert make_thumbnail(save(colours(200, 400)), max_side=100).scale == 0.25


def test_is_a_jpeg_without_metadata(save, colours, exif):
    """The file is a JPEG, and a photograph's EXIF (places, times) stays where it is."""
    picture = opened(make_thumbnail(save(colours(40, 60), "JPEG", exif=exif(6)), max_side=50))

    assert picture.format == "JPEG"
    assert dict(picture.getexif()) == {}


def test_is_not_turned(save, colours, exif):
    """It lies as masks and points do: as stored, before EXIF rotation."""
    preview = make_preview(save(colours(20, 30), "PNG", exif=exif(6)), max_side=99)

    np.testing.assert_array_equal(preview.pixels, colours(20, 30))


@pytest.mark.parametrize("cell", ["array", "picture", "path", "data"])
def test_all_kinds_of_cells_are_shown(tmp_path, png, colours, cell):
    """An array, a Pillow image, a path and bytes of one picture give one thumbnail."""
    path = tmp_path / "a.png"
    path.write_bytes(png)
    cells = {
        "array": colours(20, 30),
        "picture": PillowImage.fromarray(colours(20, 30)),
        "path": str(path),
        "data": png,
    }

    assert make_thumbnail(cells[cell], max_side=16).jpeg == make_thumbnail(png, max_side=16).jpeg


def test_bomb_is_refused_from_its_header(save):
    """A picture over the limit is refused before a pixel is decoded."""
    data = bytearray(save(PillowImage.new("1", (9, 9))))
    data[16:24] = (60_000).to_bytes(4, "big") * 2

    with pytest.raises(ImageError, match="megapixels"):
        make_thumbnail(bytes(data), max_side=64)


def test_paths_stay_inside_image_root(tmp_path, png):
    """What lies outside image_root is not shown, and image_root must be a folder."""
    (tmp_path / "secret.png").write_bytes(png)
    root = tmp_path / "root"
    root.mkdir()

    with pytest.raises(ImageError, match="outside image_root"):
        make_thumbnail("../secret.png", max_side=64, image_root=root)
    with pytest.raises(OptionError):
        make_thumbnail("a.png", max_side=64, image_root=tmp_path / "secret.png")


@pytest.mark.parametrize("cell", [None, float("nan"), "", "\u200b", 3, "nowhere.png", b"<html>"])
def test_what_is_no_image_is_an_image_error(cell):
    """An empty cell, a missing file and other data raise, with words for a placeholder."""
    with pytest.raises(ImageError):
        make_thumbnail(cell, max_side=64)


def test_url_is_not_fetched_unless_told_how():
    """Without a way to fetch, a URL is refused: nothing is downloaded."""
    with pytest.raises(ImageError, match="not downloaded"):
        make_thumbnail("https://host/a.png?sig=secret", max_side=64)


def test_url_is_fetched_by_the_given_rules(png):
    """What fetches gets the checked URL, and its bytes are checked as any file's."""
    asked = []

    def fetch(url):
        asked.append(url)
        return png

    thumbnail = make_thumbnail("https://host/a.png", max_side=64, fetch=fetch)

    assert asked == ["https://host/a.png"]
    assert thumbnail.stored_hw == (20, 30)
    with pytest.raises(ImageError, match="HTML"):
        make_thumbnail("https://host/a.png", max_side=64, fetch=lambda _: b"<html></html>")
