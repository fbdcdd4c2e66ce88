// The Hive Metastore that pyspark ships listens on all addresses of a machine, has no setting for it, answers whoever
// connects, and deletes whatever folder a table names. This main class serves the same handler on loopback, to the
// owner of its process alone (OwnersSocket), and on files of its warehouse alone (WarehouseFiles). Compiled once per
// user by the compiler that pyspark ships.
package lakehouse

import java.io.IOException
import java.net.{Inet4Address, InetAddress, InetSocketAddress, Socket, URI}
import java.nio.{ByteBuffer, ByteOrder}
import java.nio.file.{Files, LinkOption, Path => DiskPath}
import scala.annotation.tailrec
import scala.collection.mutable
import scala.util.Using
import scala.util.control.NonFatal
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FileSystem, LocalFileSystem, Path}
import org.apache.hadoop.hive.conf.HiveConf
import org.apache.hadoop.hive.metastore.{HiveMetaStore, HiveMetaStoreFsImpl, TSetIpAddressProcessor}
import org.apache.hadoop.security.AccessControlException
import org.apache.thrift.server.TThreadPoolServer
import org.apache.thrift.transport.{TServerSocket, TSocket, TTransportException}
import org.slf4j.LoggerFactory

object LoopbackMetastore {
  def main(arguments: Array[String]): Unit =
    try serve(arguments(0).toInt)
    catch {
      // Threads of the handler would keep a failed server alive.
      case failure: Throwable => failure.printStackTrace(); System.exit(1)
    }

  private def serve(port: Int): Unit = {
    // First, so that a port that is taken is seen at once, and so that early clients wait for the handler.
    val socket = new OwnersSocket(new InetSocketAddress("127.0.0.1", port))
    val conf = new HiveConf(classOf[HiveMetaStore])
    // Hadoop keeps the first that anyone asks for; Hive is given this one from here on.
    val files = FileSystem.get(URI.create("file:///"), conf)
    if (!files.isInstanceOf[WarehouseFiles]) throw new IllegalStateException(s"the disk is seen by ${files.getClass}")
    val handler = HiveMetaStore.newRetryingHMSHandler("lakehouse", conf, false)
    new TThreadPoolServer(new TThreadPoolServer.Args(socket).processor(new TSetIpAddressProcessor(handler))).serve()
  }
}

/** Listens, and hands on the connections of the owner of this process; another user's is closed before a byte is read. */
class OwnersSocket(address: InetSocketAddress) extends TServerSocket(address) {
  private val log = LoggerFactory.getLogger(classOf[OwnersSocket])
  private val told = mutable.Set[String]()
  private val isGuarded = Kernel.tells
  if (!isGuarded) log.warn("this system does not tell whose a connection is: every user of the machine is served")

  @tailrec final override def accept(): TSocket = {
    val socket =
      try getServerSocket.accept()
      catch { case cause: IOException => throw new TTransportException(cause) }
    if (isOwners(socket)) new TSocket(socket)
    else {
      refuse(socket)
      accept()
    }
  }

  private def isOwners(socket: Socket): Boolean = {
    def look() = try Kernel.uidOf(socket) catch { case NonFatal(_) => None }
    // A line can be missed while others beside it come and go.
    def peer = look().orElse(look())
    val uid = if (isGuarded) peer else Some(Kernel.ownUid)
    // Twice: the uid of a peer that closes while the kernel writes its line may be read as root's. By the second look
    // such a peer is no longer established.
    val admitted = uid.contains(Kernel.ownUid) && (!isGuarded || peer == uid)
    // Once for each user: who is refused can ask again as often as they like.
    val who = uid.fold("nobody that the kernel knows")(number => s"the user with uid $number")
    if (!admitted && told.add(who)) log.warn(s"connections of $who are refused: this metastore serves its owner alone")
    admitted
  }

  private def refuse(socket: Socket): Unit =
    try {
      socket.setSoLinger(true, 0) // reset: nothing of it stays behind in the tables that the next look reads
      socket.close()
    } catch { case _: IOException => }
}

/** What Linux says of the two ends of a connection. */
private object Kernel {
  // Java listens by IPv6, so its clients are in the second; others' connections are in the first.
  private val Tables = Seq("/proc/net/tcp", "/proc/net/tcp6").map(DiskPath.of(_))
  private val Mapped = Array[Byte](0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1)

  /** Whether this system has the tables. */
  def tells: Boolean = Files.isReadable(Tables.head)

