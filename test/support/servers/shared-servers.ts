import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTemplate, hasInstalledPostgres, startPostgres, TEMPLATE } from '../postgres/own-postgres.js'
import { migratedSeed } from './embedded-seed.js'
import { stopEmbeddedServers } from './postgres.js'

const RUN = Symbol.for('the servers of this test run')
const shared = globalThis as { [RUN]?: Promise<() => Promise<void>> }

/**
 * Global setup of the tests that need servers: the files of a run share one native Postgres, each with databases of its own,
 * and as many embedded servers as use one at the same time. The start of a server takes longer than many of the tests.
 * The projects of a run share them too.
 */
export async function setup(): Promise<() => Promise<void>> {
  const isFirst = shared[RUN] === undefined
  shared[RUN] ??= start()
  const stop = await shared[RUN]
  return isFirst ? stop : async () => {}
}

async function start(): Promise<() => Promise<void>> {
  const isNative = process.env.TEST_DATABASE_URL !== undefined || hasInstalledPostgres()
  const [, native] = await Promise.all([migratedSeed(), isNative ? nativeServer() : undefined])
  const folder = mkdtempSync(join(tmpdir(), 'uc-run-'))
  process.env.TEST_RUN_FOLDER = folder
  process.env.TEST_EMBEDDED_FOLDER = join(folder, 'embedded')
  mkdirSync(process.env.TEST_EMBEDDED_FOLDER)
  return async () => {
    await stopEmbeddedServers(join(folder, 'embedded'))
    rmSync(folder, { recursive: true })
    await native?.stop()
  }
}

/** The server that the environment names, or one of the run's own; and on it the template of the databases of tests. */
async function nativeServer(): Promise<{ stop(): Promise<void> }> {
  if (process.env.TEST_DATABASE_URL === undefined) {
    const own = await startPostgres()
    process.env.TEST_DATABASE_URL = own.url
    process.env.TEST_DATABASE_TEMPLATE = TEMPLATE
    return own
  }
  const template = await createTemplate(process.env.TEST_DATABASE_URL)
  process.env.TEST_DATABASE_TEMPLATE = template.name
  return { stop: template.drop }
}
