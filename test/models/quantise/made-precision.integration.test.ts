import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { identify } from '../../../src/models/catalog/identity.js'
import { withMade } from '../../../src/models/catalog/made.js'
import { knownModels } from '../../../src/models/catalog/model-folders.js'
import {
  type HubModelSpec,
  type MadeModelSpec,
  type ModelSpec,
  resolveModel,
} from '../../../src/models/catalog/registry.js'
import { sha256OfFile } from '../../../src/models/files/digest.js'
import { ensureModelFiles, type FilesProgress } from '../../../src/models/files/files.js'
import { FolderSource } from '../../../src/models/files/folder-source.js'
import { readMadeRecord } from '../../../src/models/files/made-record.js'
import { verifyModel } from '../../../src/models/files/verify.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'
import { planRewrites } from '../../../src/models/runtime/rewrite-graph.js'
import { hasVnni } from '../../../src/models/runtime/vnni.js'
import { pictures, similarity, TEXTS } from '../../support/models/untouched.js'

const EXPORTED = join(import.meta.dirname, '..', 'exported')

let folders: string
let cacheDir: string

beforeEach(async () => {
  folders = await mkdtemp(join(tmpdir(), 'made-'))
  cacheDir = join(folders, 'cache')
})
afterEach(() => rm(folders, { recursive: true }))

/** A copy of a model that a real exporter wrote, because digests are noted beside its files. */
async function placed(name: string): Promise<MadeModelSpec> {
  const folder = join(folders, name)
  await cp(join(EXPORTED, name), folder, { recursive: true })
  return resolveModel(`${name}@int8-smooth`, knownModels([folder])) as MadeModelSpec
}

/** @returns its folder and what the command line would show */
async function ensure(spec: ModelSpec, into = cacheDir): Promise<{ folder: string; phases: FilesProgress['phase'][] }> {
  const phases: FilesProgress['phase'][] = []
  const folder = await ensureModelFiles(spec, {
    cacheDir: into,
    source: new FolderSource(join(folders, 'optimum')),
    onProgress: ({ phase }) => phases.push(phase),
  })
  return { folder, phases }
}

async function embed(spec: ModelSpec, folder: string, vnni?: boolean) {
  const encoder = await openOnnxEncoder(spec, folder, { threads: 1, towers: 'both', vnni })
  try {
    const { model } = encoder
    const images = await encoder.encodeImages(pictures(spec.input.size))
    return { model, images, texts: await encoder.encodeTexts(TEXTS) }
  } finally {
    await encoder.close()
  }
}

