import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.js'
import { partPath } from '../../src/models/download.js'
import { type EnsureOptions, ensureModelFiles, type FilesProgress } from '../../src/models/files.js'
import { FolderSource } from '../../src/models/folder-source.js'
import { HubSource } from '../../src/models/hub-source.js'
import type { HubModelSpec, ModelFile } from '../../src/models/registry.js'
import { verifyModel } from '../../src/models/verify.js'
import { freePort } from '../support/free-port.js'
import { LoopbackHub } from './loopback-hub.js'
import { tinySpec } from './tiny-model.js'

const RETRY = { attempts: 3, backoffMs: 1 }

let cacheDir: string
let hub: LoopbackHub

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'model-files-'))
  hub = await LoopbackHub.start()
})

afterEach(async () => {
  await hub.close()
  await rm(cacheDir, { recursive: true })
})

const config = Buffer.from('{"model_type":"clip"}')
/** Bytes that no part of which equals another. */
const weights = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${i},`).join(''))

function fileOf(path: string, contents: Buffer): ModelFile {
  return { path, bytes: contents.length, sha256: createHash('sha256').update(contents).digest('hex') }
}

const configFile = fileOf('config.json', config)
const weightsFile = fileOf('onnx/vision_model.onnx', weights)

/** A model of these files; the hub has their contents. */
function modelOf(files: readonly ModelFile[] = [configFile, weightsFile]): HubModelSpec {
  return { ...tinySpec, origin: { kind: 'hub', repository: 'example/tiny', revision: 'r1', files } } as HubModelSpec
}

const address = (path: string) => `/example/tiny/resolve/r1/${path}`
const folder = () => join(cacheDir, 'tiny')
const part = () => partPath(folder(), weightsFile)

function serve(contents: Record<string, Buffer> = { 'config.json': config, 'onnx/vision_model.onnx': weights }): void {
  for (const [path, bytes] of Object.entries(contents)) hub.files.set(address(path), bytes)
}

function ensure(spec = modelOf(), options: Partial<EnsureOptions> = {}): Promise<string> {
  return ensureModelFiles(spec, { cacheDir, source: new HubSource(hub.endpoint), retry: RETRY, ...options })
}

/** The error of an attempt that must fail. */
async function failure(attempt: Promise<unknown>): Promise<AppError> {
  const error = await attempt.then(
    () => undefined,
    reason => reason,
  )
  expect(error).toBeInstanceOf(AppError)
  return error
}

/** Files that a reader of the cache sees. */
async function visibleFiles(): Promise<string[]> {
  const entries = await readdir(folder(), { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(folder().length + 1))
    .filter(path => !path.startsWith('.'))
    .sort()
}

async function leavePart(bytes: Buffer): Promise<void> {
  await mkdir(dirname(part()), { recursive: true })
  await writeFile(part(), bytes)
}

async function unreachableHub(): Promise<HubSource> {
  return new HubSource(`http://127.0.0.1:${await freePort()}`)
}

describe('files of a model', () => {
  test('come from the hub, are whole, and are not fetched again', async () => {
    serve()
    expect(await ensure()).toBe(folder())
    expect(await visibleFiles()).toEqual(['config.json', 'onnx/vision_model.onnx'])
    expect(await readFile(join(folder(), 'onnx/vision_model.onnx'))).toEqual(weights)
    await ensure()
    expect(hub.requests.map(({ path }) => path)).toEqual([address('config.json'), address('onnx/vision_model.onnx')])
  })

  test('are found behind a redirect', async () => {
    serve()
    hub.files.set('/elsewhere', config)
    hub.troubles.push({ redirectTo: '/elsewhere' })
    await ensure()
    expect(await readFile(join(folder(), 'config.json'))).toEqual(config)
  })

  test('are given up after five redirects', async () => {
    serve()
    hub.troubles.push(...Array.from({ length: 6 }, () => ({ redirectTo: '/round' })))
    const error = await failure(ensure())
    expect(error).toMatchObject({
      code: 'MODEL_DOWNLOAD_FAILED',
      message: expect.stringContaining('more than 5 redirects'),
    })
  })

  test('arrive with progress up to the last byte of all of them', async () => {
    serve()
    const seen: FilesProgress[] = []
    await ensure(modelOf(), { onProgress: progress => seen.push(progress) })
    const totalBytes = config.length + weights.length
    expect(seen.every(progress => progress.totalBytes === totalBytes && progress.phase === 'downloading')).toBe(true)
    expect(seen.map(({ doneBytes }) => doneBytes)).toEqual(seen.map(({ doneBytes }) => doneBytes).sort((a, b) => a - b))
    expect(seen.at(-1)).toMatchObject({ doneBytes: totalBytes, path: 'onnx/vision_model.onnx' })
  })

  test('put there by hand are checked and used without any request', async () => {
    await mkdir(join(folder(), 'onnx'), { recursive: true })
    await writeFile(join(folder(), 'config.json'), config)
    await writeFile(join(folder(), 'onnx/vision_model.onnx'), weights)
    await ensure()
    expect(hub.requests).toEqual([])
  })

  test('that were changed afterwards are fetched again', async () => {
    serve()
    await ensure()
    const path = join(folder(), 'config.json')
    await writeFile(path, Buffer.alloc(config.length, 'x'))
    await utimes(path, new Date(), new Date(Date.now() - 60_000))
    await ensure()
    expect(await readFile(path)).toEqual(config)
  })

  test('of the bundled model need no source', async () => {
    const spec = { ...tinySpec, origin: { kind: 'bundled', folder: 'labels', files: [] } } as const
    expect(await ensureModelFiles(spec, { cacheDir, source: await unreachableHub() })).toMatch(/labels$/)
  })
})

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
      message: expect.stringMatching(/vision_model\.onnx of tiny@fp32 \(108\.9 kB\) from .*the connection was cut/),
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
    expect(error.message).toContain('By hand')
    expect(await visibleFiles()).toEqual(['config.json'])
    expect(await readdir(dirname(part()))).toEqual([])
  })
})

