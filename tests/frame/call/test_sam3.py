"""The second model through the local server: boxes, several objects, scores, and what it costs."""

import numpy as np
import pandas as pd
import pytest

import samframe
from samframe.errors import OptionError
from samframe.server import DrawnEngine, LocalServer, OutputForm, ServerConfig
from samframe.testing import make_scene

BOXES = [(2, 3, 12, 9), (14, 4, 30, 20), (1, 12, 9, 23)]


@pytest.fixture(params=["urls", "mapping", "zip"])
def several(request, tmp_path):
    """A server that tells several masks in one of three forms, and a call of it."""
    config = ServerConfig(
        engine=DrawnEngine(), latency_s=0.0, price_usd=0.005, output=OutputForm(several=request.param)
    )
    with LocalServer(config) as server:
        client = samframe.Client("SG_0123456789abcdef", base_url=server.base_url)
        yield server, {"client": client, "store": tmp_path, "progress": False, "model": "sam3-image"}


def box_of(mask):
    x, y, width, height = mask.bbox_xywh
    return (x, y, x + width, y + height)


def test_a_box_arrives_where_it_was_drawn(service, picture):
    """The server draws what it received."""
    df = pd.DataFrame({"image": [picture(70)] * 4, "at": [*BOXES, (5, 5, 5, 9)]})

    out = service.segment(df, boxes_col="at", model="sam3-image")
    sizes = df.assign(at=[(2, 3, 10, 6), (14, 4, 16, 16), (1, 12, 8, 11), None])
    same = service.segment(sizes, boxes_col="at", box_format="xywh", model="sam3-image")

    assert [box_of(mask) for mask in out["mask"].iloc[:3]] == BOXES
    assert "has no area" in out["error"].iloc[3]
    assert out["mask"].iloc[:3].equals(same["mask"].iloc[:3])
    assert "neither a prompt, coordinates nor boxes" in same["error"].iloc[3]


def test_columns_of_a_box(service, picture):
    """Four columns of numbers are a box a row."""
    df = pd.DataFrame({"image": [picture(71)], "x1": [2], "y1": [3], "x2": [12], "y2": [9]})

    out = service.segment(df, boxes_col=["x1", "y1", "x2", "y2"], model="sam3-image")

    assert box_of(out["mask"].iloc[0]) == (2, 3, 12, 9)


def test_three_objects_are_three_rows_and_one_job(several, picture, tmp_path):
    """Cost is counted once, a re-run sends nothing, Parquet and COCO hold instances and scores."""
    server, options = several
    df = pd.DataFrame({"image": [picture(72)], "at": [BOXES], "n": [7]}, index=["i"])
    call = {**options, "boxes_col": "at", "instances": "rows", "details": True}

    out = df.sam.segment(**call)
    requests = server.counters.requests
    again = df.sam.segment(**call)

    assert (server.counters.submits, server.counters.requests) == (1, requests)
    assert out.index.tolist() == ["i"] * 3
    assert (out["instance"].tolist(), out["n"].tolist()) == ([0, 1, 2], [7] * 3)
    assert out["score"].tolist() == [0.9, 0.8, 0.7]
    assert out["box"].tolist() == BOXES
    assert out["cost"].sum() == pytest.approx(0.005)
    assert out["request_id"].notna().tolist() == [True, False, False]
    assert again["mask"].equals(out["mask"])
    out = out.drop(columns="at")
    out.sam.to_parquet(tmp_path / "rows.parquet")
    back = samframe.read_parquet(tmp_path / "rows.parquet")
    assert back["score"].tolist() == [0.9, 0.8, 0.7]
    assert back["mask"].tolist() == out["mask"].tolist()


def test_a_mask_that_is_damaged_is_read_again_from_the_artifact(several, picture):
    """One artifact holds all masks of a job: there are three or none."""
    server, options = several
    df = pd.DataFrame({"image": [picture(73)], "at": [BOXES]})
    call = {**options, "boxes_col": "at", "instances": "rows"}
    out = df.sam.segment(**call)
    with samframe.Ledger(options["store"]) as ledger:
        (record,) = ledger.records()

    data = (options["store"] / "artifacts" / record["artifact"][:2] / record["artifact"]).read_bytes()

    assert data.startswith(b"PK")
    assert len(out) == 3
    assert server.counters.submits == 1


def test_one_mask_by_default_and_parameters_of_its_own(several, picture):
    """The union is one row; a parameter at its default makes no new job."""
    server, options = several
    df = pd.DataFrame({"image": [picture(74)], "prompt": ["a"]})

    out = df.sam.segment(**options)
    df.sam.segment(**options, parameters={"threshold": 0.5})
    df.sam.segment(**options, parameters={"threshold": 0.4})

    assert (len(out), out["status"].tolist()) == (1, ["completed"])
    assert server.counters.submits == 2


