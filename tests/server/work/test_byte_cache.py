"""A cache bounded by bytes."""

from hypothesis import given
from hypothesis import strategies as st

from samframe.server.engines.cache import ByteCache


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 12))), st.integers(0, 30))
def test_it_never_holds_more_than_its_room(entries, room):
    """Whatever comes in whatever order; the sum that it keeps is right."""
    cache = ByteCache(room)
    sizes = {}
    for key, n_bytes in entries:
        cache.put(key, key, n_bytes=n_bytes)
        sizes[key] = n_bytes

        held = [key for key in sizes if key in cache]
        assert cache.used_bytes == sum(sizes[key] for key in held) <= room
        assert len(cache) == len(held)


def test_what_was_used_last_stays():
    """Reading counts as use, and a value put again takes its new size."""
    cache = ByteCache(10)
    cache.put("a", 1, n_bytes=5)
    cache.put("b", 2, n_bytes=5)
    assert cache.get("a") == 1

    cache.put("c", 3, n_bytes=5)

    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    cache.put("a", 4, n_bytes=9)
    assert (cache.get("a"), cache.get("c"), cache.used_bytes) == (4, None, 9)
    cache.clear()
    assert (len(cache), cache.used_bytes) == (0, 0)


def test_what_is_larger_than_all_room_is_not_kept():
    """And what was kept under its key goes: it would be stale."""
    cache = ByteCache(10)
    cache.put("a", 1, n_bytes=5)

    cache.put("a", 2, n_bytes=11)

    assert cache.get("a") is None
    assert cache.used_bytes == 0
