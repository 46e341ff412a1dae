import { join } from 'node:path'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { migrate } from '../../src/db/migrate.js'
import type { Encoder } from '../../src/domain/ports/encoder.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import { resolveModel } from '../../src/models/catalog/registry.js'
import { openOnnxEncoder } from '../../src/models/runtime/onnx-encoder.js'
import { packageRoot } from '../../src/package-root.js'
import { aPhoto, embedPhotos } from '../db/factories.js'

/** Descriptions of rendered scenes, by photo. */
export const SCENES = {
  'red-house': 'a red house in the snow',
  'red-house-night': 'a red house in the snow at night',
  'blue-boat': 'a blue boat on the sea',
  'blue-boat-night': 'a blue boat on the sea at night',
  'cat-room': 'a cat in a room',
  'green-tree': 'a green tree on a meadow',
}

export interface ScenePhotos {
  database: Database
  modelId: ModelId
  encoder: Encoder
  close(): Promise<void>
}

/** Photos whose vectors are those of their descriptions, by the demo model: no image is drawn, and searches find what they say. */
export async function scenePhotos(url: string): Promise<ScenePhotos> {
  const spec = resolveModel('demo')
  const encoder = await openOnnxEncoder(spec, join(packageRoot(), 'models', 'demo'), { threads: 1 })
  const database = await openDatabase({ url })
  await migrate(database)
  const ingest = new PostgresIngestRepository(database)
  const modelId = await ingest.registerModel(encoder.model)
  await ingest.createRun({ id: 'run-1', modelId, source: 'scenes', options: {} })
  const photos = Object.entries(SCENES).map(([id, photo_description], i) =>
    aPhoto(id, { photo_description, exif_iso: 100 * i, photo_width: 600, photo_height: i % 2 === 0 ? 400 : 900 }),
  )
  await embedPhotos(database, modelId, photos, await encoder.encodeTexts(Object.values(SCENES)))
  return {
    database,
    modelId,
    encoder,
    close: async () => {
      await encoder.close()
      await database.close()
    },
  }
}
