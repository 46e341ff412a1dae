import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { fromVectorText, toHalfvecText } from '../../src/db/vector.js'
import { PostgresImportRepository } from '../../src/db/vectors/import-repository.js'
import { importDigest } from '../../src/imports/import-digest.js'
import { importVectors } from '../../src/imports/import-vectors.js'
import { openVectors } from '../../src/imports/open-vectors.js'
import { aModel } from '../db/factories.js'

/** Imports files as vectors of a model of their own. @returns the counts, and the vectors in the database as texts, by id */
export async function importFiles(database: Database, name: string, paths: string[], dimension: number, ids?: string) {
  const modelId = await new PostgresIngestRepository(database).registerModel(aModel({ name, dimension }))
  const how = { dimension, ids }
  const source = await openVectors(paths, how)
  const of = { modelId, digest: await importDigest(source, how), source: source.description }
  const target = { repository: new PostgresImportRepository(database), import: of }
  const summary = await importVectors(source, target, { ...how, signal: new AbortController().signal })
  const rows = await database.query<{ id: string; vector: string }>(
    'select photo_id as id, embedding::text as vector from embeddings where model_id = $1 order by photo_id',
    [modelId],
  )
  return { summary, vectors: rows.map(({ id, vector }) => [id, toHalfvecText(fromVectorText(vector))] as const) }
}
