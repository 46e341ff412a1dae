import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Box } from '../../domain/ports/facets.js'
import type { SharedWordRequest } from '../../search/photo-counts.js'
import type { SearchModel } from '../../search/search-model.js'
import { conditionsOf, conditionsOfBody } from '../conditions.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { optionalQueryOfBody } from '../queries.js'
import {
  FacetBody,
  FacetParameters,
  PlaceBody,
  PlaceParameters,
  Places,
  SharedWordBody,
  SharedWordParameters,
  SharedWords,
} from '../schemas/counts.js'
import { PROBLEMS } from '../schemas/problem.js'
import { Facet } from '../schemas/search.js'

const DEFAULT_CELL = 5
const OF_QUERY = 'Of the photos nearest to words, or of all photos that fulfil the conditions.'
const OF_BODY = 'Of the photos nearest to a subject or to parts, or of all photos that fulfil the conditions.'

const Facets = z.object({ model: z.string(), facets: z.array(Facet) })

type QueryOfCounts = z.output<typeof FacetParameters>
type BodyOfCounts = z.output<typeof FacetBody>

/** What photos have in common: histograms, places and words. */
export function addCountRoutes(app: HttpApp, { search, fetchPicture }: HttpParts): void {
  const config = { scope: 'read', largeJson: true } as const
  const tags = ['collection']
  /** The photos that are counted. */
  const ofQuery = (query: Omit<QueryOfCounts, 'by' | 'top'>) => ({
    nearest: query.q === undefined ? undefined : { words: query.q },
    ...limitsOf(query),
    ...conditionsOf(query),
  })
  const ofBody = async (body: Omit<BodyOfCounts, 'by' | 'top'>, { cancelled }: Pick<FastifyRequest, 'cancelled'>) => ({
    nearest: await optionalQueryOfBody(body, fetchPicture, cancelled),
    ...limitsOf(body),
    ...conditionsOfBody(body),
  })
  const sharedWords = async (model: SearchModel, request: SharedWordRequest, signal: AbortSignal) => {
    const words = await search.counts.sharedWords(model, request, signal)
    return {
      model: model.key,
      words: words.map(({ word, source, photos, hits, shareOfAll }) => ({
        ...{ word, source, photos },
        ...{ of: hits, share_of_all: shareOfAll },
      })),
    }
  }

  const ofFacets = { tags, response: { 200: Facets, ...PROBLEMS } }
  const facetSummary = 'Histograms of labels and metadata'
  app.get(
    '/facets',
    {
      config,
      schema: {
        operationId: 'facets',
        summary: facetSummary,
        description: OF_QUERY,
        querystring: FacetParameters,
        ...ofFacets,
      },
    },
    async ({ query, cancelled }) => {
      const request = { names: query.by, top: query.top, ...ofQuery(query) }
      const model = await search.model(query.model, request.nearest)
      return { model: model.key, facets: await search.counts.facets(model, request, cancelled) }
    },
  )
  app.post(
    '/facets',
    {
      config,
      schema: {
        operationId: 'facetsBy',
        summary: `${facetSummary}, of anything that can be searched for`,
        description: OF_BODY,
        body: FacetBody,
        ...ofFacets,
      },
    },
    async ({ body, cancelled }) => {
      const request = { names: body.by, top: body.top, ...(await ofBody(body, { cancelled })) }
      const model = await search.model(body.model, request.nearest)
      return { model: model.key, facets: await search.counts.facets(model, request, cancelled) }
    },
  )

  const ofPlaces = { tags, response: { 200: Places, ...PROBLEMS } }
  const placeSummary = 'Photos by place, counted in cells of latitude and longitude'
  app.get(
    '/places',
    {
      config,
      schema: {
        operationId: 'places',
        summary: placeSummary,
        description: OF_QUERY,
        querystring: PlaceParameters,
        ...ofPlaces,
      },
    },
    async ({ query, cancelled }) => {
      const { cell = DEFAULT_CELL, top } = query
      const request = { cell, top, box: boxOf(query.box), ...ofQuery(query) }
      const model = await search.model(query.model, request.nearest)
      return { model: model.key, ...(await search.counts.places(model, request, cancelled)) }
    },
  )
  app.post(
    '/places',
    {
      config,
      schema: {
        operationId: 'placesBy',
        summary: `${placeSummary}, of anything that can be searched for`,
        description: OF_BODY,
        body: PlaceBody,
        ...ofPlaces,
      },
    },
    async ({ body, cancelled }) => {
      const { cell = DEFAULT_CELL, top, box } = body
      const request = { cell, top, box, ...(await ofBody(body, { cancelled })) }
      const model = await search.model(body.model, request.nearest)
      return { model: model.key, ...(await search.counts.places(model, request, cancelled)) }
    },
  )

  const ofWords = { tags, response: { 200: SharedWords, ...PROBLEMS } }
  const wordSummary = 'Words that describe photos better than the collection'
  app.get(
    '/shared-words',
    {
      config,
      schema: {
        operationId: 'sharedWords',
        summary: wordSummary,
        description: `${OF_QUERY} Read are titles, descriptions and keywords. Words of the search are left out.`,
        querystring: SharedWordParameters,
        ...ofWords,
      },
    },
    async ({ query, cancelled }) => {
      const request = { top: query.top, ...ofQuery(query) }
      return sharedWords(await search.model(query.model, request.nearest), request, cancelled)
    },
  )
  app.post(
    '/shared-words',
    {
      config,
      schema: {
        operationId: 'sharedWordsBy',
        summary: `${wordSummary}, of anything that can be searched for`,
        description: OF_BODY,
        body: SharedWordBody,
        ...ofWords,
      },
    },
    async ({ body, cancelled }) => {
      const request = { top: body.top, ...(await ofBody(body, { cancelled })) }
      return sharedWords(await search.model(body.model, request.nearest), request, cancelled)
    },
  )
}

const limitsOf = ({ n, min_score: minScore, relevant }: { n?: number; min_score?: number; relevant?: boolean }) => ({
  n,
  minScore,
  relevant,
})

/** `SOUTH,WEST,NORTH,EAST` */
function boxOf(text: string | undefined): Box | undefined {
  if (text === undefined) return undefined
  const [south, west, north, east] = text.split(',').map(Number) as [number, number, number, number]
  return { south, west, north, east }
}
