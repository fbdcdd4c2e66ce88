// The Hive Metastore that pyspark ships listens on all addresses of a machine and has no setting for it. This main
// class serves the same handler on loopback. Compiled once per user by the compiler that pyspark ships.
package lakehouse

import java.net.InetSocketAddress
import org.apache.hadoop.hive.conf.HiveConf
import org.apache.hadoop.hive.metastore.{HiveMetaStore, TSetIpAddressProcessor}
import org.apache.thrift.server.TThreadPoolServer
import org.apache.thrift.transport.TServerSocket

object LoopbackMetastore {
  def main(arguments: Array[String]): Unit = {
    val conf = new HiveConf(classOf[HiveMetaStore])
    val handler = HiveMetaStore.newRetryingHMSHandler("lakehouse", conf, false)
    val socket = new TServerSocket(new InetSocketAddress("127.0.0.1", arguments(0).toInt))
    val options = new TThreadPoolServer.Args(socket).processor(new TSetIpAddressProcessor(handler))
    new TThreadPoolServer(options).serve()
  }
}
