"""Seeded mistakes in the engine: the comparison with transformers catches them."""

import importlib
import inspect

import pytest

torch = pytest.importorskip("torch")

ROOM = "samframe.server.engines.sam"
#: Reloaded in this order, so that each holds the classes of the one before.
MODULES = [
    f"{ROOM}.{name}" for name in ("pixels", "device", "sam2", "sam3", "detectors", "onnx", "engine", "load")
]

MUTANTS = {
    "x and y swapped": ("sam2", "points + removed, scale)", "[p[::-1] for p in points + removed], scale)"),
    "scales of x and y swapped": (
        "sam2",
        "scale = (side_px / size_hw[1], side_px / size_hw[0])",
        "scale = (side_px / size_hw[0], side_px / size_hw[1])",
    ),
    "labels swapped": ("sam2", "[1] * len(points) + [0] * len(removed)", "[0] * len(points) + [1] * len(removed)"),
    "points to exclude left out": ("sam2", "removed, boxes = list(question.points), list(question.remove_points),",
                                   "removed, boxes = list(question.points), [],"),
    "BGR": ("pixels", "rgb.transpose(2, 0, 1)", "rgb[..., ::-1].transpose(2, 0, 1)"),
    "half a pixel": ("sam2", "np.array(values, np.float32).reshape", "(np.array(values, np.float32) + 0.5).reshape"),
    "no antialias": ("pixels", "antialias=True", "antialias=False"),
    "resized in float": ("pixels", "image if exact else image.float()", "image.float()"),
    "a stale cache": ("engine", 'key = f"{kind}:{picture.key}"', 'key = f"{kind}"'),
    "the first mask always": ("sam2", "best = int(ious.argmax())", "best = 0"),
    "one mask of three never": ("sam2", "multimask_output=prompts.is_ambiguous", "multimask_output=False"),
    "three masks always": ("sam2", "multimask_output=prompts.is_ambiguous", "multimask_output=True"),
    "cut above 0": ("sam2", "whole[0, 0] > 0.0", "whole[0, 0] > 0.01"),
    "corners aligned": (
        "sam2",
        'mode="bilinear", align_corners=False',
        'mode="bilinear", align_corners=True',
    ),
    "enlarged to the nearest": ("sam2", 'mode="bilinear", align_corners=False', 'mode="nearest"'),
    "not normalised by 255": ("pixels", "torch.tensor(values) * 255.0", "torch.tensor(values) * 256.0"),
    "boxes with width and height": (
        "sam2",
        "boxes=_scaled(boxes, scale * 2) if boxes else None",
        "boxes=_scaled([(l, t, r - l, b - t) for l, t, r, b in boxes], scale * 2) if boxes else None",
    ),
    "only the first box": ("sam2", "list(question.boxes)", "list(question.boxes)[:1]"),
}  # fmt: skip


@pytest.fixture(scope="module")
def judged(tiny, sam2, request):
    """Return a judge: it lists the questions that the engine, as its sources are now, answers wrongly."""
    import exactness

    files = exactness.image_files(request.getfixturevalue("photo_maker"))
    rgb_of = {kind: exactness.pixels_of(raw) for kind, raw in files.items()}
    truths = {kind: exactness.truth(sam2[1], rgb) for kind, rgb in rgb_of.items()}

    def judge():
        load = importlib.import_module(f"{ROOM}.load")
        return exactness.wrong_answers(load.load_sam(sam2[0], device="cpu"), rgb_of, truths)

    return judge


@pytest.fixture
def reloaded():
    """Return a function that replaces one text in a module and reloads all that depend on it; undone at the end."""

    def reload(swap=None):
        for name in MODULES:
            module = importlib.import_module(name)
            if swap is None or not name.endswith("." + swap[0]):
                importlib.reload(module)
                continue
            source = inspect.getsource(module)
            assert source.count(swap[1]) == 1, f"{swap[1]!r} stands {source.count(swap[1])} times in {name}"
            exec(compile(source.replace(swap[1], swap[2]), module.__file__, "exec"), module.__dict__)  # noqa: S102

    yield reload
    reload()


def test_without_a_mistake_no_answer_is_wrong(judged, reloaded):
    """The judge itself: 64 of 64, reloaded or not."""
    assert judged() == []
    reloaded()
    assert judged() == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_seeded_mistake_is_caught(judged, reloaded, name):
    """At least one answer has other bits."""
    reloaded(MUTANTS[name])

    assert judged() != []
