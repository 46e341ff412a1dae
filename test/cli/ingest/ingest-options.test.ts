import { expect, test } from 'vitest'
import { checkUsage, type IngestOptions } from '../../../src/cli/ingest/ingest-options.js'

const watching: IngestOptions = { inputs: ['./photos'], store: true, processes: 1, watch: true }

test.each<Partial<IngestOptions>>([
  { sample: 3 },
  { limit: 3 },
  { where: ['width>3'] },
  { images: './pixels' },
  { urlTemplate: 'https://photos.test/{photo_id}' },
  { videoFps: 1 },
  { dryRun: true },
  { onlyMissing: true },
  { inputs: [], onlyMissing: true },
])('--watch is refused with %j, which is no whole folder', options => {
  expect(() => checkUsage({ ...watching, ...options })).toThrow('--watch keeps whole folders up to date')
})

test('--watch goes with --sync, --yes, --wait and --rescan', () => {
  expect(checkUsage({ ...watching, sync: true, yes: true, wait: true, rescan: 60 })).toBeUndefined()
})

test('--rescan and --yes need a command that they are about', () => {
  const plain = { ...watching, watch: false }
  expect(() => checkUsage({ ...plain, rescan: 60 })).toThrow('--rescan needs --watch')
  expect(() => checkUsage({ ...plain, yes: true })).toThrow('--sync or --watch')
})
