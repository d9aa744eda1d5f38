"""Small pictures for viewers: size, safety, and what may be fetched."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from samframe.errors import ImageError, OptionError
from samframe.images import make_preview, make_thumbnail
from samframe.masks import Mask


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


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_stands_upright(save, colours, exif, kind, orientation):
    """It stands as Pillow's exif_transpose has it, and tells the size of the raster as stored."""
    data = save(colours(24, 40), kind, exif=exif(orientation), lossless=True, quality=95)
    preview = make_preview(data, max_side=99)
    with PillowImage.open(io.BytesIO(data)) as picture:
        wanted = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))

    np.testing.assert_array_equal(preview.pixels, wanted)
    assert (preview.size_hw, preview.full_hw) == (wanted.shape[:2], wanted.shape[:2])
    assert (preview.stored_hw, preview.orientation) == ((24, 40), orientation)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("max_side", [10, 40])
def test_masks_and_points_lie_on_what_they_lay_on(save, exif, orientation, max_side):
    """A white object on black: its mask, and a point at its middle, as stored, are on it upright, small or whole."""
    mask = np.zeros((24, 40), dtype=bool)
    mask[4:12, 20:32] = True
    stored = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
    preview = make_preview(save(stored, "PNG", exif=exif(orientation)), max_side=max_side)
    shown = preview.mask(Mask.from_numpy(mask))
    ((x, y),) = preview.points(np.array([(25.5, 7.5)]))
    (wanted_y, wanted_x) = np.argwhere(shown.to_numpy()).mean(axis=0)

    assert shown.size_hw == preview.size_hw
    np.testing.assert_array_equal(shown.to_numpy(), preview.pixels[..., 0] > 127)
    assert abs((x + 0.5) * preview.scale - 0.5 - wanted_x) < 0.01
    assert abs((y + 0.5) * preview.scale - 0.5 - wanted_y) < 0.01


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_of_the_upright_size_is_not_turned_again(save, colours, exif, orientation):
    """Where a picture is turned on its side, the sides of a mask tell which raster it lies on."""
    preview = make_preview(save(colours(24, 40), exif=exif(orientation)), max_side=99)
    upright = Mask.from_numpy(np.arange(40 * 24).reshape(40, 24) % 7 == 0)

    assert preview.mask(upright) == upright
    assert not preview.is_on_it((24, 40))


@pytest.mark.parametrize("orientation", [2, 3, 4, 6])
def test_where_sides_do_not_tell_a_mask_lies_as_stored(save, colours, exif, orientation):
    """Of a square image, and of one that is mirrored or upside down, a mask counts as one of the stored raster."""
    size = (30, 30) if orientation == 6 else (24, 40)
    preview = make_preview(save(colours(*size), exif=exif(orientation)), max_side=99)
    mask = Mask.from_numpy(np.arange(size[0] * size[1]).reshape(size) < 90)

    assert preview.mask(mask) != mask


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
