import { PostgresClusterRepository } from '../db/analysis/cluster-repository.js'
import { PostgresProjectionRepository } from '../db/analysis/projection-repository.js'
import { type Database, openDatabase } from '../db/connection.js'
import { PostgresIndexRepository } from '../db/indexes/index-repository.js'
import { PostgresIngestRepository } from '../db/ingest/ingest-repository.js'
import { PostgresPlaceRepository } from '../db/ingest/place-repository.js'
import { PostgresRemovalRepository } from '../db/ingest/removal-repository.js'
import { PostgresRunRepository } from '../db/ingest/run-repository.js'
import { PostgresSubmissionRepository } from '../db/ingest/submission-repository.js'
import { PostgresTableRepository } from '../db/ingest/table-repository.js'
import { PostgresKeyRepository } from '../db/key-repository.js'
import { PostgresLabelMarkRepository } from '../db/label-mark-repository.js'
import { PostgresLabelRepository } from '../db/label-repository.js'
import { PostgresModelRepository } from '../db/model-repository.js'
import { PostgresReferenceRepository } from '../db/references/reference-repository.js'
import { PostgresEvaluationRepository } from '../db/search/evaluation-repository.js'
import { PostgresPromptRepository } from '../db/search/prompt-repository.js'
import { PostgresSearchRepository } from '../db/search/search-repository.js'
import { PostgresTrainedLabelRepository } from '../db/trained-label-repository.js'
import { PostgresImportRepository } from '../db/vectors/import-repository.js'
import { PostgresVectorRepository } from '../db/vectors/vector-repository.js'
import { BUCKET_HOST } from '../domain/places/object-place.js'
import type { ClusterRepository } from '../domain/ports/analysis/cluster-sets.js'
import type { EvaluationRepository } from '../domain/ports/analysis/evaluations.js'
import type { ProjectionRepository } from '../domain/ports/analysis/projections.js'
import type { IndexRepository } from '../domain/ports/index-repository.js'
import type { TrainedLabelRepository } from '../domain/ports/labels/trained-labels.js'
import type { ModelRepository } from '../domain/ports/model-repository.js'
import type { PlaceRepository } from '../domain/ports/place-repository.js'
import type { PromptRepository } from '../domain/ports/prompts.js'
import type { ReferenceRepository } from '../domain/ports/references/reference-repository.js'
import type { RemovalRepository } from '../domain/ports/removal-repository.js'
import type { IngestRepository, LabelMarkRepository, LabelRepository } from '../domain/ports/repository.js'
import type { RunRepository } from '../domain/ports/run-repository.js'
import type { SearchRepository } from '../domain/ports/search-repository.js'
import type { TableRepository } from '../domain/ports/table-repository.js'
import type { ImportRepository } from '../domain/ports/vectors/import-repository.js'
import type { VectorRepository } from '../domain/ports/vectors/vector-repository.js'

export interface Repositories {
  ingest: IngestRepository
  runs: RunRepository
  places: PlaceRepository
  removals: RemovalRepository
  /** For photos in buckets, which lie on no machine. */
  inBuckets: { places: PlaceRepository; removals: RemovalRepository }
  models: ModelRepository
  indexes: IndexRepository
  labels: LabelRepository
  labelMarks: LabelMarkRepository
  trainedLabels: TrainedLabelRepository
  clusters: ClusterRepository
  projections: ProjectionRepository
  evaluations: EvaluationRepository
  search: SearchRepository
  references: ReferenceRepository
  vectors: VectorRepository
  tables: TableRepository
  imports: ImportRepository
  prompts: PromptRepository
  keys: PostgresKeyRepository
  submissions: PostgresSubmissionRepository
}

/** Connections that label or compare photos in parallel: each keeps one core of the server busy. */
const PARALLEL_SESSIONS = 4

/**
 * All repositories over one database whose schema is up to date.
 * @param options.placeHost name of this machine
 * @param options.url of one more connection, which builds indexes
 */
export function openRepositories(
  database: Database,
  { embedded, url, placeHost }: { embedded: boolean; url: () => Promise<string>; placeHost: string },
): Repositories {
  return {
    ingest: new PostgresIngestRepository(database),
    runs: new PostgresRunRepository(database),
    places: new PostgresPlaceRepository(database, placeHost),
    removals: new PostgresRemovalRepository(database, placeHost),
    inBuckets: {
      places: new PostgresPlaceRepository(database, BUCKET_HOST),
      removals: new PostgresRemovalRepository(database, BUCKET_HOST),
    },
    models: new PostgresModelRepository(database),
    indexes: new PostgresIndexRepository(database, async () => openDatabase({ url: await url(), maxConnections: 1 })),
    labels: new PostgresLabelRepository(database, { sessions: embedded ? 1 : PARALLEL_SESSIONS }),
    labelMarks: new PostgresLabelMarkRepository(database),
    trainedLabels: new PostgresTrainedLabelRepository(database),
    clusters: new PostgresClusterRepository(database),
    projections: new PostgresProjectionRepository(database),
    evaluations: new PostgresEvaluationRepository(database),
    search: new PostgresSearchRepository(database),
    references: new PostgresReferenceRepository(database, { sessions: embedded ? 1 : PARALLEL_SESSIONS }),
    vectors: new PostgresVectorRepository(database),
    tables: new PostgresTableRepository(database),
    imports: new PostgresImportRepository(database),
    prompts: new PostgresPromptRepository(database),
    keys: new PostgresKeyRepository(database),
    submissions: new PostgresSubmissionRepository(database),
  }
}
