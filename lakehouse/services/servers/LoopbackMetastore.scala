// The Hive Metastore that pyspark ships listens on all addresses of a machine and has no setting for it. This main
// class serves the same handler on loopback. Compiled once per user by the compiler that pyspark ships.
package lakehouse

import java.net.InetSocketAddress
import org.apache.hadoop.hive.conf.HiveConf
import org.apache.hadoop.hive.metastore.{HiveMetaStore, TSetIpAddressProcessor}
import org.apache.thrift.server.TThreadPoolServer
import org.apache.thrift.transport.TServerSocket

object LoopbackMetastore {
  def main(arguments: Array[String]): Unit =
    try serve(arguments(0).toInt)
    catch {
      // Threads of the handler would keep a failed server alive.
      case failure: Throwable => failure.printStackTrace(); System.exit(1)
    }

  private def serve(port: Int): Unit = {
    // First, so that a port that is taken is seen at once, and so that early clients wait for the handler.
    val socket = new TServerSocket(new InetSocketAddress("127.0.0.1", port))
    val handler = HiveMetaStore.newRetryingHMSHandler("lakehouse", new HiveConf(classOf[HiveMetaStore]), false)
    new TThreadPoolServer(new TThreadPoolServer.Args(socket).processor(new TSetIpAddressProcessor(handler))).serve()
  }
}
