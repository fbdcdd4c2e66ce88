// The log of a Delta table as the engine writes it. Delta's own store for a disk looks whether a version is there and
// then renames its draft: of two engines that both looked, one loses its commit and is told nothing. Here the name of a
// version can be made only once, whoever makes it. Compiled once per user by the compiler that pyspark ships.
package lakehouse

import java.io.{FileOutputStream, IOException, OutputStreamWriter}
import java.lang.{Boolean => JavaBoolean}
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{FileAlreadyExistsException, FileSystemException, Files, NoSuchFileException, Path => DiskPath}
import java.nio.file.{Paths, StandardCopyOption}
import java.util.{Iterator => JavaIterator, UUID}
import io.delta.storage.HadoopFileSystemLogStore
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.Path

/** What each kind of storage says in its own way: how a file is made only if it is not there, and how it is replaced. */
abstract class FencedLogStore(conf: Configuration) extends HadoopFileSystemLogStore(conf) {

  /** Makes a file with these lines, whole or not at all; FileAlreadyExistsException if one of its name is there. */
  protected def create(path: Path, lines: JavaIterator[String], conf: Configuration): Unit

  /** Gives a file other lines in one step, whether it is there or not. */
  protected def replace(path: Path, lines: JavaIterator[String], conf: Configuration): Unit

  override def write(path: Path, lines: JavaIterator[String], overwrite: JavaBoolean, conf: Configuration): Unit =
    if (overwrite) replace(path, lines, conf) else create(path, lines, conf)
}

/** A disk: a draft whose bytes have reached it, and a link, which fails if the name is there. */
class DiskLogStore(conf: Configuration) extends FencedLogStore(conf) {

  // Not what `write` does, but what a disk shows: Delta writes checkpoints past its store, and under their own names at
  // once if this is false.
  override def isPartialWriteVisible(path: Path, conf: Configuration): JavaBoolean = true

  override protected def create(path: Path, lines: JavaIterator[String], conf: Configuration): Unit = {
    val target = onDisk(path, conf)
    if (Files.exists(target)) throw new FileAlreadyExistsException(target.toString)
    withDraft(target, lines) { draft =>
      dropChecksum(target)
      link(draft, target)
    }
  }

  override protected def replace(path: Path, lines: JavaIterator[String], conf: Configuration): Unit = {
    val target = onDisk(path, conf)
    withDraft(target, lines) { draft =>
      dropChecksum(target)
      Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE)
    }
    DiskLogStore.sweep(target.getParent)
  }

  protected def link(draft: DiskPath, target: DiskPath): Unit =
    try Files.createLink(target, draft)
    catch {
      // NFS asks again if an answer was lost, and is told that the name is there: made by this very link.
      case _: FileAlreadyExistsException if Files.isSameFile(draft, target) =>
      case rival: FileAlreadyExistsException => throw rival
      case gone: NoSuchFileException => throw gone
      case cause @ (_: FileSystemException | _: UnsupportedOperationException) =>
        throw new IOException(s"$target was not made: it needs a disk on which a file can have a second name", cause)
    }

  private def onDisk(path: Path, conf: Configuration): DiskPath =
    Paths.get(path.getFileSystem(conf).makeQualified(path).toUri.getPath)

  private def withDraft(target: DiskPath, lines: JavaIterator[String])(publish: DiskPath => Unit): Unit = {
    val draft = target.resolveSibling(s"_commit_${UUID.randomUUID}.json.tmp")
    try {
      val file = new FileOutputStream(draft.toFile)
      try {
        val text = new OutputStreamWriter(file, UTF_8)
        lines.forEachRemaining { line => text.write(line); text.write('\n') }
        text.flush()
        file.getFD.sync()
      } finally file.close()
      publish(draft)
    } finally forget(draft)
  }

  // The version may be there by now: a draft that stays is no reason to say that it is not.
  private def forget(draft: DiskPath): Unit =
    try Files.deleteIfExists(draft)
    catch { case _: IOException => }

  // Hadoop's store writes checksums beside a file and, reading, refuses a file that they are not of.
  private def dropChecksum(target: DiskPath): Unit =
    Files.deleteIfExists(target.resolveSibling(s".${target.getFileName}.crc"))
}

object DiskLogStore {
  private val Draft = raw"(_commit_.*|\..*)\.tmp(\.crc)?"
  private val KeptMillis = 24L * 3600 * 1000

  /** Removes the drafts of writers that were killed. A living one that it is taken from fails, and commits nothing. */
  private def sweep(folder: DiskPath): Unit = {
    val eldest = System.currentTimeMillis - KeptMillis
    val files = Option(folder.toFile.listFiles).getOrElse(Array())
    for (file <- files if file.getName.matches(Draft) && file.isFile && file.lastModified < eldest) file.delete()
  }
}
