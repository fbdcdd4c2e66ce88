"""Imports that a client needs, made once for all of them."""

import deltalake
import filelock
import pandas
import pyarrow.dataset
import pyarrow.parquet
import pyspark.sql.connect.functions
import pyspark.sql.connect.session
import tenacity

import lakehouse.write.modes
import lakehouse.write.rework
import lakehouse.write.run
import tests.faults.clients

__all__ = ["deltalake", "filelock", "lakehouse", "pandas", "pyarrow", "pyspark", "tenacity", "tests"]
