"""How likely each wearer is ill, says the champion of `heart` about the wearer's latest state."""

from typing import TYPE_CHECKING

from lakehouse import Champion, ChampionModel, Column, Foreign, Overwrite, Table, score_frame, table_asset

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ML_WEARER_SCORES = Table(
    "ml.wearer_scores",
    grain="one row per wearer, about the latest reading",
    columns=(
        Column("wearer_id", "string", "Who wears the bracelet", nullable=False),
        Column("reading_id", "string", "The reading that was scored", nullable=False),
        Column("read_at", "timestamp", "UTC time of that reading, by the bracelet's clock", nullable=False),
        Column("risk", "double", "Probability of narrowed coronary vessels, 0 to 1", nullable=False),
        Column("model_name", "string", "Registered model that gave it", nullable=False),
        Column("model_version", "int", "Version of that model", nullable=False),
    ),
    write=Overwrite(),
)


@table_asset(ML_WEARER_SCORES, reads={"wearers": Foreign("gold.wearer_latest"), "model": Champion("heart")})
def ml_wearer_scores(wearers: "DataFrame", model: ChampionModel) -> "DataFrame":
    """Score the latest state of each wearer by the champion, in the engine."""
    return score_frame(wearers, model, keep=("wearer_id", "reading_id", "read_at"), score_column="risk").select(
        *ML_WEARER_SCORES.column_names
    )
