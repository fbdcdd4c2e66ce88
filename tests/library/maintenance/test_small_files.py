"""When files are joined, and which: decided from sizes alone."""

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.maintenance import Limits, StoredFile, need
from lakehouse.maintenance.small_files import groups_to_join

LIMITS = Limits(files=3, small_bytes=10, full_bytes=25)

files = st.lists(
    st.builds(StoredFile, st.uuids().map(str), st.integers(0, 30), st.sampled_from(["a", "b"])),
    max_size=40,
    unique=True,
)


def files_of(*sizes: int, partition: str = "") -> list[StoredFile]:
    return [StoredFile(str(place), size, partition) for place, size in enumerate(sizes)]


def test_few_files_are_left_alone():
    assert need(files_of(1, 1, 1), LIMITS) is None
    assert need([], LIMITS) is None


def test_many_small_files_become_one():
    why = need(files_of(1, 1, 1, 1, 100), LIMITS)

    assert why is not None
    assert (why.files, why.small, why.small_bytes, why.after) == (5, 4, 4, 2)


def test_large_files_are_no_reason():
    assert need(files_of(*[10] * 100), LIMITS) is None


def test_one_small_file_in_each_partition_is_as_it_must_be():
    assert need([StoredFile(str(place), 1, str(place)) for place in range(100)], LIMITS) is None


@given(files)
def test_what_is_joined_is_small_of_one_partition_and_not_too_much(listed: list[StoredFile]):
    groups = groups_to_join(listed, LIMITS)

    for group in groups:
        assert len(group) > 1
        assert all(file.size < LIMITS.small_bytes for file in group)
        assert len({file.partition for file in group}) == 1
        assert sum(file.size for file in group) <= LIMITS.full_bytes
    together = [file for group in groups for file in group]
    assert len(set(together)) == len(together)


@given(files)
def test_upkeep_comes_to_an_end(listed: list[StoredFile]):
    """Joining again and again ends: no table is compacted at each publish for ever."""
    for _ in range(len(listed) + 1):
        if need(listed, LIMITS) is None:
            return
        groups = groups_to_join(listed, LIMITS)
        gone = {file.path for group in groups for file in group}
        whole = [StoredFile(f"{g[0].path}+", sum(file.size for file in g), g[0].partition) for g in groups]
        listed = [file for file in listed if file.path not in gone] + whole
    raise AssertionError("there is always something to join")
