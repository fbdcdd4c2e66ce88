"""The AOT caches: used where they are whole and wanted. How one is made is tried by `make bench`, it takes minutes."""

import zipfile
from dataclasses import replace

import pytest

from lakehouse.services import roster
from lakehouse.services.java import aot
from lakehouse.services.java.runtime import class_path
from lakehouse.settings import Settings, SparkSettings, load


@pytest.fixture
def settings(tmp_path) -> Settings:
    """An empty cache of AOT caches beside the jars of this user."""
    return load().model_copy(update={"cache": tmp_path, "aot": "auto"})


@pytest.fixture
def runtime():
    return roster.runtime(load(), "spark")


def test_without_a_cache_the_service_runs_as_it_is(settings, runtime):
    assert aot.applied(settings, "spark", runtime) == runtime
    assert aot.is_missing(settings, "spark", runtime)


def test_a_draft_is_not_used_and_a_whole_one_is(settings, runtime):
    home = aot.folder(settings, "spark", runtime)
    training = aot.training(runtime, home)
    (home / aot.DRAFT).touch()
    assert aot.applied(settings, "spark", runtime) == runtime

    (home / aot.DRAFT).rename(home / aot.FILE)

    used = aot.applied(settings, "spark", runtime)
    assert used.aot == (f"-XX:AOTCache={home / aot.FILE}",)
    assert class_path(used) == class_path(training)
    assert not aot.is_missing(settings, "spark", runtime)


@pytest.mark.parametrize(
    "unwanted", [{"aot": "off"}, {"spark": SparkSettings(profile="stock")}], ids=["switched off", "plain Spark"]
)
def test_a_cache_that_is_not_wanted_is_neither_used_nor_made(settings, runtime, unwanted):
    home = aot.folder(settings, "spark", runtime)
    home.mkdir(parents=True)
    (home / aot.FILE).touch()

    assert aot.applied(settings.model_copy(update=unwanted), "spark", runtime) == runtime
    (home / aot.FILE).unlink()
    assert not aot.is_missing(settings.model_copy(update=unwanted), "spark", runtime)


def test_an_older_java_makes_none(settings, runtime):
    older = replace(runtime, java=replace(runtime.java, major=21))

    assert not aot.is_missing(settings, "spark", older)


def test_signed_jars_are_replaced_in_their_places_by_copies_without_signatures(runtime, tmp_path):
    trained = class_path(aot.training(runtime, tmp_path))

    assert [jar.name for jar in trained] == [jar.name for jar in class_path(runtime)]
    copies = [jar for jar in trained if jar.parent == tmp_path]
    assert [jar.name.rpartition("-")[0] for jar in copies] == ["commons-compiler", "janino"]
    assert not [name for jar in copies for name in zipfile.ZipFile(jar).namelist() if name.endswith((".SF", ".DSA"))]
