import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A stretch of network in front of a server, through which for a while nothing passes. */
export interface TcpProxy {
  port: number
  /** Connections stay open and new ones are taken, but nothing arrives. */
  freeze(): void
  /** What was held back arrives. */
  thaw(): void
  /** Connections from before stay silent for good, as behind a router that forgot them; new ones work. */
  forget(): void
  close(): Promise<void>
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  let frozen = false
  let open = new Set<Socket>()
  const silent = new Set<Socket>()
  const server = createServer(near => {
    const far = connect(target)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from)
      from.pipe(to)
      if (frozen) from.pause()
      from.on('error', () => {})
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    freeze() {
      frozen = true
      for (const socket of open) socket.pause()
    },
    thaw() {
      frozen = false
      for (const socket of open) socket.resume()
    },
    forget() {
      frozen = false
      for (const socket of open) silent.add(socket)
      open = new Set()
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of [...open, ...silent]) socket.destroy()
      await closed
    },
  }
}
