import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import pLimit from 'p-limit'
import { composeScene, renderScene, type Scene } from '../demo-scenes/scenes.js'
import { barePhoto, DATASET_COLUMNS } from '../domain/photo.js'
import { makeFolder } from '../make-folder.js'
import { inventedMetadata } from './invented-metadata.js'

/** The demo model was never trained on seeds from here on. */
const FIRST_SEED = 5_000_000

/** Rendered scenes as a dataset: a `photos.tsv000` in Unsplash's format and a server for its images, on loopback. */
export interface DemoDataset {
  tsv: string
  /** HOST:PORT of the image server. */
  host: string
  scenes: Map<string, Scene>
  close(): Promise<void>
}

export async function createDemoDataset(
  count: number,
  folder: string,
  onProgress: (rendered: number) => void,
  signal: AbortSignal,
): Promise<DemoDataset> {
  const images = new Map<string, Buffer>()
  const scenes = new Map<string, Scene>()
  const limit = pLimit(availableParallelism())
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      limit(async () => {
        signal.throwIfAborted()
        const scene = composeScene(FIRST_SEED + index)
        const id = `scene-${String(index).padStart(5, '0')}`
        images.set(`/${id}.jpg`, await renderScene(scene))
        scenes.set(id, scene)
        onProgress(images.size)
      }),
    ),
  )
  const server = await serve(images)
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  makeFolder(folder)
  const tsv = join(folder, 'photos.tsv000')
  const ids = [...scenes.keys()].sort()
  await writeFile(
    tsv,
    [Object.keys(DATASET_COLUMNS).join('\t'), ...ids.map(id => row(id, host, scenes.get(id)!))].join('\n').concat('\n'),
  )
  return {
    tsv,
    host,
    scenes,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function serve(images: ReadonlyMap<string, Buffer>): Promise<Server> {
  const server = createServer((request, response) => {
    const image = images.get(request.url ?? '')
    if (image) response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': image.length }).end(image)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function row(id: string, host: string, scene: Scene): string {
  const photo = {
    ...barePhoto(id, `http://${host}/${id}.jpg`),
    photo_width: scene.width,
    photo_height: scene.height,
    photo_aspect_ratio: Number((scene.width / scene.height).toFixed(2)),
    photo_description: scene.description,
    photographer_username: 'unsplash-clip',
    photographer_first_name: 'Scene',
    photographer_last_name: 'Generator',
    ...inventedMetadata(scene),
  }
  return (Object.keys(DATASET_COLUMNS) as (keyof typeof DATASET_COLUMNS)[])
    .map(column => photo[column])
    .map(value => (value === null ? '' : String(value).replace(/[\t\n"]/g, ' ')))
    .join('\t')
}