def test_fields_of_the_other_model_are_refused(service, picture):
    """Whoever sends them is told, and not billed."""
    wrong = samframe.Model(slug="sam3-image", prompt="prompt", points=None)

    out = service.segment(pd.DataFrame({"image": [picture(75)], "prompt": ["a"]}), model=wrong)

    assert "sam3-image has no field prompt" in out["error"].iloc[0]


def test_only_models_that_give_several(service, picture):
    """The other one is refused with the way to connected parts."""
    df = pd.DataFrame({"image": [picture(76)], "prompt": ["a"]})

    with pytest.raises(OptionError, match=r"df\.sam\.explode"):
        service.segment(df, instances="rows")
    with pytest.raises(OptionError, match="'union' or 'rows'"):
        service.segment(df, instances="each")


def test_the_offline_engine_finds_several_and_takes_boxes():
    """Plural prompts are an object a row; a box holds what is grown from its middle."""
    scene = make_scene("flat", 3, size=128)
    y, x = (int(values.mean()) for values in np.nonzero(scene.objects[0].mask))
    df = pd.DataFrame({"image": [scene.image], "at": [(x - 40, y - 40, x + 40, y + 40)]})
    with samframe.offline() as client:
        every = samframe.segment(df, prompts=["objects"], client=client, model="sam3-image", instances="rows")
        boxed = samframe.segment(df, prompt_col=None, boxes_col="at", client=client, model="sam3-image")

    assert len(every) == len(scene.objects)
    assert boxed["status"].tolist() == ["completed"]
    assert boxed["mask"].iloc[0].area > 0


def test_several_masks_that_nobody_asked_for_are_one(several, picture):
    """A model that gives several and answers so anyway: their union, read again from the artifact for nothing."""
    server, options = several
    eager = samframe.Model(
        slug="sam3-image", prompt=None, points=None, remove_points=None, boxes="boxes_input",
        overlay="return_overlay", preview="return_masks", several="return_preview",
    )  # fmt: skip
    df = pd.DataFrame({"image": [picture(78)], "at": [BOXES]})

    out = df.sam.segment(**{**options, "model": eager}, boxes_col="at")

    assert out["status"].tolist() == ["completed"]
    assert len(out["mask"].iloc[0].components()) == 3
    assert server.counters.submits == 1


def test_a_crash_between_masks_leaves_none_or_all(several, picture, monkeypatch):
    """The archive is one file and one commit: a run that dies before it stores the masks anew, without paying."""
    server, options = several
    df = pd.DataFrame({"image": [picture(77)], "at": [BOXES]})
    call = {**options, "boxes_col": "at", "instances": "rows"}
    from samframe.jobs.ledger import Ledger  # noqa: PLC0415 - its method is broken here alone

    async def dies(self, *args, **kwargs):
        raise MemoryError("the kernel died here")

    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "stored", dies)
        with pytest.raises(BaseException, match="died here"):
            df.sam.segment(**call)
    with samframe.Ledger(options["store"]) as ledger:
        states = [record["state"] for record in ledger.records()]
    out = df.sam.segment(**call)

    assert states == ["completed"]
    assert len(out) == 3
    assert server.counters.submits == 1


def test_a_dataset_keeps_its_rows(tmp_path):
    """Options that make rows are refused before anything is read."""
    pd.DataFrame({"image": ["a.png"]}).to_parquet(tmp_path / "rows.parquet")
    for options in ({"prompts": ["a"]}, {"instances": "rows", "model": "sam3-image"}, {"only": "missing"}):
        with pytest.raises(OptionError, match="keeps the rows of its source"):
            samframe.segment_dataset(tmp_path / "rows.parquet", out=tmp_path / "out", **options)


def test_connected_parts_are_rows():
    """The largest first, costs once, rows without a mask as they are."""
    pixels = np.zeros((10, 10), bool)
    pixels[:2, :2] = pixels[5:9, 5:9] = pixels[9, 0] = True
    df = pd.DataFrame(
        {
            "mask": pd.array(
                [samframe.Mask.from_numpy(pixels), pd.NA, samframe.Mask.from_numpy(pixels & False)], "mask"
            ),
            "cost": [0.002, None, 0.002],
        },
        index=["a", "b", "c"],
    )

    out = df.sam.explode()

    assert out.index.tolist() == ["a", "a", "a", "b", "c"]
    assert out["instance"].tolist()[:3] == [0, 1, 2]
    assert out["box"].tolist()[:2] == [(5, 5, 9, 9), (0, 0, 2, 2)]
    assert out["cost"].sum() == pytest.approx(0.004)
    assert len(df.sam.explode(min_area=2)) == 4
    with pytest.raises(OptionError, match="connectivity"):
        df.sam.explode(connectivity=6)
