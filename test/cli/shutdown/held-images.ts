import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import sharp from 'sharp'

export interface HeldImages {
  host: string
  /** Requests from now on are answered when they come, or held until they are released. */
  hold(): void
  release(): void
  /** That wait for an answer. */
  waiting(): number
  close(): Promise<void>
}

/** A server of images, on loopback, that answers when it is told to. */
export async function startHeldImages(): Promise<HeldImages> {
  const image = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#36c' } })
    .jpeg()
    .toBuffer()
  const held: ServerResponse[] = []
  let isHolding = false
  const answer = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(image)
  const server = createServer((_request, response) => {
    if (isHolding) held.push(response)
    else answer(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold() {
      isHolding = true
    },
    release() {
      isHolding = false
      for (const response of held.splice(0)) answer(response)
    },
    waiting: () => held.filter(response => !response.destroyed).length,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
