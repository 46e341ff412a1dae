import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../../src/domain/errors.js'
import type { FilesProgress } from '../../../src/models/files/files.js'
import {
  address,
  config,
  configFile,
  ensure,
  failure,
  fileOf,
  folder,
  hub,
  leavePart,
  modelOf,
  part,
  serve,
  unreachableHub,
  useEmptyCacheAndHub,
  visibleFiles,
  weights,
  weightsFile,
} from './cache-and-hub.js'

useEmptyCacheAndHub()

describe('a download that is cut', () => {
  const onProgress = ({ doneBytes }: FilesProgress) => hub.arrived(doneBytes)

  test('goes on where it stopped, without another start of the command', async () => {
    serve()
    hub.troubles.push({ cutAfter: 40_000 }, { cutAfter: 30_000 })
    await ensure(modelOf([weightsFile]), { onProgress })
    expect(await readFile(join(folder(), 'onnx/vision_model.onnx'))).toEqual(weights)
    expect(hub.requests.map(({ range }) => range)).toEqual([undefined, 'bytes=40000-', 'bytes=70000-'])
  })

  test('survives answers that only pass: 503, then 429', async () => {
    serve()
    hub.troubles.push({ status: 503 }, { status: 429 })
    await ensure()
    expect(await visibleFiles()).toHaveLength(2)
  })

  test('leaves no half file in the cache, and the next command goes on', async () => {
    serve()
    hub.troubles.push({ cutAfter: 1000 }, { cutAfter: 0 }, { cutAfter: 0 })
    const error = await failure(ensure(modelOf([weightsFile]), { onProgress }))
    expect(error).toMatchObject({
      code: 'MODEL_DOWNLOAD_FAILED',
      message: expect.stringMatching(/vision_model\.onnx of tiny@fp32 \(108\.9 kB\) from .*the connection was closed/),
    })
    expect(await visibleFiles()).toEqual([])
    hub.requests.length = 0
    await ensure(modelOf([weightsFile]))
    expect(hub.requests).toEqual([{ path: address('onnx/vision_model.onnx'), range: 'bytes=1000-' }])
    expect(await readFile(join(folder(), 'onnx/vision_model.onnx'))).toEqual(weights)
  })

  test('starts again at a server that ignores Range', async () => {
    serve()
    hub.ignoresRange = true
    hub.troubles.push({ cutAfter: 40_000 })
    await ensure(modelOf([weightsFile]), { onProgress })
    expect(hub.requests.map(({ range }) => range)).toEqual([undefined, 'bytes=40000-'])
    expect(await readFile(join(folder(), 'onnx/vision_model.onnx'))).toEqual(weights)
  })

  test('is noticed where the server announced no length', async () => {
    serve({ 'config.json': config.subarray(0, 5) })
    hub.chunked = true
    const error = await failure(ensure(modelOf([configFile])))
    expect(error.message).toContain(`the file ended after 5 of ${config.length} bytes`)
  })

  test('can be interrupted', async () => {
    serve()
    const controller = new AbortController()
    const reason = new AppError('INTERRUPTED', 'stopped')
    const attempt = ensure(modelOf(), {
      signal: controller.signal,
      onProgress: ({ path }) => path === 'onnx/vision_model.onnx' && controller.abort(reason),
    })
    await expect(attempt).rejects.toBe(reason)
    expect(await visibleFiles()).toEqual(['config.json'])
    expect(existsSync(join(folder(), '.lock'))).toBe(false)
  })
})

describe('what an earlier try left', () => {
  test('is used when it is the beginning of the file', async () => {
    serve()
    await leavePart(weights.subarray(0, 50_000))
    await ensure()
    expect(hub.requests.at(-1)?.range).toBe('bytes=50000-')
    expect(await readFile(join(folder(), 'onnx/vision_model.onnx'))).toEqual(weights)
  })

  test('is used without a request when it is the whole file', async () => {
    serve()
    await leavePart(weights)
    await ensure()
    expect(hub.requests.map(({ path }) => path)).toEqual([address('config.json')])
  })

  test.each([
    ['wrong', Buffer.alloc(50_000, 'x')],
    ['wrong and whole', Buffer.alloc(weights.length, 'x')],
    ['too long', Buffer.alloc(weights.length + 1, 'x')],
  ])('is thrown away when it is %s', async (_, left) => {
    serve()
    await leavePart(left)
    await ensure()
    expect(await readFile(join(folder(), 'onnx/vision_model.onnx'))).toEqual(weights)
  })
})

