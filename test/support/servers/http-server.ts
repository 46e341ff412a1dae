import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'

export interface TestServer {
  /** `127.0.0.1:port`, as an allow-list wants it. */
  host: string
  /** `http://127.0.0.1:port` */
  origin: string
  port: number
  /** Connections that are open. */
  connections(): number
  /** Ends every connection, also those that hang. */
  close(): Promise<void>
}

/** An HTTP server on a free port of the loopback address. */
export async function startHttp(listener: RequestListener, address = '127.0.0.1', port = 0): Promise<TestServer> {
  return await started(createHttpServer(listener), address, port)
}

/** A TCP server on a free port of the loopback address, for answers that no HTTP server would give. */
export async function startTcp(onConnection: (socket: Socket) => void): Promise<TestServer> {
  const server = createTcpServer(socket => {
    // Clients of misbehaving servers hang up.
    socket.on('error', () => {})
    onConnection(socket)
  })
  return await started(server, '127.0.0.1', 0)
}

async function started(
  server: ReturnType<typeof createTcpServer>,
  address: string,
  wanted: number,
): Promise<TestServer> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(wanted, address)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const host = `${address}:${port}`
  return {
    host,
    origin: `http://${host}`,
    port,
    connections: () => sockets.size,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
