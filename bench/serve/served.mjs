// A collection that `serve` serves: a few ingested pictures, and more photos by SQL.
import { execFileSync } from 'node:child_process'
import { openDatabase } from '../../dist/db/connection.js'
import { command, PROGRAM } from '../support/model-home.mjs'
import { startServer } from './load.mjs'

/** Settings of a home folder. @param url of the database; empty: the embedded one */
export function environment(folder, model, url = '') {
  return {
    ...{ UNSPLASH_CLIP_HOME: folder, DATABASE_URL: url, REDIS_URL: '', OBJECT_STORE: '' },
    ...{ MODEL: model, LOG_LEVEL: 'error', OTEL_EXPORTER_OTLP_ENDPOINT: '' },
  }
}

/**
 * Pictures that are ingested register the model and the label sets; `fill` adds the other photos by SQL, once.
 * @param {{ pictures: string, fill(database): Promise<void> }} collection `pictures`: a folder
 * @param {(served: { server, url: string }) => Promise<void>} work `url`: of the database
 */
export async function withServer(env, { pictures, fill }, work) {
  await command(['ingest', pictures, '--processes', '1'], env)
  const shown = execFileSync(process.execPath, [PROGRAM, 'db', 'url'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  const url = shown.trim()
  const database = await openDatabase({ url, maxConnections: 1 })
  try {
    await fill(database)
  } finally {
    await database.close()
  }
  for (const set of ['taken_time', 'taken_space']) await command(['labels', 'predict', set], env)
  const server = await startServer(env)
  try {
    await work({ server, url })
  } finally {
    await server.stop()
  }
}
