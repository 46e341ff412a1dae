import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { AppError } from '../../../src/domain/errors.js'
import { addModel } from '../../../src/models/adding/add-model.js'
import type { AddedModel, AddOptions } from '../../../src/models/adding/options.js'
import { HubRepository } from '../../../src/models/adding/sources/hub-repository.js'
import { HubSource } from '../../../src/models/files/hub-source.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'
import { ModelHub } from '../../support/models/model-hub.js'

/** Repositories that real libraries wrote: see tools/exported-repositories. */
export const REPOSITORIES = join(import.meta.dirname, '..', 'repositories')
export const signal = new AbortController().signal

/** New for every file of tests. */
export let hub: ModelHub
let root: string

export function useHub(): void {
  beforeAll(async () => {
    hub = await ModelHub.start()
    root = await mkdtemp(join(tmpdir(), 'adding-'))
  })

  afterAll(async () => {
    await hub.close()
    await rm(root, { recursive: true, force: true })
  })
}

export const CLIP = 'lab/clip'
export const VISION = 'onnx/vision_model.onnx'

/** Where the test adds models. */
export let place: { cacheDir: string; lock: string }

/** Before each test a hub with the export of CLIP alone, and a folder without models. */
export function useClip(): void {
  useHub()

  beforeEach(async () => {
    hub.repositories.clear()
    hub.tampered.clear()
    hub.requests.length = 0
    hub.contentRequests.length = 0
    hub.pageSize = 1000
    hub.publish(CLIP, join(REPOSITORIES, 'clip'), { license: 'mit' })
    place = await emptyCache()
  })
}

/** The files of CLIP on the hub; a test may change them. */
export function clipFiles() {
  return hub.repositories.get(CLIP)!.files
}

export function addClip(more: Partial<Parameters<typeof add>[0]> = {}): Promise<AddedModel> {
  return add({ repository: fromHub(CLIP), ...place, ...more })
}

/** An empty folder of models with its lock file. */
export async function emptyCache(): Promise<{ cacheDir: string; lock: string }> {
  const cacheDir = await mkdtemp(join(root, 'models-'))
  return { cacheDir, lock: join(cacheDir, 'models.lock.json') }
}

export function fromHub(repository: string, revision = 'main', token?: string): HubRepository {
  return new HubRepository(new HubSource(hub.endpoint, { token }), repository, revision)
}

export function add(
  options: Pick<AddOptions, 'repository' | 'cacheDir' | 'lock'> & Partial<AddOptions>,
): Promise<AddedModel> {
  return addModel({
    fields: {},
    maxBytes: 1e9,
    openEncoder: (spec, folder) => openOnnxEncoder(spec, folder, { threads: 1 }),
    baseOf: repository => fromHub(repository),
    signal,
    ...options,
  })
}

export async function failure(attempt: Promise<unknown>): Promise<AppError> {
  const error = await attempt.then(
    () => undefined,
    reason => reason,
  )
  expect(error).toBeInstanceOf(AppError)
  return error
}
