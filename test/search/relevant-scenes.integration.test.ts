import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { migrate } from '../../src/db/migrate.js'
import { PostgresReferenceRepository } from '../../src/db/references/reference-repository.js'
import { PostgresSearchRepository } from '../../src/db/search/search-repository.js'
import { cropPixels } from '../../src/demo-scenes/pixels.js'
import { composeScene, renderScene } from '../../src/demo-scenes/scenes.js'
import { type Facts, holds } from '../../src/demo-scenes/truth.js'
import type { Encoder } from '../../src/domain/ports/encoder.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import { REFERENCE_TEXTS } from '../../src/domain/text/reference-texts.js'
import { resolveModel } from '../../src/models/catalog/registry.js'
import { openOnnxEncoder } from '../../src/models/runtime/onnx-encoder.js'
import { packageRoot } from '../../src/package-root.js'
import { DEFAULT_K } from '../../src/search/references.js'
import { aPhoto, embedPhotos } from '../db/factories.js'
import { serverKinds, type TestServer } from '../support/servers/postgres.js'

/** The first scenes of the demo. */
const SCENES = Array.from({ length: 200 }, (_, i) => composeScene(5_000_000 + i))
/** What the demo searches for, and what its page suggests. */
const SEARCHES: Record<string, Facts> = {
  'a red house in the snow': { ground: 'snow', objects: [{ kind: 'house', color: 'red' }] },
  'a boat at night': { time: 'night', objects: [{ kind: 'boat' }] },
  'a cat in a room': { space: 'indoor', objects: [{ kind: 'cat' }] },
  'a yellow car': { objects: [{ kind: 'car', color: 'yellow' }] },
  'a dog in the snow': { ground: 'snow', objects: [{ kind: 'dog' }] },
  'a lighthouse by the sea': { ground: 'water', objects: [{ kind: 'lighthouse' }] },
  'a balloon in the sky': { space: 'outdoor', objects: [{ kind: 'balloon' }] },
  'flowers in a meadow': { ground: 'grass', objects: [{ kind: 'flower' }] },
  'the moon above a city': { ground: 'city', objects: [{ kind: 'moon' }] },
}
/** Words that the demo model has never seen. */
const UNKNOWN = ['an elephant', 'a bicycle', 'a wedding cake', 'a guitar']

describe('photos of the demo that show words', () => {
  const [{ start }] = serverKinds() as [ReturnType<typeof serverKinds>[number]]
  let server: TestServer
  let database: Database
  let encoder: Encoder
  let modelId: ModelId
  let references: PostgresReferenceRepository

  beforeAll(async () => {
    server = await start()
    database = await openDatabase({ url: await server.freshUrl() })
    await migrate(database)
    encoder = await openOnnxEncoder(resolveModel('demo'), join(packageRoot(), 'models', 'demo'), { threads: 1 })
    modelId = await new PostgresIngestRepository(database).registerModel(encoder.model)
    const pictures = await Promise.all(SCENES.map(async scene => cropPixels(await renderScene(scene))))
    await embedPhotos(
      database,
      modelId,
      SCENES.map((scene, i) => aPhoto(String(i), { photo_description: scene.description, ai_description: null })),
      await encoder.encodeImages(pictures),
    )
    references = new PostgresReferenceRepository(database)
    await references.define(
      modelId,
      { texts: REFERENCE_TEXTS, k: DEFAULT_K },
      await encoder.encodeTexts(REFERENCE_TEXTS),
    )
    await references.compare(modelId)
  })
  afterAll(async () => {
    await encoder?.close()
    await database?.close()
    await server?.close()
  })

  const found = async (words: string) => {
    const [query] = await encoder.encodeTexts([words])
    const hits = await new PostgresSearchRepository(database).search(modelId, query!, {
      k: SCENES.length,
      kind: 'text',
      where: [{ shows: query! }],
    })
    return hits.map(({ photoId }) => SCENES[Number(photoId)]!)
  }

  test('are found for what it searches for, and few others', async () => {
    const shares: number[] = []
    for (const [words, facts] of Object.entries(SEARCHES)) {
      const scenes = await found(words)
      const right = scenes.filter(({ truth }) => holds(facts, truth)).length
      const relevant = SCENES.filter(({ truth }) => holds(facts, truth)).length
      expect(right, words).toBeGreaterThan(0)
      shares.push(right / scenes.length)
      expect(scenes.length, words).toBeLessThan(relevant + SCENES.length / 10)
    }
    expect(shares.reduce((sum, share) => sum + share, 0) / shares.length).toBeGreaterThan(0.6)
  })

  test('are none for words that the model does not know', async () => {
    for (const words of UNKNOWN) expect(await found(words), words).toEqual([])
  })

  test('are told by their descriptions, as the model knows few of the texts', async () => {
    const { knownTexts, cutOff } = (await references.progress(modelId))!
    expect(knownTexts).toBeLessThan(REFERENCE_TEXTS.length / 2)
    expect(cutOff!.by).toBe('descriptions')
  })
})
