import { pino } from 'pino'
import type { HttpParts } from '../../src/http/parts.js'

const NOTHING = null as never

/** Parts of an API that is never asked for more than the changes. */
export function bareParts(changes: Partial<HttpParts> = {}): HttpParts {
  return {
    keys: NOTHING,
    removal: NOTHING,
    ingestion: NOTHING,
    images: NOTHING,
    search: NOTHING,
    models: NOTHING,
    projections: NOTHING,
    ingest: NOTHING,
    runs: NOTHING,
    queue: NOTHING,
    store: NOTHING,
    signedCopies: null,
    board: null,
    fetchPicture: NOTHING,
    snapshots: NOTHING,
    live: NOTHING,
    ready: NOTHING,
    logger: pino({ level: 'silent' }),
    ...changes,
  }
}
