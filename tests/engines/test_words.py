"""Words: boxes of a detector prompt SAM 2, SAM 3 takes them itself; both equal transformers called directly."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from samframe.errors import OptionError  # noqa: E402 - after the skip
from samframe.server.engines.sam import load_sam  # noqa: E402
from samframe.server.protocol import EngineRefused, Picture  # noqa: E402

THRESHOLD = 0.2


def direct_boxes(kind, folder, model, rgb, prompt):
    """Return boxes and scores as transformers' own processors give them, the surest first."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    size = [rgb.shape[:2]]
    if kind == "grounding_dino":
        images = transformers.GroundingDinoImageProcessorPil.from_pretrained(folder)
        processor = transformers.GroundingDinoProcessor(images, tokenizer)
        inputs = processor(images=rgb, text=f"{prompt.lower()}.", return_tensors="pt")
        with torch.no_grad():
            out = model(**inputs)
        found = processor.post_process_grounded_object_detection(
            out, inputs.input_ids, threshold=THRESHOLD, target_sizes=size
        )[0]
    else:
        images = transformers.Owlv2ImageProcessorPil.from_pretrained(folder)
        processor = transformers.Owlv2Processor(images, tokenizer)
        inputs = processor(images=rgb, text=[[f"a photo of {prompt}"]], return_tensors="pt")
        with torch.no_grad():
            out = model(**inputs)
        found = images.post_process_object_detection(out, threshold=THRESHOLD, target_sizes=size)[0]
    order = torch.argsort(found["scores"], descending=True, stable=True)
    height, width = rgb.shape[:2]
    boxes = found["boxes"][order].numpy().clip(0, [width, height, width, height]).astype(np.float32)
    keep = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return boxes[keep], found["scores"][order].numpy()[keep]


@pytest.mark.parametrize("kind", ["grounding_dino", "owlv2"])
def test_text_is_sam2_on_the_boxes_of_the_detector(tiny, sam2, photo, request, kind):
    """The union of the masks of all boxes, each also by itself, no bit different."""
    folder, model = request.getfixturevalue(kind)
    engine = load_sam(sam2[0], folder, text_threshold=THRESHOLD, device="cpu")
    for seed in range(3):
        rgb = photo(seed=seed)
        boxes, _ = direct_boxes(kind, folder, model, rgb, "red car")
        masks, scores = tiny.oracle_mask(sam2[1], rgb, boxes=boxes.tolist())

        made = engine.segment(rgb, prompt="red car")

        assert len(made.instances) == len(boxes) > 0
        assert np.array_equal(made.mask, np.any(masks, axis=0))
        assert all(np.array_equal(one.mask, mask) for one, mask in zip(made.instances, masks, strict=True))
        assert np.allclose([one.score for one in made.instances], scores, rtol=0, atol=1e-6)
    assert engine.name.split("+")[1].startswith(kind.replace("_", "-") + "@")


def test_an_image_is_encoded_once_for_words_and_points(sam2, owlv2, photo):
    """Two prompts and a point on one image: one encode of SAM 2, one look of OWLv2."""
    engine = load_sam(sam2[0], owlv2[0], text_threshold=THRESHOLD, device="cpu")
    looks = []
    look = engine._detector._model.image_embedder
    engine._detector._model.image_embedder = lambda **given: looks.append(1) or look(**given)

    made = [engine.segment(photo(), key="one", prompt=prompt) for prompt in ("red car", "boy")]
    made.append(engine.segment(photo(), key="one", points=[(50, 50)]))

    assert [one.detail["embedding_cached"] for one in made] == [False, True, True]
    assert (engine.n_encodes, len(looks)) == (1, 1)


def test_words_that_find_nothing_are_refused_with_the_best_score(sam2, grounding_dino, photo):
    """It never falls back to something else."""
    engine = load_sam(sam2[0], grounding_dino[0], text_threshold=1.0, device="cpu")

    with pytest.raises(EngineRefused, match=r"Nothing in the image matches 'boy': .* scores [01]\.\d\d"):
        engine.segment(photo(), prompt="boy")


def test_words_without_a_text_model_name_the_remedy(sam2, photo):
    """A SAM 2 alone takes no words."""
    engine = load_sam(sam2[0], device="cpu")

    with pytest.raises(EngineRefused, match="grounding-dino-tiny"):
        engine.segment(photo(), prompt="boy")
    assert not engine.facts.takes_text


def test_sam3_gives_the_instances_of_transformers(sam3, photo):
    """Masks, scores and boxes of every instance, the surest first."""
    import transformers

    folder, model = sam3
    rgb = photo((120, 200))
    processor = transformers.Sam3Processor(
        transformers.Sam3ImageProcessor(size={"height": 112, "width": 112}),
        transformers.AutoTokenizer.from_pretrained(folder),
    )
    inputs = processor(images=rgb, text="red car", return_tensors="pt")
    with torch.no_grad():
        out = model(**inputs)
    found = processor.image_processor.post_process_instance_segmentation(
        out, threshold=THRESHOLD, target_sizes=[(120, 200)]
    )[0]
    order = torch.argsort(found["scores"], descending=True, stable=True)

    engine = load_sam(folder, text_threshold=THRESHOLD, device="cpu")
    made = engine.segment(rgb, prompt="red car")

    masks = found["masks"][order].numpy().astype(bool)
    assert 1 < len(made.instances) == len(masks)
    assert all(np.array_equal(one.mask, mask) for one, mask in zip(made.instances, masks, strict=True))
    assert np.array_equal(made.mask, masks.any(0))
    assert np.allclose([one.score for one in made.instances], found["scores"][order].numpy(), atol=1e-6)
    assert np.allclose([one.box for one in made.instances], found["boxes"][order].numpy(), rtol=1e-5)


def test_sam3_encodes_an_image_once(sam3, photo):
    """What it made of the image serves every concept."""
    engine = load_sam(sam3[0], text_threshold=0.0, device="cpu")

    made = [engine.segment(photo(), key="one", prompt=prompt) for prompt in ("red car", "boy")]

    assert [one.detail["embedding_cached"] for one in made] == [False, True]
    assert engine.n_encodes == 1


def test_sam3_alone_refuses_points_and_a_text_model(sam3, owlv2, photo):
    """Weights without a tracker answer words only, and need no detector."""
    engine = load_sam(sam3[0], device="cpu")
    with pytest.raises(EngineRefused, match="takes words only"):
        engine.segment(photo(), points=[(5, 5)])
    with pytest.raises(OptionError, match="leave text= out"):
        load_sam(sam3[0], owlv2[0], device="cpu")


def test_boxes_of_a_detector_lie_in_the_image(sam2, owlv2, photo):
    """OWLv2 pads to a square: what it finds in the padding is cut off, and nothing empty is asked of SAM 2."""
    engine = load_sam(sam2[0], owlv2[0], text_threshold=0.0, device="cpu")
    found = engine._detector.find(Picture.of(photo((60, 240))), "red car")

    assert (found.boxes >= 0).all()
    assert (found.boxes <= [240, 60, 240, 60]).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
