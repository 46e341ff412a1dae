import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasInstalledPostgres, seedDatabase, startPostgres, stopEmbeddedServers } from './postgres.js'

/**
 * Global setup of the tests that need servers: the files of a run share one native Postgres, each with databases of its own,
 * and as many embedded servers as use one at the same time. The start of a server takes longer than many of the tests.
 */
export async function setup(): Promise<() => Promise<void>> {
  await seedDatabase()
  const own = process.env.TEST_DATABASE_URL === undefined && hasInstalledPostgres() ? await startPostgres() : undefined
  if (own) process.env.TEST_DATABASE_URL = own.url
  const folder = mkdtempSync(join(tmpdir(), 'uc-db-'))
  process.env.TEST_EMBEDDED_FOLDER = folder
  return async () => {
    await stopEmbeddedServers(folder)
    rmSync(folder, { recursive: true })
    await own?.stop()
  }
}