test('a cache that cannot be written is named', async () => {
  await writeFile(join(cacheDir, 'tiny'), 'a file where the folder should be')
  const error = await failure(ensure())
  expect(error).toMatchObject({ code: 'MODEL_DOWNLOAD_FAILED', message: expect.stringContaining('UNSPLASH_CLIP_HOME') })
})

test('files in a folder that cannot be written are used', async () => {
  serve()
  await ensure()
  await rm(join(folder(), '.verified.json'))
  await chmod(folder(), 0o555)
  try {
    expect(await ensure()).toBe(folder())
  } finally {
    await chmod(folder(), 0o755)
  }
})

describe('a local folder', () => {
  test.each(['', 'tiny'])('gives the files from <folder>/%s', async sub => {
    const source = join(cacheDir, 'source')
    await mkdir(join(source, sub, 'onnx'), { recursive: true })
    await writeFile(join(source, sub, 'config.json'), config)
    await writeFile(join(source, sub, 'onnx/vision_model.onnx'), weights)
    await leavePart(weights.subarray(0, 500))
    await ensure(modelOf(), { source: new FolderSource(source) })
    expect(await readFile(join(folder(), 'onnx/vision_model.onnx'))).toEqual(weights)
  })

  test('without the file is named with both places', async () => {
    const error = await failure(ensure(modelOf(), { source: new FolderSource('/nowhere') }))
    expect(error.code).toBe('MODEL_NOT_FOUND')
    expect(error.message).toContain('neither /nowhere/tiny/config.json nor /nowhere/config.json is there')
  })
})

describe('processes that want the same model', () => {
  test('fetch it once: the others wait and say so', async () => {
    serve()
    const waited: FilesProgress[] = []
    const onProgress = (progress: FilesProgress) => progress.phase === 'waiting' && waited.push(progress)
    await Promise.all([ensure(), ensure(modelOf(), { onProgress }), ensure(modelOf(), { onProgress })])
    expect(hub.requests).toHaveLength(2)
    expect(waited.length).toBeGreaterThan(0)
    expect(waited[0]?.pid).toBe(process.pid)
  })

  test('take over from one that died', async () => {
    serve()
    const { pid } = spawnSync(process.execPath, ['--version'])
    await mkdir(folder(), { recursive: true })
    await writeFile(join(folder(), '.lock'), JSON.stringify({ pid, host: hostname(), token: 'left' }))
    await ensure()
    expect(await visibleFiles()).toHaveLength(2)
    expect(existsSync(join(folder(), '.lock'))).toBe(false)
  })

  test('take over from one on another host that has been silent for a minute', async () => {
    serve()
    const lock = join(folder(), '.lock')
    await mkdir(folder(), { recursive: true })
    await writeFile(lock, JSON.stringify({ pid: 1, host: 'elsewhere', token: 'left' }))
    const before = new Date(Date.now() - 61_000)
    await utimes(lock, before, before)
    await ensure()
    expect(await visibleFiles()).toHaveLength(2)
  })
})

describe('verifying', () => {
  test('names each file that is missing or changed', async () => {
    serve()
    await ensure()
    expect((await verifyModel(modelOf(), folder())).every(({ ok }) => ok)).toBe(true)
    await writeFile(join(folder(), 'config.json'), 'x')
    await rm(join(folder(), 'onnx/vision_model.onnx'))
    expect(await verifyModel(modelOf(), folder())).toEqual([
      { path: 'config.json', ok: false, expected: configFile.sha256, found: fileOf('', Buffer.from('x')).sha256 },
      { path: 'onnx/vision_model.onnx', ok: false, expected: weightsFile.sha256, found: 'missing' },
    ])
  })
})
