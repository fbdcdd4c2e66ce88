"""Jars and Java: what goes wrong on a machine is one message, and nothing half done is left."""

import json
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lakehouse.errors import DownloadError, ServiceError
from lakehouse.services.java import jars, java
from lakehouse.settings import Settings, load


@pytest.fixture
def empty_cache(tmp_path: Path) -> Settings:
    return load().model_copy(update={"cache": tmp_path / "cache"})


def seeded(settings: Settings) -> Path:
    """A copy of this user's jars in another cache."""
    return Path(shutil.copytree(jars.fetch(load(), "delta"), jars.folder(settings, "delta")))


def java_that_says(folder: Path, version: str) -> Path:
    """A Java home whose `java -version` answers so."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def test_jars_in_the_cache_need_no_network(empty_cache, tmp_path):
    folder = seeded(empty_cache)

    offline = empty_cache.model_copy(update={"ivy_settings": dead_mirror(tmp_path)})

    assert jars.fetch(offline, "delta") == folder


def test_no_network_is_one_message_and_leaves_nothing(empty_cache, tmp_path):
    offline = empty_cache.model_copy(update={"ivy_settings": dead_mirror(tmp_path)})

    with pytest.raises(DownloadError, match=r"Check the network.*LAKEHOUSE_IVY_SETTINGS"):
        jars.fetch(offline, "delta")

    assert [path.name for path in (offline.cache / "jars").iterdir()] == ["delta.lock"]


def test_a_damaged_jar_is_named_with_both_digests(empty_cache):
    folder = seeded(empty_cache)
    damaged = folder / "delta-storage-4.4.0.jar"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")

    with pytest.raises(DownloadError, match=r"delta-storage-4.4.0.jar.*expected SHA-256 c46735481fa8.*Delete .*delta-"):
        jars.fetch(empty_cache, "delta")


def test_a_wrong_jar_from_a_mirror_is_not_kept(empty_cache, tmp_path):
    mirror = tmp_path / "mirror"
    for jar in jars.fetch(load(), "delta").iterdir():
        mirror.mkdir(exist_ok=True)
        (mirror / jar.name).write_bytes(b"not this")

    with pytest.raises(DownloadError, match="Nothing was kept"):
        jars.fetch(empty_cache.model_copy(update={"ivy_settings": mirror_of(mirror, tmp_path)}), "delta")

    assert [path.name for path in (empty_cache.cache / "jars").iterdir()] == ["delta.lock"]


def test_two_at_once_fetch_once_and_from_the_mirror_that_is_named(empty_cache, tmp_path, capsys):
    mirrored = empty_cache.model_copy(update={"ivy_settings": mirror_of(jars.fetch(load(), "delta"), tmp_path)})

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: jars.fetch(mirrored, "delta"), range(2)))

    assert both == [jars.folder(mirrored, "delta")] * 2
    assert capsys.readouterr().err.count("fetching the files for delta") == 1
    assert {jar.name for jar in both[0].iterdir()} == set(jars.expected("delta"))


def test_a_full_disk_is_seen_before_anything_is_fetched(empty_cache):
    with pytest.raises(DownloadError, match=r"821 MB are needed in .* 5 MB are free.*LAKEHOUSE_CACHE"):
        jars.fetch(empty_cache, "trino", free=lambda _: 5_000_000)


def test_an_old_java_is_refused_by_its_version(tmp_path):
    settings = load().model_copy(update={"java_home": java_that_says(tmp_path, "11.0.2")})

    with pytest.raises(ServiceError, match="Java 11, Spark needs 17 or newer"):
        java.find(settings)


def test_a_java_of_ones_own_is_used(tmp_path):
    settings = load().model_copy(update={"java_home": java_that_says(tmp_path, "21.0.8")})

    assert java.find(settings) == java.Java(tmp_path / "bin" / "java", 21)


def test_no_registry_host_is_named():
    files = [jars.IVY_XML.read_text(), jars.DIGESTS.read_text()]

    assert not any("http" in text for text in files)
    assert set(json.loads(files[1])) == {"delta", "trino"}


def mirror_of(files: Path, folder: Path) -> Path:
    """Ivy settings that name a folder of files as the repository."""
    settings = folder / "mirror.xml"
    settings.write_text(
        f"""<ivysettings><settings defaultResolver="mirror"/><resolvers><filesystem name="mirror">
        <artifact pattern="{files}/[artifact]-[revision].[ext]"/></filesystem></resolvers></ivysettings>"""
    )
    return settings


def dead_mirror(folder: Path) -> Path:
    """Ivy settings that name a mirror where nobody listens."""
    file = folder / "dead.xml"
    file.write_text(
        """<ivysettings><settings defaultResolver="dead"/><resolvers>
        <ibiblio name="dead" m2compatible="true" root="http://127.0.0.1:9/"/></resolvers></ivysettings>"""
    )
    return file
