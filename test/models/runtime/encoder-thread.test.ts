import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Encoder } from '../../../src/domain/ports/encoder.js'
import { resolveModel } from '../../../src/models/catalog/registry.js'
import { ensureModelFiles } from '../../../src/models/files/files.js'
import { FolderSource } from '../../../src/models/files/folder-source.js'
import { openEncoderThread } from '../../../src/models/runtime/encoder-thread.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'
import { builtFile } from '../../../src/package-root.js'
import { SIZE, tinySpec, writeTinyModel } from '../tiny-model.js'

describe('an encoder in a thread', () => {
  const spec = resolveModel('demo')
  const options = { threads: 1, imagesPerCall: 2, towers: 'both' } as const
  let folder: string
  let threaded: Encoder
  let direct: Encoder

  beforeAll(async () => {
    const nothing = join(tmpdir(), 'no-such-folder')
    folder = await ensureModelFiles(spec, { cacheDir: nothing, source: new FolderSource(nothing) })
    threaded = await openEncoderThread(spec, folder, options)
    direct = await openOnnxEncoder(spec, folder, options)
  })

  afterAll(() => Promise.all([threaded.close(), direct.close()]))

  const noise = (seed: number) =>
    Uint8Array.from({ length: 3 * spec.input.size ** 2 }, (_, i) => Math.imul(i + seed, 2654435761) >>> 24)

  test('is the encoder that it is without one', async () => {
    const { model, input, hasTexts } = direct
    expect(threaded).toMatchObject({ model, input, hasTexts })
    const images = [noise(1), noise(2), noise(3)]
    expect(await threaded.encodeImages(images)).toEqual(await direct.encodeImages(images))
    const texts = ['a red ball', 'night']
    expect(await threaded.encodeTexts(texts)).toEqual(await direct.encodeTexts(texts))
  })

  test('tells which texts of a call were too long, as the encoder does', async () => {
    const long = 'red '.repeat(50)
    for (const open of [openEncoderThread, openOnnxEncoder]) {
      const cuts: unknown[] = []
      const encoder = await open(spec, folder, { ...options, onCut: told => cuts.push(...told) })
      const [short] = await encoder.encodeTexts(['red '.repeat(30), 'night', long])
      expect(cuts).toEqual([{ text: long, tokens: 52, contextLength: 32 }])
      expect(short).toEqual((await encoder.encodeTexts([long]))[0])
      await encoder.close()
    }
  })

  test('leaves the pixels to the caller, also where they are a part of a larger buffer', async () => {
    const all = Buffer.concat([noise(1), noise(2)])
    const second = all.subarray(all.length / 2)
    const [embedding] = await threaded.encodeImages([second])
    expect(embedding).toEqual((await direct.encodeImages([noise(2)]))[0])
    expect(Buffer.compare(second, noise(2))).toBe(0)
  })

  test('keeps calls apart, those under way together and those that come after them', async () => {
    const batches = [[1, 2, 3], [4, 5], [6]].map(seeds => seeds.map(noise))
    const wanted = []
    for (const images of batches) wanted.push(await direct.encodeImages(images))
    expect(await Promise.all(batches.map(images => threaded.encodeImages(images)))).toEqual(wanted)
    const again = batches.toReversed()
    expect(await Promise.all(again.map(images => threaded.encodeImages(images)))).toEqual(wanted.toReversed())
  })

  test('lets timers run while it computes', async () => {
    let ended = false
    const encoding = threaded.encodeImages(Array.from({ length: 64 }, (_, i) => noise(i))).finally(() => {
      ended = true
    })
    let turns = 0
    while (!ended) {
      turns++
      await new Promise(resolve => setImmediate(resolve))
    }
    await encoding
    // One turn between two runs of the model would be 32.
    expect(turns).toBeGreaterThan(100)
  })

  test('refuses calls once it is closed', async () => {
    const encoder = await openEncoderThread(spec, folder, { ...options, towers: 'none' })
    await Promise.all([encoder.close(), encoder.close()])
    await expect(encoder.encodeTexts(['late'])).rejects.toThrow('closed')
  })

  test('finishes what was asked of it before it closes', async () => {
    const encoder = await openEncoderThread(spec, folder, options)
    const encoding = encoder.encodeImages([noise(1)])
    await encoder.close()
    expect(await encoding).toHaveLength(1)
  })
})

describe('what goes wrong in the thread of an encoder', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'encoder-thread-'))
    await writeTinyModel(folder)
  })

  afterAll(() => rm(folder, { recursive: true }))

  test('arrives with its code: an image without an embedding', async () => {
    const encoder = await openEncoderThread(tinySpec, folder, { threads: 1 })
    try {
      const black = new Uint8Array(3 * SIZE * SIZE)
      await expect(encoder.encodeImages([black])).rejects.toMatchObject({ name: 'PhotoError', code: 'ENCODE_FAILED' })
    } finally {
      await encoder.close()
    }
  })

  test('arrives with its code: a model that is not there', async () => {
    const opening = openEncoderThread(tinySpec, join(folder, 'nothing'), { threads: 1, towers: 'both' })
    await expect(opening).rejects.toMatchObject({ name: 'AppError', code: expect.stringMatching(/^MODEL_/) })
  })

  test('ends the process when the model hangs, so that others take over what it had in hand', async () => {
    const script = `
      import { openEncoderThread } from ${JSON.stringify(builtFile('models/runtime/encoder-thread.js'))}
      const spec = ${JSON.stringify(tinySpec)}
      const encoder = await openEncoderThread(spec, ${JSON.stringify(folder)}, { threads: 1 }, { callMs: 3000, inputMs: 1 })
      setInterval(() => {}, 1000)
      await encoder.encodeImages([new Uint8Array(${3 * SIZE * SIZE})])`
    const file = join(folder, 'script.mjs')
    await writeFile(file, script)
    const hanging = pathToFileURL(resolve('test/models/runtime/hanging-model.mjs')).href
    const child = spawn(process.execPath, ['--import', hanging, file], { stdio: ['ignore', 'ignore', 'pipe'] })
    const [stderr] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect(child.exitCode).toBe(1)
    expect(stderr).toContain('the model has not answered for 3 s')
  })
})
