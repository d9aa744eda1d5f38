"""Splits: leak-safe, seeded, stratified, whatever the order of rows; and perceptual hashes."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import samframe
from samframe.errors import OptionError
from samframe.export import split
from samframe.export.splits.drawing import check_fractions, link_nodes
from samframe.export.splits.likeness import NEAR_DUPLICATE_BITS, link_near_duplicates, perceptual_hash
from samframe.export.splits.links import Links
from samframe.testing import make_scene, sample_photo

FRACTIONS = st.sampled_from(
    [{"train": 0.8, "val": 0.2}, {"a": 0.5, "b": 0.5}, {"train": 0.7, "val": 0.2, "test": 0.1}, {"all": 1.0}]
)
ROWS = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=80)


def drawn(rows, fractions, seed=0, *, stratified=False):
    """Splits of rows (image, group, stratum), and their clusters; group 0 is none."""
    links, shares = Links(), check_fractions(fractions)
    for image, group, stratum in rows:
        links.add(
            image=f"image {image}",
            picture=None,
            group=f"group {group}" if group else None,
            stratum=str(stratum),
        )
    found, _ = links.draw(shares, seed=seed, near_duplicates=None, is_stratified=stratified)
    return [list(shares)[number] for number in found], links.clusters(None)


@given(ROWS, FRACTIONS, st.booleans())
@settings(deadline=None, max_examples=300)
def test_nothing_straddles(rows, fractions, stratified):
    """Rows of one image are in one split, and so are rows of one group."""
    found, _ = drawn(rows, fractions, stratified=stratified)
    by_image, by_group = {}, {}
    for (image, group, _), name in zip(rows, found, strict=True):
        assert by_image.setdefault(image, name) == name
        assert not group or by_group.setdefault(group, name) == name
    assert set(found) <= set(fractions)


@given(ROWS, FRACTIONS, st.randoms(use_true_random=False), st.booleans())
@settings(deadline=None, max_examples=200)
def test_the_order_of_rows_does_not_matter(rows, fractions, random, stratified):
    """A shuffled frame is split in the same way."""
    order = list(range(len(rows)))
    random.shuffle(order)
    found, _ = drawn(rows, fractions, stratified=stratified)
    shuffled, _ = drawn([rows[at] for at in order], fractions, stratified=stratified)

    # Clusters of equal content are exchangeable: what is compared is which content goes where.
    pairs = sorted((rows[at], found[at]) for at in order)
    assert sorted((rows[at], name) for at, name in zip(order, shuffled, strict=True)) == pairs


@given(ROWS, FRACTIONS)
@settings(deadline=None, max_examples=300)
def test_fractions_are_met_within_the_largest_cluster(rows, fractions):
    """A split is off its share by less than the largest cluster and one row of rounding."""
    found, clusters = drawn(rows, fractions)
    largest = np.unique(clusters, return_counts=True)[1].max()

    for name, share in fractions.items():
        assert abs(found.count(name) - share * len(rows)) < largest + 1


@given(st.lists(st.integers(0, 5), min_size=1, max_size=120), FRACTIONS)
@settings(deadline=None, max_examples=300)
def test_single_rows_are_met_to_the_row_in_every_stratum(strata, fractions):
    """Without clusters each stratum is divided to two rows at most, and so are all rows together."""
    rows = [(number, 0, stratum) for number, stratum in enumerate(strata)]
    found, _ = drawn(rows, fractions, stratified=True)

    for name, share in fractions.items():
        assert abs(found.count(name) - share * len(rows)) <= 1
        for stratum in set(strata):
            mine = [split for split, kind in zip(found, strata, strict=True) if kind == stratum]
            assert abs(mine.count(name) - share * len(mine)) < 2


def test_many_rare_strata_do_not_all_go_to_the_largest_split():
    """What rounding takes from a split in one stratum, the next one gives back."""
    rows = [(number, 0, number) for number in range(100)]
    found, _ = drawn(rows, {"train": 0.8, "val": 0.2}, stratified=True)

    assert found.count("val") == 20


def test_seeds_differ_and_repeat():
    """The same seed is the same draw; others are others."""
    rows = [(number, 0, 0) for number in range(100)]
    draws = [tuple(drawn(rows, {"train": 0.5, "val": 0.5}, seed=seed)[0]) for seed in (0, 1, 2, 0)]

    assert draws[0] == draws[3]
    assert len(set(draws)) == 3


def test_clusters_are_linked_through_others():
    """Row 0 and row 2 share nothing but row 1; a row without image and group is alone, and so is the next one."""
    links = Links()
    for image, group in (
        ("a", None),
        ("a", 1),
        ("b", 1),
        ("c", None),
        (None, None),
        (None, None),
        (None, 2),
        ("d", 2),
    ):
        links.add(image=image, picture=None, group=group, stratum=None)
    clusters = links.clusters(None).tolist()

    assert len(set(clusters[:3])) == 1
    assert clusters[6] == clusters[7]
    assert len(set(clusters)) == 5


@given(
    st.integers(1, 40).flatmap(lambda n: st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
)
@settings(deadline=None, max_examples=200)
def test_linked_nodes_are_those_of_a_walk(links):
    """Whatever the order and the length of chains, each node gets the least one that it can reach."""
    n_nodes = 40
    a, b = (np.array([link[side] for link in links], dtype=np.int64) for side in (0, 1))
    expected = np.arange(n_nodes)
    for _ in range(n_nodes):
        for low, high in (sorted((expected[x], expected[y])) for x, y in links):
            expected[expected == high] = low

    assert link_nodes(n_nodes, a, b).tolist() == expected.tolist()


@given(st.lists(st.integers(0, 2**20 - 1), min_size=1, max_size=40), st.integers(0, 8))
@settings(deadline=None, max_examples=200)
def test_near_duplicates_are_those_of_all_pairs(hashes, max_bits):
    """The bands find every pair that a comparison of all with all finds."""
    hashes = [value * 0x1000_0001_0001 % 2**63 for value in hashes]
    linked = link_near_duplicates(hashes, max_bits=max_bits)
    near = [
        [row, other]
        for row, a in enumerate(hashes)
        for other, b in enumerate(hashes)
        if (a ^ b).bit_count() <= max_bits
    ]
    expected = np.arange(len(hashes))
    for row, other in near:
        low, high = sorted((expected[row], expected[other]))
        expected[expected == high] = low

    assert linked == expected.tolist()


@pytest.fixture(scope="module")
def photo():
    return Image.open(sample_photo("coffee")).convert("RGB")


def changed(photo, how):
    if how == "jpeg":
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=30)
        return Image.open(file)
    if how == "small":
        return photo.resize((photo.width // 4, photo.height // 3))
    return photo.point(lambda value: min(255, int(value * 1.25) + 5))


@pytest.mark.parametrize("how", ["jpeg", "small", "bright"])
def test_a_copy_of_a_picture_looks_the_same(photo, how):
    """Re-encoding, scaling and brightness leave the hash within the threshold."""
    a, b = perceptual_hash(np.array(photo)), perceptual_hash(np.array(changed(photo, how).convert("RGB")))

    assert (a ^ b).bit_count() <= NEAR_DUPLICATE_BITS


def test_other_pictures_look_different(photo):
    """Scenes, photographs and a mirrored photograph are apart by more than the threshold."""
    pictures = [
        make_scene(style, seed, size=96).image for style in ("flat", "noisy", "texture") for seed in range(8)
    ]
    pictures += [np.array(photo), np.array(photo)[:, ::-1], np.array(Image.open(sample_photo("chelsea")))]
    hashes = [perceptual_hash(picture) for picture in pictures]

    assert len(set(link_near_duplicates(hashes, max_bits=NEAR_DUPLICATE_BITS))) == len(pictures)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (3, 5), (31, 33)])
def test_pictures_of_any_size_have_a_hash(shape):
    """Down to one pixel; flat pictures are alike, whatever their size and colour."""
    flat = perceptual_hash(np.full((*shape, 3), 200, np.uint8))

    assert flat == perceptual_hash(np.full((64, 64, 3), 40, np.uint8)) == 0


@pytest.fixture
def album(tmp_path, photo):
    """Forty pictures; picture 0 also re-encoded, and also under another name."""
    rs = np.random.RandomState(0)
    names = []
    for number in range(40):
        coarse = Image.fromarray(rs.randint(0, 255, (8, 8, 3), dtype=np.uint8))
        names.append(str(tmp_path / f"{number}.png"))
        coarse.resize((64, 48), Image.Resampling.NEAREST).save(names[-1])
    changed(Image.open(names[0]), "jpeg").save(tmp_path / "again.jpg")
    (tmp_path / "copy.png").write_bytes((tmp_path / "0.png").read_bytes())
    return pd.DataFrame({"image": [*names, str(tmp_path / "again.jpg"), str(tmp_path / "copy.png")]})


def test_split_keeps_copies_together(album):
    """Whatever the seed: the copy and the re-encoded one are where the picture is."""
    for seed in range(12):
        found = split(album, {"train": 0.5, "val": 0.5}, seed=seed)

        assert found.iloc[0] == found.iloc[-1] == found.iloc[-2]
        assert abs((found == "train").sum() - 21) <= 3


def test_split_without_looks_compares_bytes_only(album):
    """near_duplicates=None decodes nothing: equal bytes stay together, a re-encoded copy may not."""
    draws = [split(album, {"train": 0.5, "val": 0.5}, seed=seed, near_duplicates=None) for seed in range(12)]

    assert all(draw.iloc[0] == draw.iloc[-1] for draw in draws)
    assert any(draw.iloc[0] != draw.iloc[-2] for draw in draws)


def test_split_is_a_column(album):
    """Categorical, with the frame's index, in the order of the fractions; df.sam.split is the same."""
    df = album.set_index(pd.Index([f"row {number}" for number in range(len(album))]))
    found = split(df, {"val": 0.25, "train": 0.75})

    assert found.index.equals(df.index)
    assert (found.name, found.cat.categories.tolist()) == ("split", ["val", "train"])
    pd.testing.assert_series_equal(found, df.sam.split({"val": 0.25, "train": 0.75}))
    assert samframe.split is split


