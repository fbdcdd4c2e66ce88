// A plain client: the driver, the URL and the table as arguments, the token in the environment.
import java.sql.{DriverManager, ResultSet}
import java.util.Properties

object Client {
  private def rows(name: String, given: ResultSet, column: String): Unit =
    while (given.next()) println(s"$name=${given.getString(column)}")

  def main(args: Array[String]): Unit = {
    val properties = new Properties()
    properties.setProperty("accessToken", sys.env("TOKEN"))
    val connection = DriverManager.getConnection(args(0), properties)
    val Array(schema, table) = args(1).split('.')
    val told = connection.getMetaData
    rows("catalog", told.getCatalogs, "TABLE_CAT")
    rows("schema", told.getSchemas(connection.getCatalog, schema), "TABLE_SCHEM")
    rows("table", told.getTables(connection.getCatalog, schema, table, null), "TABLE_NAME")
    rows("column", told.getColumns(connection.getCatalog, schema, table, null), "COLUMN_NAME")
    rows("user", connection.createStatement().executeQuery("SELECT current_user AS u"), "u")
    rows("count", connection.createStatement().executeQuery(s"SELECT count(*) AS n FROM ${args(1)}"), "n")
    connection.close()
  }
}
