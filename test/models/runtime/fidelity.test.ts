import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rewriteWarnings } from '../../../src/domain/rewrite.js'
import { knownModels } from '../../../src/models/catalog/model-folders.js'
import { type ModelSpec, resolveModel } from '../../../src/models/catalog/registry.js'
import { describeRewrites } from '../../../src/models/check/describe-rewrites.js'
import type { ModelGraph } from '../../../src/models/graph/model-file.js'
import { useSignedWeights } from '../../../src/models/graph/signed-weights.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'
import { planRewrites } from '../../../src/models/runtime/rewrite-graph.js'
import { hasVnni } from '../../../src/models/runtime/vnni.js'
import { EXPORTED, type Exported } from '../../support/models/exported.js'
import { imagesUntouched, pictures, similarity, TEXTS, textsUntouched } from '../../support/models/untouched.js'

/** In floating point the rewrites change nothing but the order of sums. */
const EQUAL = 0.99999

interface Embeddings {
  readonly images: readonly Float32Array[]
  readonly texts: readonly Float32Array[]
}

describe.each(Object.entries(EXPORTED))('%s', (name, precisions) => {
  let folders: string
  let folder: string
  let expected: Embeddings

  beforeAll(async () => {
    folders = await mkdtemp(join(tmpdir(), 'fidelity-'))
    folder = join(folders, name)
    // A copy, because digests are noted beside the files.
    await cp(join(import.meta.dirname, '..', 'exported', name), folder, { recursive: true })
    const { images, texts = [] } = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'))
    expected = { images: vectors(images), texts: vectors(texts) }
  })

  afterAll(() => rm(folders, { recursive: true }))

  const untouched = (spec: ModelSpec, change?: (graph: ModelGraph) => unknown) =>
    imagesUntouched(spec, folder, pictures(spec.input.size), { change })

  test('every precision of its model.json is in the table', async () => {
    const entry = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'))
    expect(Object.keys(entry.precisions).sort()).toEqual(Object.keys(precisions).sort())
  })

  describe.each(Object.entries(precisions))('in %s', (precision, wanted: Exported) => {
    const spec = () => resolveModel(`${name}@${precision}`, knownModels([folder]))

    test('gets the rewrites of the table', async () => {
      const files = await describeRewrites(spec(), folder, { threads: 1, provider: 'cpu', vnni: true })
      expect(files[0]!.rewrites.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(
        ['class-token-only', 'signed-weights', 'byte-pixels'].map((name, index) => `${name} ${wanted.image[index]}`),
      )
      const without = planRewrites(spec(), folder, { provider: 'cpu', vnni: false })
      expect(without!.map(({ rewrites }) => rewrites.map(({ outcome }) => outcome))).toEqual([
        wanted.image,
        ...(wanted.text ? [wanted.text] : []),
      ])
      expect(files.slice(1).flatMap(({ rewrites }) => rewrites.map(({ outcome }) => outcome))).toEqual(
        wanted.text ?? [],
      )
      expect(planRewrites(spec(), folder, { provider: 'cpu', vnni: true })).toEqual(files)
      const isSlow = wanted.image[1] === 'left-out'
      expect(rewriteWarnings(files)).toEqual(isSlow ? [expect.stringContaining('keep unsigned weights')] : [])
    })

    test('embeds as the checkpoint in PyTorch does', async () => {
      const found = await embed(spec(), folder)
      expect(similarity(found.images, expected.images).centred.least).toBeGreaterThan(wanted.images)
      expect(found.texts.length).toBe(expected.texts.length)
      expect(similarity(found.texts, expected.texts).centred.least).toBeGreaterThan(wanted.texts ?? EQUAL)
    })

    test.each([true, false])('embeds as the runtime does from the file as it is (VNNI: %s)', async vnni => {
      const { images, texts } = await embed(spec(), folder, vnni)
      const { direct, centred } = similarity(images, await untouched(spec()))
      // Without VNNI the integer products of 8-bit weights overflow; a CPU that lacks it gets others.
      const overflows = precision === 'quint8' && vnni && !hasVnni()
      const least = overflows ? { direct: 0.999, centred: 0.995 } : wanted.untouched
      expect(direct.least).toBeGreaterThan(least?.direct ?? EQUAL)
      expect(centred.least).toBeGreaterThan(least?.centred ?? EQUAL)
      const plain = await textsUntouched(spec(), folder, texts.length > 0 ? TEXTS : [])
      // Without VNNI the untouched file overflows where its weights have 8 bits.
      if (vnni) expect(similarity(texts, plain).centred.least).toBeGreaterThan(EQUAL)
    })

    if (wanted.image[1] === 'applied')
      test('embeds images to the last bit as the file as it is when only its weights are signed', async () => {
        expect(await untouched(spec(), useSignedWeights)).toEqual(await untouched(spec()))
      })
  })
})

async function embed(spec: ModelSpec, folder: string, vnni = true): Promise<Embeddings> {
  const encoder = await openOnnxEncoder(spec, folder, { threads: 1, towers: 'both', vnni })
  try {
    return {
      images: await encoder.encodeImages(pictures(spec.input.size)),
      texts: encoder.hasTexts ? await encoder.encodeTexts(TEXTS) : [],
    }
  } finally {
    await encoder.close()
  }
}

const vectors = (rows: readonly number[][]) => rows.map(row => Float32Array.from(row))
