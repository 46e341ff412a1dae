import { lstat, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { HubRepository } from '../../../src/models/adding/sources/hub-repository.js'
import { readModelsLock } from '../../../src/models/catalog/models-lock.js'
import { HubSource } from '../../../src/models/files/hub-source.js'
import { LoopbackHub } from '../files/loopback-hub.js'
import {
  addClip,
  CLIP,
  clipFiles,
  failure,
  fromHub,
  hub,
  place,
  REPOSITORIES,
  signal,
  useClip,
  VISION,
} from './adding.js'

useClip()

const placed = (path: string) => join(place.cacheDir, 'clip', path)

describe('a model that is in use', () => {
  test('keeps its files when an update of it fails, and gives way to one that works', async () => {
    await addClip()
    const before = await readFile(placed(VISION))
    hub.publish(CLIP, join(REPOSITORIES, 'clip'), { commit: 'b'.repeat(40) })
    clipFiles().set(VISION, before.subarray(0, 20_000))
    expect((await failure(addClip({ update: true }))).code).toBe('MODEL_INVALID')
    expect(await readFile(placed(VISION))).toEqual(before)
    expect(readModelsLock(place.lock).get('clip')!.revision).not.toBe('b'.repeat(40))

    clipFiles().set(VISION, before)
    clipFiles().set('config.json', Buffer.from(clipFiles().get('config.json')!.toString().replace('{', '{ ')))
    hub.contentRequests.length = 0
    expect((await addClip({ update: true })).revision).toBe('b'.repeat(40))
    expect(await readFile(placed('config.json'))).toEqual(clipFiles().get('config.json'))
    expect(await lstat(placed('.replacing')).catch(() => 'absent')).toBe('absent')
    // What did not change is not fetched again.
    expect(hub.contentRequests.map(({ path }) => path)).not.toContain(`${CLIP}/onnx/text_model.onnx`)
  })

  test('keeps its files when the source has other bytes at the same commit', async () => {
    await addClip()
    const before = await readFile(placed('config.json'))
    clipFiles().set('config.json', Buffer.from(before.toString().replace('{', '{ ')))
    expect((await failure(addClip())).code).toBe('MODEL_DIGEST_MISMATCH')
    expect(await readFile(placed('config.json'))).toEqual(before)
  })
})

test('a lock file that cannot be written is found before any file is fetched', async () => {
  await writeFile(join(place.cacheDir, 'team'), '')
  hub.contentRequests.length = 0
  const lock = join(place.cacheDir, 'team', 'models.lock.json')
  expect((await failure(addClip({ lock }))).message).toMatch(/MODELS_LOCK|team/)
  expect(hub.contentRequests).toEqual([])
})

describe('two attempts at once', () => {
  test('with the same name keep both precisions', async () => {
    await Promise.all([addClip(), addClip({ precision: 'int8' })])
    expect(Object.keys(readModelsLock(place.lock).get('clip')!.entry.precisions).sort()).toEqual(['fp32', 'int8'])
  })

  test('from two sources refuse the second', async () => {
    hub.publish('other/clip', join(REPOSITORIES, 'clip'))
    const attempts = await Promise.allSettled([addClip(), addClip({ repository: fromHub('other/clip') })])
    const refused = attempts.flatMap(attempt => (attempt.status === 'rejected' ? [attempt.reason] : []))
    expect(refused.map(({ code, message }) => [code, message])).toEqual([
      ['USAGE', expect.stringMatching(/clip is already added from hf:.*--name/)],
    ])
  })
})

describe('what belongs to the user', () => {
  test.each(['config.json', 'model.json'])('a link at %s is not replaced', async path => {
    const own = join(place.cacheDir, 'own.json')
    await writeFile(own, 'mine')
    await mkdir(join(place.cacheDir, 'clip'))
    await symlink(own, placed(path))
    const error = await failure(addClip())
    expect([error.code, error.message]).toEqual(['TARGET_NOT_EMPTY', expect.stringContaining(path)])
    expect((await lstat(placed(path))).isSymbolicLink()).toBe(true)
  })

  test('the name of a model in a folder of MODEL_FOLDERS is not taken', async () => {
    const error = await failure(addClip({ taken: ['clip'] }))
    expect([error.code, error.message]).toEqual(['USAGE', expect.stringMatching(/MODEL_FOLDERS.*--name/)])
  })

  test.each([true, false])('a lock file behind a link stays there; it exists: %s', async exists => {
    const shared = join(place.cacheDir, 'deployment.lock.json')
    if (exists) await writeFile(shared, '{"version":1,"models":{}}')
    await symlink('deployment.lock.json', place.lock)
    await addClip()
    expect((await lstat(place.lock)).isSymbolicLink()).toBe(true)
    expect([...readModelsLock(shared).keys()]).toEqual(['clip'])
  })
})

test('a list is asked for again while the hub is busy, and the failure says to try later', async () => {
  const busy = await LoopbackHub.start()
  try {
    busy.troubles.push(...[429, 503, 500].map(status => ({ status })))
    const repository = new HubRepository(new HubSource(busy.endpoint), CLIP, 'main', { attempts: 3, firstMs: 1 })
    const error = await failure(repository.list(signal))
    expect([error.code, error.message]).toEqual([
      'MODEL_DOWNLOAD_FAILED',
      expect.stringMatching(/status 500\. Try again later/),
    ])
    expect(busy.requests.length).toBe(3)
  } finally {
    await busy.close()
  }
})
