import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { stopEmbeddedServer } from '../../../src/db/embedded/embedded-server.js'
import { plantDatabase } from '../../support/servers/embedded-seed.js'
import { expectOthersUndisturbed } from './hostile-rounds.js'

const ROUNDS = 10_000
const LONG_MS = 900_000

let dataDir: string
afterEach(async () => {
  await stopEmbeddedServer(dataDir)
  rmSync(dataDir, { recursive: true })
})

test(
  'ten thousand clients that send random, damaged and reordered messages disturb nobody else',
  async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'uc-hostile-'))
    await plantDatabase(dataDir, 'nothing')
    await expectOthersUndisturbed(dataDir, ROUNDS, 1000)
    expect(await stopEmbeddedServer(dataDir)).toBe(true)
  },
  LONG_MS,
)
