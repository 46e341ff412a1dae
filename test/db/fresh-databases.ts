import { afterAll, beforeAll } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import type { ServerKind, TestServer } from '../support/servers/postgres.js'
import { aModel } from './factories.js'

export interface Fresh {
  database: Database
  ingest: PostgresIngestRepository
  /** Of a model that is registered. */
  modelId: ModelId
}

/** Starts a server for the tests of a suite. @returns makes a database with the schema and one model in it */
export function freshDatabases(start: ServerKind['start']): () => Promise<Fresh> {
  let server: TestServer | undefined
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server?.close())
  return async () => {
    const database = await server!.freshDatabase()
    const ingest = new PostgresIngestRepository(database)
    return { database, ingest, modelId: await ingest.registerModel(aModel()) }
  }
}
