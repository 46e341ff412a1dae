import { type Database, openDatabase } from '../db/connection.js'
import { PostgresDuplicateRepository } from '../db/duplicate-repository.js'
import { PostgresFacetRepository } from '../db/facet-repository.js'
import { PostgresHybridRepository } from '../db/hybrid-repository.js'
import { PostgresIndexRepository } from '../db/index-repository.js'
import { PostgresIngestRepository } from '../db/ingest-repository.js'
import { PostgresLabelRepository } from '../db/label-repository.js'
import { PostgresModelRepository } from '../db/model-repository.js'
import { PostgresPromptRepository } from '../db/prompt-repository.js'
import { PostgresRunRepository } from '../db/run-repository.js'
import { PostgresSearchRepository } from '../db/search-repository.js'
import { PostgresTableRepository } from '../db/table-repository.js'
import type { DuplicateRepository } from '../domain/ports/duplicates.js'
import type { FacetRepository } from '../domain/ports/facets.js'
import type { HybridRepository } from '../domain/ports/hybrid.js'
import type { IndexRepository } from '../domain/ports/index-repository.js'
import type { ModelRepository } from '../domain/ports/model-repository.js'
import type { PromptRepository } from '../domain/ports/prompts.js'
import type { IngestRepository, LabelRepository } from '../domain/ports/repository.js'
import type { RunRepository } from '../domain/ports/run-repository.js'
import type { SearchRepository } from '../domain/ports/search.js'
import type { TableRepository } from '../domain/ports/table-repository.js'

export interface Repositories {
  ingest: IngestRepository
  runs: RunRepository
  models: ModelRepository
  indexes: IndexRepository
  labels: LabelRepository
  search: SearchRepository
  hybrid: HybridRepository
  facets: FacetRepository
  duplicates: DuplicateRepository
  tables: TableRepository
  prompts: PromptRepository
}

/** Connections on which photos are labelled at the same time: two keep two cores of the server busy. */
const LABELLING_SESSIONS = 4

/**
 * All repositories over one database whose schema is up to date.
 * @param options.url of a connection beside the pool, on which an index is built
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
    hybrid: new PostgresHybridRepository(database),
    facets: new PostgresFacetRepository(database),
    duplicates: new PostgresDuplicateRepository(database),
    tables: new PostgresTableRepository(database),
    prompts: new PostgresPromptRepository(database),
  }
}
