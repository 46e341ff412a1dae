import { setTimeout as pause } from 'node:timers/promises'
import sharp from 'sharp'
import { MoodyServer } from './moody-server.js'

const WIDTH = 64
const HEIGHT = 48
const TILE = 16
const POLL_MS = 50
const MAGENTA = [255, 0, 255]

/** Photos from this number on are magenta all over, as no other is. */
export const POISON = 900_000

/** Serves as many small JPEGs as anyone asks for, each of its own colours, always the same. */
export interface ImageServer {
  server: MoodyServer
  url(photo: number): string
  /** Before each answer, in ms: a network, so that faults hit while work is under way. */
  delayMs: number
  /** Answers to requests for photos from this number on wait until it is raised. */
  heldFrom: number
  /** From this photo on they look like the first ones again; by default no two are alike. */
  distinct: number
  /** While this is set every answer is 503 with this Retry-After. */
  retryAfter: string | undefined
  /** Times each photo was asked for, by its id. */
  requests: Map<string, number>
  close(): Promise<void>
}

export function photoId(photo: number): string {
  return `photo-${String(photo).padStart(6, '0')}`
}

export async function startImageServer(address?: string): Promise<ImageServer> {
  const images = new Map<number, Promise<Buffer>>()
  const server = await MoodyServer.start(async (request, response) => {
    const id = /photo-\d{6}/.exec(request.url ?? '')?.[0]
    if (id === undefined) return void response.writeHead(404).end()
    served.requests.set(id, (served.requests.get(id) ?? 0) + 1)
    if (served.retryAfter !== undefined) return void response.writeHead(503, { 'retry-after': served.retryAfter }).end()
    const photo = Number(id.slice('photo-'.length))
    const number = photo < POISON ? photo % served.distinct : photo
    const image = images.get(number) ?? drawImage(number)
    images.set(number, image)
    const [bytes] = await Promise.all([image, pause(served.delayMs)])
    while (photo >= served.heldFrom) await pause(POLL_MS)
    response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': bytes.length }).end(bytes)
  }, address)
  const served: ImageServer = {
    server,
    url: photo => `${server.origin}/${photoId(photo)}.jpg`,
    delayMs: 0,
    heldFrom: Number.POSITIVE_INFINITY,
    distinct: POISON,
    retryAfter: undefined,
    requests: new Map(),
    close: () => server.close(),
  }
  return served
}

/** Tiles of colours that follow from the number, none of them magenta. */
async function drawImage(photo: number): Promise<Buffer> {
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 3)
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++) {
      const tile = Math.floor(x / TILE) + (WIDTH / TILE) * Math.floor(y / TILE)
      const hash = Math.imul(photo * 31 + tile + 1, 0x9e3779b1) >>> 0
      const at = 3 * (y * WIDTH + x)
      pixels.set(photo < POISON ? [hash & 0xff, 64 + ((hash >>> 8) & 0x7f), (hash >>> 16) & 0xff] : MAGENTA, at)
    }
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer()
}
