import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { AppError } from '../../domain/errors.js'
import type { Hit } from '../../domain/ports/search.js'
import type { Query } from '../../search/query.js'
import type { SearchModel } from '../../search/search-model.js'
import { type Conditions, conditionsOf, conditionsOfBody } from '../conditions.js'
import { listKey, readCursor, writeCursor } from '../cursor.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { queryOf, queryOfBody } from '../queries.js'
import { PROBLEMS } from '../schemas/problem.js'
import { Binary, PictureParameters, SearchBody, SearchParameters, SearchResult } from '../schemas/search.js'
import { shownTo } from '../shown.js'

const DEFAULT_HITS = 50

interface Wanted {
  hybrid?: boolean
  text_weight?: number
  vector_weight?: number
  facets?: string[]
  k?: number
  cursor?: string
  min_score?: number
  correction_weight?: number
  relevant?: boolean
}

/** Searches by words, photos, pictures, vectors and combinations. */
export function addSearchRoutes(app: HttpApp, parts: HttpParts): void {
  const { search } = parts

  app.get(
    '/search',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'search',
        summary: 'Search by words, by a photo, or by a combination',
        description:
          'One of `q` and `photo`, or a combination of `q`, `like`, `plus` and `minus`. Hits come by falling score, or by score less their correction where `corrected` says so. `Link: rel="next"` and `next` lead to the next page; pages contain no photo twice and omit none while photos arrive. Pages of a hybrid search go by number.',
        tags: ['search'],
        querystring: SearchParameters,
        response: { 200: SearchResult, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { query } = request
      const wanted = queryOf(query)
      const model = await search.model(query.model, embedded(wanted, query))
      const found = await find(model, wanted, query, conditionsOf(query), request)
      linkNext(request, reply, found.next)
      return found
    },
  )

  app.post(
    '/search',
    {
      config: { scope: 'read', largeJson: true },
      schema: {
        operationId: 'searchBy',
        summary: 'Search by a picture, a vector, or anything with long conditions',
        description: 'One of words, photo, picture, picture_url and vector, or `parts` that are combined by weight.',
        tags: ['search'],
        body: SearchBody,
        response: { 200: SearchResult, ...PROBLEMS },
      },
    },
    async request => {
      const { body } = request
      const query = await queryOfBody(body, parts.fetchPicture, request.cancelled)
      const model = await search.model(body.model, embedded(query, body))
      return find(model, query, body, conditionsOfBody(body), request)
    },
  )

  app.post(
    '/search/picture',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'searchByPicture',
        summary: 'Search by an uploaded picture',
        description: 'The body is an image file, in any format that can be ingested.',
        tags: ['search'],
        consumes: ['image/*', 'application/octet-stream'],
        body: Binary,
        querystring: PictureParameters,
        response: { 200: SearchResult, ...PROBLEMS },
      },
    },
    async request => {
      const { body, query } = request
      const model = await search.model(query.model)
      const image = { name: 'body', bytes: uploaded(body) }
      return find(model, { image }, query, conditionsOf(query), request)
    },
  )

  async function find(
    model: SearchModel,
    query: Query,
    wanted: Wanted,
    conditions: Conditions,
    { cancelled: signal, caller }: Pick<FastifyRequest, 'cancelled' | 'caller'>,
  ): Promise<z.output<typeof SearchResult>> {
    const { k = DEFAULT_HITS, cursor, facets = [], hybrid = false, min_score: minScore } = wanted
    const { correction_weight: correctionWeight, relevant } = wanted
    const words = wordsOf(query, wanted)
    const weights = { textWeight: wanted.text_weight, vectorWeight: wanted.vector_weight }
    const list = listKey(model.id, query, hybrid, weights, minScore, correctionWeight, relevant, conditions)
    const start = cursor === undefined ? undefined : readCursor(cursor, hybrid, list)
    const options = { k, minScore, correctionWeight, relevant, ...conditions, ...start }
    const offset = start && 'offset' in start ? start.offset : 0
    const hits =
      words === null
        ? await search.nearest(model, query, options, signal)
        : await search.hybrid(model, words, { ...options, ...weights }, signal)
    return {
      model: model.key,
      hits: hits.map(hit => shownTo(caller).hit(hit)),
      corrected: hits.some(hit => hit.correction !== null),
      next:
        hits.length < k ? null : writeCursor(words === null ? { after: hits.at(-1)! } : { offset: offset + k }, list),
      ...(facets.length > 0 ? { facets: await facetsOf(model, hits, facets, signal) } : {}),
    }
  }

  async function facetsOf(model: SearchModel, hits: readonly Hit[], names: string[], signal: AbortSignal) {
    return search.counts.facets(model, { names, where: [{ photos: hits.map(hit => hit.photoId) }] }, signal)
  }
}

/** What of a query is embedded: nothing where only the words themselves count. */
function embedded(query: Query, { vector_weight }: Wanted): Query | undefined {
  return vector_weight === 0 ? undefined : query
}

/** The words of a hybrid search; null: another search. @throws AppError USAGE */
function wordsOf(query: Query, { hybrid = false, text_weight, vector_weight }: Wanted): string | null {
  if (!hybrid && (text_weight ?? vector_weight) !== undefined)
    throw new AppError('USAGE', 'text_weight and vector_weight need hybrid=true; add it, or leave them out')
  if (!hybrid) return null
  if (!('words' in query)) throw new AppError('USAGE', 'hybrid expects words to search for, and nothing else')
  return query.words
}

/** @throws AppError INPUT_INVALID for an empty body */
export function uploaded(body: unknown): Buffer {
  if (Buffer.isBuffer(body) && body.length > 0) return body
  throw new AppError('INPUT_INVALID', 'body: expected the bytes of an image file, found none')
}

/** Names the next page by a header, so that a client can walk through pages without a look into them. */
export function linkNext(request: FastifyRequest, reply: FastifyReply, next: string | null): void {
  if (next === null) return
  const url = new URL(request.url, 'http://localhost')
  url.searchParams.set('cursor', next)
  reply.header('link', `<${url.pathname}${url.search}>; rel="next"`)
}
