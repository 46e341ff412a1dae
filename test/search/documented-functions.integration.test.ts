import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { PhotoSearch } from '../../src/search/photo-search.js'
import { aPhoto, embedPhotos } from '../db/factories.js'
import { freshDatabases } from '../db/fresh-databases.js'
import { embeddedServer } from '../support/servers/postgres.js'
import { DOG, NIGHT, tinyInstallation } from './support.js'

const SIGNAL = new AbortController().signal
const PAGE = readFileSync('docs/reference/sql.md', 'utf8')

/** The functions of the page that answer a question about photos. */
const ANSWERING = [
  'search_photos',
  'search_text',
  'similar_photos',
  'browse_photos',
  'combine',
  'search_hybrid',
  'search_facets',
  'search_places',
  'shared_words',
  'prompt_embedding',
  'near_duplicates',
  'group_pairs',
]

describe('docs/reference/sql.md, which says that the program calls the functions that it describes', () => {
  const fresh = freshDatabases(embeddedServer)
  let database: Database
  const statements: string[] = []
  let stopListening = () => {}

  beforeAll(async () => {
    const made = await fresh()
    database = made.database
    await made.ingest.createRun({ id: 'run-1', modelId: made.modelId, source: 'photos.tsv', options: {} })
    await embedPhotos(database, made.modelId, [aPhoto('dog'), aPhoto('night')], [DOG, NIGHT])
    const { parts } = tinyInstallation(database)
    const search = new PhotoSearch(parts)
    const model = await search.model()

    const query = database.query.bind(database)
    database.query = (sql, values) => {
      statements.push(sql)
      return query(sql, values)
    }
    stopListening = () => {
      database.query = query
    }
    const options = { k: 1 }
    await search.nearest(model, { words: 'a dog' }, options, SIGNAL)
    await search.nearest(model, { photo: 'dog' }, options, SIGNAL)
    await search.browse(model, { k: 1, order: 'newest' })
    await search.nearest(model, { parts: [{ words: 'a dog', weight: 1 }] }, options, SIGNAL)
    await search.nearest(model, { words: 'a dog' }, options, SIGNAL)
    await search.hybrid(model, 'a dog', options, SIGNAL)
    await search.counts.facets(model, {}, SIGNAL)
    await search.counts.facets(model, { nearest: { words: 'a dog' } }, SIGNAL)
    await search.counts.places(model, { cell: 5 }, SIGNAL)
    await search.counts.sharedWords(model, { nearest: { photo: 'dog' } }, SIGNAL)
    const pairs = await search.duplicates(model, { threshold: 0 }, () => {}, SIGNAL)
    await search.duplicateGroups(model, pairs)
  })
  afterAll(() => stopListening())

  test.each(ANSWERING)('%s is described, and called', name => {
    expect(PAGE).toContain(`\`${name}(`)
    expect(statements.some(sql => new RegExp(`\\b${name}\\(`).test(sql))).toBe(true)
  })

  test('no search goes around them', () => {
    const around = /\b(search_embeddings|search_statement|embedding_of)\(|<=>|<#>/
    expect(statements.filter(sql => around.test(sql))).toEqual([])
  })
})
