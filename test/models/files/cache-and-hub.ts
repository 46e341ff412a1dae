import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { AppError } from '../../../src/domain/errors.js'
import type { ModelFile } from '../../../src/models/catalog/entry.js'
import type { HubModelSpec } from '../../../src/models/catalog/registry.js'
import { partPath } from '../../../src/models/files/download.js'
import { type EnsureOptions, ensureModelFiles } from '../../../src/models/files/files.js'
import { HubSource } from '../../../src/models/files/hub-source.js'
import { freePort } from '../../support/servers/free-port.js'
import { tinySpec } from '../tiny-model.js'
import { LoopbackHub } from './loopback-hub.js'

/** New for every test. */
export let cacheDir: string
export let hub: LoopbackHub

/** For every test of the file that calls it: an empty cache, and a hub on loopback that has nothing yet. */
export function useEmptyCacheAndHub(): void {
  beforeEach(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'model-files-'))
    hub = await LoopbackHub.start()
  })

  afterEach(async () => {
    await hub.close()
    await rm(cacheDir, { recursive: true })
  })
}

export const config = Buffer.from('{"model_type":"clip"}')
/** Bytes that no part of which equals another. */
export const weights = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${i},`).join(''))

export function fileOf(path: string, contents: Buffer): ModelFile {
  return { path, bytes: contents.length, sha256: createHash('sha256').update(contents).digest('hex') }
}

export const configFile = fileOf('config.json', config)
export const weightsFile = fileOf('onnx/vision_model.onnx', weights)

/** A model of these files. */
export function modelOf(files: readonly ModelFile[] = [configFile, weightsFile]): HubModelSpec {
  return { ...tinySpec, origin: { kind: 'hub', repository: 'example/tiny', revision: 'r1', files } } as HubModelSpec
}

/** Of a file on the hub. */
export const address = (path: string) => `/example/tiny/resolve/r1/${path}`
export const folder = () => join(cacheDir, 'tiny')
/** Where the weights grow. */
export const part = () => partPath(folder(), weightsFile)

/** Makes the hub have the files. */
export function serve(
  contents: Record<string, Buffer> = { 'config.json': config, 'onnx/vision_model.onnx': weights },
): void {
  for (const [path, bytes] of Object.entries(contents)) hub.files.set(address(path), bytes)
}

const RETRY = { attempts: 3, firstMs: 1 }

export function ensure(spec = modelOf(), options: Partial<EnsureOptions> = {}): Promise<string> {
  return ensureModelFiles(spec, { cacheDir, source: new HubSource(hub.endpoint), retry: RETRY, ...options })
}

/** The error of an attempt that must fail. */
export async function failure(attempt: Promise<unknown>): Promise<AppError> {
  const error = await attempt.then(
    () => undefined,
    reason => reason,
  )
  expect(error).toBeInstanceOf(AppError)
  return error
}

/** Files that a reader of the cache sees. */
export async function visibleFiles(): Promise<string[]> {
  const entries = await readdir(folder(), { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(folder().length + 1))
    .filter(path => !path.startsWith('.'))
    .sort()
}

/** As an earlier try would have left it. */
export async function leavePart(bytes: Buffer): Promise<void> {
  await mkdir(dirname(part()), { recursive: true })
  await writeFile(part(), bytes)
}

/** Nobody listens there. */
export async function unreachableHub(): Promise<HubSource> {
  return new HubSource(`http://127.0.0.1:${await freePort()}`)
}
