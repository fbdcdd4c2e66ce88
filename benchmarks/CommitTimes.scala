// Writes commits of one size by two log stores in turn, each into a folder of its own: FOLDER ROUNDS COMMITS.
// Prints a line for each: the store's name and the seconds of one commit.
package lakehouse

import java.nio.file.{Files, Path => DiskPath, Paths}
import java.util.{List => JavaList}
import io.delta.storage.{HDFSLogStore, LogStore}
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.Path

object CommitTimes {
  private val Lines = JavaList.of("x" * 400, "y" * 600, "z" * 1000)
  private val conf = new Configuration
  private val stores = Seq[(String, LogStore)]("ours" -> new DiskLogStore(conf), "deltas" -> new HDFSLogStore(conf))

  def main(arguments: Array[String]): Unit = {
    val Array(folder, rounds, commits) = arguments
    for ((_, store) <- stores) secondsOfOne(store, Paths.get(folder), commits.toInt) // warms it
    for (_ <- 1 to rounds.toInt; (name, store) <- stores)
      println(s"$name ${secondsOfOne(store, Paths.get(folder), commits.toInt)}")
  }

  private def secondsOfOne(store: LogStore, parent: DiskPath, commits: Int): Double = {
    val log = Files.createTempDirectory(parent, "log").toUri
    val began = System.nanoTime
    for (version <- 0 until commits)
      store.write(new Path(new Path(log), f"$version%020d.json"), Lines.iterator, false, conf)
    (System.nanoTime - began) / 1e9 / commits
  }
}
