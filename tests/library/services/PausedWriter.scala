// Writers that stop at one step, where a test wants them to: before the step that makes a name, in the folder that
// `lakehouse.pause` names, they make the file `reached` and wait for `go`; only if there is `at`, a part of that name.
package lakehouse

import java.net.URI
import java.nio.file.{Files, Path => DiskPath, Paths}
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{DelegateToFileSystem, LocalFileSystem, Path, RawLocalFileSystem}

object Pause {
  private val folder = Paths.get(System.getProperty("lakehouse.pause"))

  def before(name: String): Unit = {
    val at = folder.resolve("at")
    if (Files.exists(at) && name.contains(Files.readString(at))) {
      Files.delete(at)
      Files.createFile(folder.resolve("reached"))
      while (!Files.exists(folder.resolve("go"))) Thread.sleep(10)
    }
  }
}

/** Ours, between the look and the link. */
class PausedLogStore(conf: Configuration) extends DiskLogStore(conf) {
  override protected def link(draft: DiskPath, target: DiskPath): Unit = {
    Pause.before(target.getFileName.toString)
    super.link(draft, target)
  }
}

/** What Delta's own store writes through, between the last look and the rename. */
class PausedDisk extends RawLocalFileSystem {
  override def rename(from: Path, to: Path): Boolean = {
    Pause.before(to.getName)
    super.rename(from, to)
  }
}
class PausedContext(uri: URI, conf: Configuration) extends DelegateToFileSystem(uri, new PausedDisk, conf, "file", false) {
  override def getUriDefaultPort: Int = -1
}

/** What Delta writes checkpoints through. */
class PausedFiles extends LocalFileSystem {
  override def rename(from: Path, to: Path): Boolean = {
    Pause.before(to.getName)
    super.rename(from, to)
  }
}