describe('the precision int8-smooth of a model in a folder', () => {
  test('is made once, and gives nearly the embeddings of fp32', async () => {
    const spec = await placed('optimum')
    const { folder, phases } = await ensure(spec)
    expect(phases).toEqual(['making'])
    expect((await ensure(spec)).phases).toEqual([])
    const found = await embed(spec, folder)
    const wanted = await embed(spec.origin.from, join(folders, 'optimum'))
    // The models are so small that 8 bits cost ten times as much as in a real one.
    expect(similarity(found.images, wanted.images).direct.least).toBeGreaterThan(0.99)
    expect(similarity(found.texts, wanted.texts).direct.least).toBeGreaterThan(0.99)
    const record = await readMadeRecord(folder)
    expect(record).toMatchObject({ revision: found.model.revision })
    expect(record!.cosine.pictures.median).toBeGreaterThan(0.99)
    expect(record!.cosine.texts.median).toBeGreaterThan(0.99)
  })

  test('computes the same on a CPU without VNNI, where sums of its weights do not overflow', async () => {
    const spec = await placed('optimum')
    const { folder } = await ensure(spec)
    const found = await embed(spec, folder, false)
    const plain = await embed(spec.origin.from, join(folders, 'optimum'))
    expect(similarity(found.images, plain.images).direct.least).toBeGreaterThan(0.99)
    expect(similarity(found.texts, plain.texts).direct.least).toBeGreaterThan(0.99)
    const rewrites = planRewrites(spec, folder, { provider: 'cpu', vnni: false })!.flatMap(file => file.rewrites)
    for (const { name, outcome } of rewrites) if (name === 'signed-weights') expect(outcome).toBe('not-needed')
    // The other way of computing it is right where the CPU has VNNI.
    const wanted = hasVnni() ? await embed(spec, folder, true) : found
    expect(similarity(found.images, wanted.images).direct.least).toBeGreaterThan(0.999)
    expect(similarity(found.texts, wanted.texts).direct.least).toBeGreaterThan(0.9999)
  })

  test('has an identity that names the recipe, and that no other precision has', async () => {
    const spec = await placed('optimum')
    const { revision } = await identify(spec, 'anywhere')
    expect(revision).toMatch(/^recipe2-[0-9a-f]{12}$/)
    expect((await identify(spec.origin.from, join(folders, 'optimum'))).revision).not.toBe(revision)
    const { folder } = await ensure(spec)
    const file = await readFile(join(folder, spec.visionFile))
    expect(file.includes(revision)).toBe(true)
  })

  test('has the same files wherever it is made', async () => {
    const spec = await placed('optimum')
    const made = await Promise.all(['here', 'there'].map(place => ensure(spec, join(folders, place))))
    const [here, there] = await Promise.all(made.map(({ folder }) => verifyModel(spec, folder)))
    expect(here).toEqual(there)
    expect(here!.every(({ ok }) => ok)).toBe(true)
    expect(here!.filter(({ expected }) => expected !== undefined).map(({ path }) => path)).toEqual([
      spec.textFile,
      spec.visionFile,
    ])
  })

  test('is made again when its file is damaged, and under another identity when its files in 32 bits change', async () => {
    const spec = await placed('optimum')
    const { folder } = await ensure(spec)
    const before = await sha256OfFile(join(folder, spec.visionFile))
    await writeFile(join(folder, spec.visionFile), 'damaged')
    expect((await ensure(spec)).phases).toEqual(['making'])
    expect(await sha256OfFile(join(folder, spec.visionFile))).toBe(before)

    const { revision } = await identify(spec, folder)
    await cp(join(EXPORTED, 'hub', 'vision_model.onnx'), join(folders, 'optimum', spec.origin.from.visionFile))
    expect((await ensure(spec)).phases).toEqual(['making'])
    expect((await identify(spec, folder)).revision).not.toBe(revision)
    expect(await sha256OfFile(join(folder, spec.visionFile))).not.toBe(before)
  })

  test.each(['ort', 'mobileclip'])('is refused, with the reason, for a graph of another form (%s)', async name => {
    const spec = await placed(name)
    await expect(ensure(spec)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringMatching(/expected .*found/),
    })
  })
})

test('the precision int8-smooth of a model of the hub is known by the digests of its files in 32 bits alone', async () => {
  const local = (await placed('optimum')).origin.from
  const source = join(folders, 'optimum')
  const files = await Promise.all(
    (local.origin as { files: readonly string[] }).files.map(async path => {
      const { size: bytes } = await stat(join(source, path))
      return { path, bytes, sha256: await sha256OfFile(join(source, path)) }
    }),
  )
  const origin = { kind: 'hub', repository: 'example/optimum', revision: 'r1', files } as const
  const [, spec] = withMade([{ ...local, origin } as HubModelSpec]) as [HubModelSpec, MadeModelSpec]
  const { revision } = await identify(spec, 'nowhere')
  const { folder, phases } = await ensure(spec)
  expect(new Set(phases)).toEqual(new Set(['downloading', 'making']))
  expect(await readMadeRecord(folder)).toMatchObject({ revision })
  // The files in 32 bits may go.
  for (const path of [local.visionFile, local.textFile!]) await rm(join(folder, path))
  expect((await ensure(spec)).phases).toEqual([])
})
