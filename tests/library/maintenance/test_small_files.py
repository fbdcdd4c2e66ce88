"""When files are joined, and which: decided from sizes alone."""

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.maintenance import Held, Limits, need
from lakehouse.maintenance.small_files import joined

LIMITS = Limits(files=3, small_bytes=10, full_bytes=25)

files = st.lists(
    st.builds(Held, st.uuids().map(str), st.integers(0, 30), st.sampled_from(["a", "b"])), max_size=40, unique=True
)


def held(*sizes: int, partition: str = "") -> list[Held]:
    return [Held(str(place), size, partition) for place, size in enumerate(sizes)]


def test_few_files_are_left_alone():
    assert need(held(1, 1, 1), LIMITS) is None
    assert need([], LIMITS) is None


def test_many_small_files_become_one():
    found = need(held(1, 1, 1, 1, 100), LIMITS)

    assert found is not None
    assert (found.files, found.small, found.small_bytes, found.after) == (5, 4, 4, 2)


def test_large_files_are_no_reason():
    assert need(held(*[10] * 100), LIMITS) is None


def test_one_small_file_in_each_partition_is_as_it_must_be():
    assert need([Held(str(place), 1, str(place)) for place in range(100)], LIMITS) is None


@given(files)
def test_what_is_joined_is_small_of_one_partition_and_not_too_much(listed: list[Held]):
    groups = joined(listed, LIMITS)

    for group in groups:
        assert len(group) > 1
        assert all(each.size < LIMITS.small_bytes for each in group)
        assert len({each.partition for each in group}) == 1
        assert sum(each.size for each in group) <= LIMITS.full_bytes
    together = [each for group in groups for each in group]
    assert len(set(together)) == len(together)


@given(files)
def test_upkeep_comes_to_an_end(listed: list[Held]):
    """Joining again and again ends: no table is compacted at each publish for ever."""
    for _ in range(len(listed) + 1):
        if need(listed, LIMITS) is None:
            return
        groups = joined(listed, LIMITS)
        gone = {each.path for group in groups for each in group}
        whole = [Held(f"{g[0].path}+", sum(each.size for each in g), g[0].partition) for g in groups]
        listed = [each for each in listed if each.path not in gone] + whole
    raise AssertionError("there is always something to join")
