import { type Database, openDatabase } from '../db/connection.js'
import { PostgresIndexRepository } from '../db/indexes/index-repository.js'
import { PostgresIngestRepository } from '../db/ingest/ingest-repository.js'
import { PostgresRunRepository } from '../db/ingest/run-repository.js'
import { PostgresTableRepository } from '../db/ingest/table-repository.js'
import { PostgresLabelRepository } from '../db/label-repository.js'
import { PostgresModelRepository } from '../db/model-repository.js'
import { PostgresPromptRepository } from '../db/search/prompt-repository.js'
import { PostgresSearchRepository } from '../db/search/search-repository.js'
import type { IndexRepository } from '../domain/ports/index-repository.js'
import type { ModelRepository } from '../domain/ports/model-repository.js'
import type { PromptRepository } from '../domain/ports/prompts.js'
import type { IngestRepository, LabelRepository } from '../domain/ports/repository.js'
import type { RunRepository } from '../domain/ports/run-repository.js'
import type { SearchRepository } from '../domain/ports/search-repository.js'
import type { TableRepository } from '../domain/ports/table-repository.js'

export interface Repositories {
  ingest: IngestRepository
  runs: RunRepository
  models: ModelRepository
  indexes: IndexRepository
  labels: LabelRepository
  search: SearchRepository
  tables: TableRepository
  prompts: PromptRepository
}

/** Connections that label photos in parallel: each keeps one core of the server busy. */
const LABELLING_SESSIONS = 4

/**
 * All repositories over one database whose schema is up to date.
 * @param options.url of one more connection, which builds indexes
 */
export function openRepositories(
  database: Database,
  { embedded, url }: { embedded: boolean; url: () => Promise<string> },
): Repositories {
  return {
    ingest: new PostgresIngestRepository(database),
    runs: new PostgresRunRepository(database),
    models: new PostgresModelRepository(database),
    indexes: new PostgresIndexRepository(database, async () => openDatabase({ url: await url(), maxConnections: 1 })),
    labels: new PostgresLabelRepository(database, { sessions: embedded ? 1 : LABELLING_SESSIONS }),
    search: new PostgresSearchRepository(database),
    tables: new PostgresTableRepository(database),
    prompts: new PostgresPromptRepository(database),
  }
}
