import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
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
