"""Readers: the same mask from cut-outs, colours, soft maps and overlays, and a reason where there is none."""

import io
import pickle

import numpy as np
import pytest
from PIL import Image

import samframe
from samframe.errors import ImageError, MaskError, OptionError
from samframe.segmind import ReaderContext, form_of, make_reader, read_output, readers_that_fit, small_png

SIZE_HW = (96, 128)
RNG = np.random.RandomState(3)
#: A photograph's stand-in: smooth, with some texture.
SENT = np.clip(
    np.indices(SIZE_HW).sum(axis=0)[..., None] * (0.9, 0.6, 0.3) + RNG.randint(0, 40, (*SIZE_HW, 3)), 5, 250
).astype(np.uint8)
ROWS, COLUMNS = np.indices(SIZE_HW)
TRUTH = (ROWS - 48) ** 2 + (COLUMNS - 60) ** 2 < 30**2
CONTEXT = ReaderContext(size_hw=SIZE_HW, load=lambda: SENT)


def as_file(pixels, file_format="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, file_format, **options)
    return out.getvalue()


def cut_out():
    return as_file(np.dstack([SENT, np.where(TRUTH, 255, 0).astype(np.uint8)]))


def on_black(file_format="PNG"):
    return as_file(np.where(TRUTH[..., None], SENT, 0).astype(np.uint8), file_format)


def coloured(ground=0, file_format="PNG"):
    return as_file(
        np.where(TRUTH[..., None], (30, 144, 255), ground).astype(np.uint8),
        file_format,
        **_quality(file_format),
    )


def soft():
    distance = np.hypot(ROWS - 48, COLUMNS - 60)
    return as_file(np.clip(255 - (distance - 15) * 255 / 30, 0, 255).astype(np.uint8))


def dark():
    return as_file(np.where(TRUTH, 0, 255).astype(np.uint8))


def overlay(file_format="PNG", alpha=0.5):
    painted = SENT * (1 - alpha) + np.array((30, 144, 255)) * alpha
    return as_file(
        np.where(TRUTH[..., None], painted, SENT).astype(np.uint8), file_format, **_quality(file_format)
    )


def _quality(file_format):
    return {"quality": 95} if file_format == "JPEG" else {}


def iou(mask):
    got = mask.to_numpy()
    return (got & TRUTH).sum() / (got | TRUTH).sum()


@pytest.mark.parametrize(
    ("data", "reader", "least"),
    [
        (cut_out(), "alpha", 1.0),
        (on_black(), "nonblack", 1.0),
        (on_black("JPEG"), "nonblack", 0.9),
        (coloured(), "#1e90ff", 1.0),
        (coloured(255), "#1E90FF", 1.0),
        (coloured(0, "JPEG"), "#1e90ff", 0.95),
        (dark(), "dark", 1.0),
        (soft(), "soft", 0.95),
        (overlay(), "difference", 0.97),
        (overlay("JPEG"), "difference", 0.9),
        (overlay(alpha=0.35), "difference", 0.95),
        (overlay(alpha=1.0), "difference", 0.95),
    ],
)
def test_each_form_is_read_by_its_reader(data, reader, least):
    """The auto rules refuse it (or read its opposite), the right reader gives the mask that was drawn."""
    assert iou(make_reader(reader).read(data, CONTEXT).mask) >= least


@pytest.mark.parametrize("data", [cut_out(), on_black(), coloured(), soft(), overlay()])
def test_auto_does_not_guess(data):
    """What is no mask for certain is refused, with the reason."""
    with pytest.raises(MaskError):
        make_reader().read(data, CONTEXT)


@pytest.mark.parametrize(
    ("data", "reader"),
    [(cut_out(), "alpha"), (coloured(), "#1e90ff"), (overlay(), "difference"), (on_black(), "nonblack")],
)
def test_the_right_reader_is_suggested(data, reader):
    """What would work is tried before it is advised."""
    assert reader in readers_that_fit(data, CONTEXT)


def test_a_users_function_reads():
    """It gets the bytes, the size and the pixels as sent; the note tells that it was one."""

    def whiter(data, context):
        assert context.size_hw == SIZE_HW
        assert context.pixels.shape == (*SIZE_HW, 3)
        return np.asarray(Image.open(io.BytesIO(data))) > 127

    done = make_reader(whiter).read(soft(), CONTEXT)

    assert iou(done.mask) > 0.95
    assert "function" in done.notes[0]
    assert "whiter" in make_reader(whiter).name


@pytest.mark.parametrize(
    "answer", [None, "x", 7, np.zeros((2, 2, 2)), np.arange(4).reshape(2, 2), np.array([[0.1, 0.7]])]
)
def test_a_function_that_gives_no_mask_is_told_so(answer):
    """Neither guessed at nor an error of ours."""
    with pytest.raises(MaskError, match=r"reader gave|reader raised"):
        make_reader(lambda data, context: answer).read(b"", CONTEXT)


def test_a_functions_own_error_is_the_rows():
    """Its type and text are kept."""
    with pytest.raises(MaskError, match="KeyError"):
        make_reader(lambda data, context: {}["x"]).read(b"", CONTEXT)


@pytest.mark.parametrize("spec", ["", "Alpha", "#12", "#gggggg", 3, None, b"alpha", "../x"])
def test_an_unknown_reader_is_refused(spec):
    """Before anything is sent; the message lists the names."""
    with pytest.raises(OptionError, match="difference"):
        make_reader(spec)


def test_the_difference_needs_the_image():
    """An image that was sent as a URL is not downloaded behind the user's back."""
    with pytest.raises(MaskError, match="not at hand"):
        make_reader("difference").read(overlay(), ReaderContext())


def test_the_difference_refuses_another_picture():
    """A picture of something else is not taken for paint."""
    other = as_file(RNG.randint(0, 255, (*SIZE_HW, 3), dtype=np.uint8))
    with pytest.raises(MaskError):
        make_reader("difference").read(other, CONTEXT)


def test_the_difference_says_how_sure_it_is():
    """A figure in the note, and nothing painted is an empty mask."""
    painted = make_reader("difference").read(overlay(), CONTEXT)
    nothing = make_reader("difference").read(as_file(SENT), CONTEXT)

    assert "% sure" in painted.notes[0]
    assert nothing.mask.area == 0


@pytest.mark.parametrize("data", [b"", b"<html>x</html>", cut_out()[:80], b"\x89PNG\r\n\x1a\n" + b"0" * 50])
@pytest.mark.parametrize("reader", ["auto", "alpha", "nonblack", "dark", "soft", "#1e90ff", "difference"])
def test_bytes_that_are_no_picture_are_refused_by_all(data, reader):
    """By name, with what they are."""
    with pytest.raises(MaskError):
        make_reader(reader).read(data, CONTEXT)
    assert form_of(data)
    assert small_png(data) is None


def test_read_output_takes_files_and_bytes(tmp_path):
    """A kept file is tried without a run; the image is whatever a cell may hold."""
    kept = tmp_path / "abc"
    kept.write_bytes(overlay())

    assert iou(read_output(kept, "difference", image=SENT)) > 0.9
    assert iou(samframe.read_output(str(kept), "difference", image=as_file(SENT))) > 0.9
    with pytest.raises(OptionError, match="cannot be read"):
        read_output(tmp_path / "no such file")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (cut_out(), "PNG, 128 x 96 px, mode RGBA"),
        (coloured(), "2 colours (#000000, #1e90ff)"),
        (b"<html>", "HTML"),
        (b"", "0 bytes"),
    ],
)
def test_the_form_is_told(data, words):
    """Format, size, mode and colours, for the message."""
    assert words in form_of(data)


def test_a_small_picture_is_shown():
    """A PNG of few pixels, whatever came."""
    shown = Image.open(io.BytesIO(small_png(cut_out(), side_px=40)))

    assert max(shown.size) == 40
    assert Image.open(io.BytesIO(small_png(SENT, side_px=40))).size == (40, 30)


def test_named_readers_cross_processes():
    """A Dask worker gets the same reader."""
    again = pickle.loads(pickle.dumps(make_reader("#19f")))  # noqa: S301 - our own

    assert again.name == "#19f"


def test_a_context_without_pixels_says_so():
    """An error, not None in the place of an array."""
    with pytest.raises(ImageError, match="not at hand"):
        ReaderContext(size_hw=(2, 2)).pixels  # noqa: B018 - reading it is the act
