import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migratedSeed } from './embedded-seed.js'
import { createTemplate, hasInstalledPostgres, startPostgres, stopEmbeddedServers } from './postgres.js'

/**
 * Global setup of the tests that need servers: the files of a run share one native Postgres, each with databases of its own,
 * and as many embedded servers as use one at the same time. The start of a server takes longer than many of the tests.
 */
export async function setup(): Promise<() => Promise<void>> {
  const isNative = process.env.TEST_DATABASE_URL !== undefined || hasInstalledPostgres()
  const [, native] = await Promise.all([migratedSeed(), isNative ? nativeServer() : undefined])
  const folder = mkdtempSync(join(tmpdir(), 'uc-db-'))
  process.env.TEST_EMBEDDED_FOLDER = folder
  return async () => {
    await stopEmbeddedServers(folder)
    rmSync(folder, { recursive: true })
    await native?.stop()
  }
}

/** The server that the environment names, or one of the run's own; and on it the template of the databases of tests. */
async function nativeServer(): Promise<{ stop(): Promise<void> }> {
  const own = process.env.TEST_DATABASE_URL === undefined ? await startPostgres() : undefined
  process.env.TEST_DATABASE_URL ??= own!.url
  const template = await createTemplate(process.env.TEST_DATABASE_URL)
  process.env.TEST_DATABASE_TEMPLATE = template.name
  return {
    async stop() {
      await (own ? own.stop() : template.drop())
    },
  }
}