def test_split_needs_no_images(tmp_path):
    """Missing cells, URLs and unreadable files are rows all the same; equal ones stay together."""
    df = pd.DataFrame({"image": ["https://example.com/a.jpg", "gone.jpg", None] * 10})
    for seed in range(5):
        found = split(df, {"train": 0.5, "val": 0.5}, seed=seed)

        assert found.notna().all()
        assert found[df["image"] == "gone.jpg"].unique().size == 1


def test_an_export_draws_as_split_does(album, tmp_path):
    """The same seed, groups and strata give the same splits."""
    mask = samframe.Mask.from_bbox((0, 0, 9, 9), (48, 64))
    df = album.assign(
        mask=pd.array([mask] * len(album), dtype="mask"), kind=["a", "b"] * 21, group=np.arange(42) // 3
    )
    options = {"seed": 3, "stratify": "kind", "group": "group"}
    column = df.sam.split({"train": 0.7, "val": 0.3}, **options)
    df.assign(split=column).sam.to_coco(tmp_path / "column", split="split")
    df.sam.to_coco(tmp_path / "drawn", split={"train": 0.7, "val": 0.3}, **options)

    assert (tmp_path / "column" / "rows.jsonl").read_bytes() == (
        tmp_path / "drawn" / "rows.jsonl"
    ).read_bytes()


def test_what_cannot_be_met_is_told(album, tmp_path):
    """One group of everything goes to one split, with a warning."""
    mask = samframe.Mask.from_bbox((0, 0, 9, 9), (48, 64))
    df = album.assign(mask=pd.array([mask] * len(album), dtype="mask"), video="one")
    report = df.sam.to_coco(tmp_path / "set", split={"train": 0.8, "val": 0.2}, group="video")

    assert any("belong together" in warning for warning in report.warnings)
    assert any("'val' is empty" in warning for warning in report.warnings)


@pytest.mark.parametrize(
    "fractions",
    [
        {},
        {"a": 0},
        {"a": 0.5, "b": 0.6},
        {"a": True},
        {"": 1.0},
        {1: 1.0},
        {"a": "most"},
        {"a": float("nan")},
    ],
)
def test_fractions_are_checked(fractions):
    """They are numbers above 0 that sum to 1, with names."""
    with pytest.raises(OptionError):
        check_fractions(fractions)


def test_a_missing_column_is_an_error(album):
    """Whatever it is for."""
    for options in ({"image_col": "picture"}, {"group": "video"}, {"stratify": "kind"}):
        with pytest.raises(OptionError, match="There is no column"):
            split(album, {"train": 1.0}, **options)