  /** The uid that sockets of this process have. */
  lazy val ownUid: String =
    if (!tells) ""
    else Files.readAllLines(DiskPath.of("/proc/self/status")).toArray(Array[String]()).collectFirst {
      case line if line.startsWith("Uid:") => line.split("\\s+")(4) // real, effective, saved, of files
    }.get

  /** The uid of the other end of a connection; None if it is not, or no longer, an established one of this machine. */
  def uidOf(socket: Socket): Option[String] = {
    val here = socket.getLocalSocketAddress.asInstanceOf[InetSocketAddress]
    val there = socket.getRemoteSocketAddress.asInstanceOf[InetSocketAddress]
    Tables.view.flatMap { table =>
      val isOld = table == Tables.head
      // One that is being closed (its state is not 01) is shown as root's, whose ever it was.
      line(table, s": ${written(there, isOld)} ${written(here, isOld)} 01 ")
    }.headOption.map(_.trim.split("\\s+")(7))
  }

  private def line(table: DiskPath, part: String): Option[String] =
    if (!Files.exists(table)) None
    else Using.resource(Files.newBufferedReader(table)) { reader =>
      Iterator.continually(reader.readLine()).takeWhile(_ != null).find(_.contains(part))
    }

  /** An address as the tables write it: words of four bytes in the order of this machine, and the port. */
  private def written(address: InetSocketAddress, isOld: Boolean): String = {
    val words = ByteBuffer.wrap(bytes(address.getAddress, isOld)).order(ByteOrder.nativeOrder).asIntBuffer
    val text = Iterator.continually(words).takeWhile(_.hasRemaining).map(left => f"${left.get()}%08X").mkString
    f"$text:${address.getPort}%04X"
  }

  private def bytes(address: InetAddress, isOld: Boolean): Array[Byte] = address match {
    case four: Inet4Address if !isOld => Mapped ++ four.getAddress
    case other => other.getAddress
  }
}

/** The disk of a metastore: it deletes and moves what is below the warehouse, and nothing else, whatever asks for it. */
class WarehouseFiles extends LocalFileSystem(new RawWarehouseFiles) {

  /** Whether a file or folder is below the warehouse, links followed. */
  def holds(path: Path): Boolean = getRawFileSystem.asInstanceOf[RawWarehouseFiles].holds(path)
}

/** The same without checksums. */
class RawWarehouseFiles extends RawDiskFileSystem {

  def holds(path: Path): Boolean = {
    val root = new Path(getConf.get(HiveConf.ConfVars.METASTOREWAREHOUSE.varname))
    val isOnDisk = Option(root.toUri.getScheme).forall(_ == getUri.getScheme)
    isOnDisk && {
      val (warehouse, place) = (real(pathToFile(root).toPath), real(pathToFile(path).toPath))
      place.startsWith(warehouse) && place != warehouse
    }
  }

  override def delete(path: Path, recursive: Boolean): Boolean = {
    need(path)
    super.delete(path, recursive)
  }

  // A folder that was moved into the warehouse could be deleted there.
  override def rename(from: Path, to: Path): Boolean = {
    need(from)
    need(to)
    super.rename(from, to)
  }

  private def need(path: Path): Unit =
    if (!holds(path)) throw new AccessControlException(s"$path is not below the warehouse: it is left as it is")

  /** A place without links in it; of what is not there, the names below a folder that is. */
  private def real(place: DiskPath): DiskPath =
    if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) place.toRealPath()
    else real(place.getParent).resolve(place.getFileName)
}

/** How Hive deletes the folder of a table, partition or database that is dropped: a foreign folder stays, and is named.
  *
  * The drop itself goes on. If it failed, the catalogue would keep a name that cannot be taken out of it; and Hive
  * deletes after it has committed, so a failure here would come too late for some drops, and be hidden by Hive for others.
  */
class WarehouseDeletion extends HiveMetaStoreFsImpl {
  private val log = LoggerFactory.getLogger(classOf[WarehouseDeletion])

  override def deleteDir(
      files: FileSystem, folder: Path, recursive: Boolean, purge: Boolean, conf: Configuration
  ): Boolean = files match {
    case disk: WarehouseFiles if disk.holds(folder) => super.deleteDir(files, folder, recursive, purge, conf)
    case _ =>
      log.warn(s"$folder is not below the warehouse: what the catalogue had for it is dropped, the folder stays")
      true
  }
}
