import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ExternalPlace, readExternal } from '../../../src/models/graph/external-data.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'external-'))
  await writeFile(join(folder, 'weights.data'), Uint8Array.of(1, 2, 3, 4, 5, 6))
})
afterEach(() => rm(folder, { recursive: true }))

test('the bytes of a tensor are read from their place in the file beside the model', () => {
  expect([...readExternal(folder, { location: 'weights.data', offset: '2', length: '3' }, 3)!]).toEqual([3, 4, 5])
  expect([...readExternal(folder, { location: 'weights.data' }, 6)!]).toEqual([1, 2, 3, 4, 5, 6])
})

test.each<[string, ExternalPlace]>([
  ['has another length', { location: 'weights.data', length: '2' }],
  ['ends behind the file', { location: 'weights.data', offset: '4' }],
  ['starts before the file', { location: 'weights.data', offset: '-1' }],
  ['has no file', { offset: '0' }],
  ['is in a file that is missing', { location: 'other.data' }],
  ['is in another folder', { location: '../weights.data' }],
  ['is anywhere on the machine', { location: '/etc/hostname' }],
])('nothing is read when the place %s', (_, place) => {
  expect(readExternal(folder, place, 3)).toBeUndefined()
})
