"""Imports that a client needs, made once for all of them."""

import deltalake
import filelock
import pandas
import pyarrow.dataset
import pyarrow.parquet
import pyspark.sql.connect.functions
import pyspark.sql.connect.session
import tenacity

import lakehouse.runs.replay
import lakehouse.runs.run
import lakehouse.write.modes
import tests.library.faults.clients

__all__ = ["deltalake", "filelock", "lakehouse", "pandas", "pyarrow", "pyspark", "tenacity", "tests"]
