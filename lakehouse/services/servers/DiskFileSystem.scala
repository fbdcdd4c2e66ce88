// The disk as the engine sees it. Hadoop sets the permissions of each file and folder that it makes, and without its native
// library (pyspark ships none) it starts a program for that, `chmod`: twice for each file, whose checksum is a file too.
// Here the JVM asks the system itself. Compiled once per user by the compiler that pyspark ships.
package lakehouse

import java.nio.file.Files
import org.apache.hadoop.fs.{LocalFileSystem, Path, RawLocalFileSystem}
import org.apache.hadoop.fs.permission.FsPermission

/** Hadoop's file system of a disk, with its checksums. */
class DiskFileSystem extends LocalFileSystem(new RawDiskFileSystem)

/** The same without checksums. */
class RawDiskFileSystem extends RawLocalFileSystem {

  /** Gives a file or folder its mode, as `chmod` does: a folder that hands its group down goes on doing so. */
  override def setPermission(path: Path, permission: FsPermission): Unit = {
    val file = pathToFile(path).toPath
    val before = Files.getAttribute(file, "unix:mode").asInstanceOf[Int]
    val handsDown = if (Files.isDirectory(file)) before & RawDiskFileSystem.SetGroup else 0
    Files.setAttribute(file, "unix:mode", permission.toShort.toInt | handsDown)
  }
}

object RawDiskFileSystem {
  // Of a mode. Hadoop's permissions do not have it.
  private val SetGroup = 0x400
}
