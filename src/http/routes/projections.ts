import { z } from 'zod'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { PROBLEMS } from '../schemas/problem.js'
import {
  ColorParameters,
  OneProjection,
  ProjectionColors,
  ProjectionPoints,
  Projections,
} from '../schemas/projection.js'
import { Model } from '../schemas/search.js'

const DEFAULT_TOP = 12
/** In the place of a value: there is none. */
const NO_VALUE = 255

/** Projections of the vectors onto a plane, for maps. */
export function addProjectionRoutes(app: HttpApp, { search, projections }: HttpParts): void {
  const config = { scope: 'read' } as const
  const tags = ['collection']

  app.get(
    '/projections',
    {
      config,
      schema: {
        operationId: 'projections',
        summary: 'The projections of the vectors onto a plane',
        tags,
        querystring: z.strictObject({ model: Model.optional() }),
        response: { 200: Projections, ...PROBLEMS },
      },
    },
    async ({ query }) => {
      const model = await search.model(query.model)
      const stored = await projections.list(model.id)
      return {
        model: model.key,
        projections: stored.map(({ createdAt, parameters, ...rest }) => ({
          ...rest,
          parameters: parameters as Record<string, number | number[]>,
          created_at: createdAt.toISOString(),
        })),
      }
    },
  )

  app.get(
    '/projections/:name',
    {
      config,
      schema: {
        operationId: 'projection',
        summary: 'The points of a projection',
        tags,
        params: OneProjection,
        querystring: z.strictObject({ model: Model.optional() }),
        response: { 200: ProjectionPoints, ...PROBLEMS },
      },
    },
    async ({ params, query }) => {
      const model = await search.model(query.model)
      const { ids, points } = await projections.points(model.id, params.name)
      return { model: model.key, photo_ids: ids, points: base64Of(points) }
    },
  )

  app.get(
    '/projections/:name/colors',
    {
      config,
      schema: {
        operationId: 'projectionColors',
        summary: 'What to colour the points of a projection by',
        tags,
        params: OneProjection,
        querystring: z.strictObject({ ...ColorParameters, model: Model.optional() }),
        response: { 200: ProjectionColors, ...PROBLEMS },
      },
    },
    async ({ params, query: { by, top = DEFAULT_TOP, model: named } }) => {
      const model = await search.model(named)
      const { values, places } = await projections.colors(model.id, params.name, by, top)
      const bytes = Uint8Array.from(places, place => (place < 0 ? NO_VALUE : place))
      return { model: model.key, by, values, places: base64Of(bytes) }
    },
  )
}

/** Typed arrays of this machine are little-endian, as on every platform of Node. */
const base64Of = ({ buffer, byteOffset, byteLength }: Float32Array | Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64')
