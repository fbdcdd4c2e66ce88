// What a test does to an engine from within: a function of SQL that stops its block manager. The JVM goes on.
package lakehouse

import org.apache.spark.SparkEnv
import org.apache.spark.sql.api.java.UDF0

class BreakEngine extends UDF0[Integer] {
  override def call(): Integer = {
    val manager = SparkEnv.get.getClass.getMethod("blockManager").invoke(SparkEnv.get)
    manager.getClass.getMethod("stop").invoke(manager)
    1
  }
}
