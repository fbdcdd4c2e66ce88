"""TPC-H data as Parquet, made once per scale factor and kept in the user's cache."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lakehouse.settings import load

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")
PARTS = 4
# 60,012 for each hundredth of a scale factor, nearly.
LINEITEMS = 6_001_215


def scale_of(rows: int) -> float:
    """The scale factor at which lineitem has so many rows, nearly."""
    return round(rows / LINEITEMS, 3)


def table(name: str, scale: float = 1) -> str:
    """The folder of one table, as a URI; it is made where it is not there yet."""
    target = load().cache / "tpch" / f"{scale:g}" / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [
            str(Path(sys.executable).parent / "tpchgen-cli"),
            "parquet",
            "--quiet",
            "--scale-factor",
            f"{scale:g}",
        ]
        with tempfile.TemporaryDirectory(dir=target.parent) as draft:
            subprocess.run(
                [*command, "--tables", name, "--parts", str(PARTS), "--output-dir", draft], check=True, timeout=1800
            )
            made = Path(draft) / name
            # The two smallest tables have too few rows for several parts.
            if not made.exists():
                made.mkdir()
                shutil.move(Path(draft) / f"{name}.parquet", made)
            made.rename(target)
    return target.as_uri()