describe('a source that cannot give the file', () => {
  test('with other bytes: both digests are named, nothing is kept', async () => {
    serve({ 'config.json': config, 'onnx/vision_model.onnx': Buffer.alloc(weights.length, 'x') })
    const error = await failure(ensure())
    expect(error).toMatchObject({ code: 'MODEL_DIGEST_MISMATCH', exitCode: 1 })
    expect(error.message).toContain(weightsFile.sha256)
    expect(error.message).toContain(fileOf('', Buffer.alloc(weights.length, 'x')).sha256)
    expect(await visibleFiles()).toEqual(['config.json'])
    expect(existsSync(part())).toBe(false)
  })

  test.each([
    ['announced', false],
    ['not announced', true],
  ])('with more bytes than listed, %s: it is not read to its end', async (_, chunked) => {
    serve({ 'config.json': Buffer.alloc(1_000_000) })
    hub.chunked = chunked
    const error = await failure(ensure(modelOf([configFile])))
    expect(error.code).toBe('MODEL_DIGEST_MISMATCH')
    expect(error.message).toContain(`expected ${config.length} bytes`)
    expect(await visibleFiles()).toEqual([])
  })

  test('with a shorter file than the part: the sizes are named', async () => {
    serve({ 'config.json': config, 'onnx/vision_model.onnx': weights.subarray(0, 10) })
    await leavePart(weights.subarray(0, 50_000))
    const error = await failure(ensure())
    expect(error).toMatchObject({ code: 'MODEL_DIGEST_MISMATCH', message: expect.stringContaining('found 10 bytes') })
  })

  test('with 404: nothing is tried again', async () => {
    const error = await failure(ensure())
    expect(error).toMatchObject({ code: 'MODEL_NOT_FOUND', message: expect.stringContaining('status 404') })
    expect(hub.requests).toHaveLength(1)
  })

  test('with 401: nothing is tried again', async () => {
    serve()
    hub.troubles.push({ status: 401 })
    const error = await failure(ensure())
    expect(error).toMatchObject({ code: 'MODEL_DOWNLOAD_FAILED', message: expect.stringContaining('status 401') })
    expect(hub.requests).toHaveLength(1)
  })

  test('without a network', async () => {
    const error = await failure(ensure(modelOf(), { source: await unreachableHub() }))
    expect(error).toMatchObject({
      code: 'MODEL_DOWNLOAD_FAILED',
      message: expect.stringContaining('the connection was refused'),
    })
  })

  test('always says how to get every missing file by hand, and names the model that needs no download', async () => {
    serve({ 'config.json': config })
    const { message } = await failure(ensure())
    expect(message).toContain(
      `https://huggingface.co/example/tiny/resolve/r1/onnx/vision_model.onnx\n    to ${join(folder(), 'onnx/vision_model.onnx')}`,
    )
    expect(message).not.toContain('resolve/r1/config.json\n')
    expect(message).toContain('MODEL_SOURCE')
    expect(message).toContain('HF_ENDPOINT')
    expect(message).toContain('--model demo (it understands rendered scenes, not photographs)')
  })
})

describe('a full disk', () => {
  test('is noticed before anything is fetched', async () => {
    serve()
    const huge = { ...weightsFile, bytes: 2 ** 62 }
    const error = await failure(ensure(modelOf([configFile, huge])))
    expect(error).toMatchObject({
      code: 'MODEL_DISK_FULL',
      message: expect.stringMatching(/4\.6 EB of free space.*found .*B in/),
    })
    expect(hub.requests).toEqual([])
  })

  test('that shows while writing leaves nothing behind', async () => {
    serve()
    // Every write to /dev/full fails with ENOSPC, as on a full disk.
    await mkdir(dirname(part()), { recursive: true })
    await symlink('/dev/full', part())
    const error = await failure(ensure())
    expect(error.code).toBe('MODEL_DISK_FULL')
    expect(error.message).toContain('by hand')
    expect(await visibleFiles()).toEqual(['config.json'])
    expect(await readdir(dirname(part()))).toEqual([])
  })
})
