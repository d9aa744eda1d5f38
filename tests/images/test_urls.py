"""URLs are passed on, never downloaded; their shape is checked and their secrets are not told."""

from __future__ import annotations

import numpy as np
import pytest

from samframe.errors import ImageError
from samframe.images import make_preview, read_image


@pytest.mark.parametrize(
    "url",
    [
        "https://host/a.png",
        "http://127.0.0.1:8080/a?x=1&y=%20#f",
        "HTTPS://Host/ä.png",
        "https://[::1]/a",
        " https://h/a\n",
    ],
)
def test_url_is_passed_on_as_it_is(url):
    """The payload of a URL is the URL, and its identity is made of it."""
    image = read_image(url)

    assert (image.payload(), image.identity) == (url.strip(), f"url:{url.strip()}")
    assert (image.stored_hw, image.sent_hw) == (None, None)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://", "without a host"),
        ("https:///a.png", "without a host"),
        ("http:host/a.png", "without a host"),
        ("https://u:secret@host/a.png", "user name or password"),
        ("https://secret@host/a.png", "user name or password"),
        ("https://a host/b.png", "percent-encoded"),
        ("https://host/a\nb.png", "percent-encoded"),
        ("https://host\\@evil/a.png", "percent-encoded"),
        ("https://host/\ud800.png", "percent-encoded"),
        ("https://host:99999/a.png", "not a valid URL"),
        ("https://[::1/a.png", "not a valid URL"),
        ("https://host/" + "a" * 9000, "characters"),
    ],
)
def test_bad_url_is_refused_and_its_secrets_untold(url, words):
    """A URL that cannot be passed on is an error, without the password that was in it."""
    with pytest.raises(ImageError, match=words) as caught:
        read_image(url)

    assert "secret" not in str(caught.value)


def test_repr_leaves_the_signature_out():
    """The query of a signed URL is in no repr."""
    assert repr(read_image("https://h/a.png?X-Amz-Signature=secret")) == "Image('https://h/a.png')"


def test_url_cannot_be_shown():
    """Samframe does not download images, and says so where pixels are asked for."""
    image = read_image("https://h/a.png")

    with pytest.raises(ImageError, match="does not download"):
        image.pixels()
    with pytest.raises(ImageError, match="not downloaded"):
        make_preview("https://h/a.png", max_side=64)


def test_points_and_masks_of_a_url_stay_as_they_are():
    """Nothing is known of a URL's raster, so nothing is clipped or scaled."""
    image = read_image("https://h/a.png")
    mask = np.eye(5, 7, dtype=bool)

    np.testing.assert_array_equal(image.points_to_sent([(-3, 9000.5)]), [[-3, 9000.5]])
    np.testing.assert_array_equal(image.mask_to_stored(mask), mask)


def test_file_uri_of_another_host_is_refused():
    """A file URI names a file of this machine or it is an error."""
    with pytest.raises(ImageError, match="another host"):
        read_image("file://server/share/a.png")
