import { z } from 'zod'
import { PROJECTION_NAME_PATTERN } from '../../domain/ports/analysis/projections.js'
import { PhotoId } from './photo.js'

/** A projection in a path. */
export const OneProjection = z.strictObject({ name: z.string().regex(PROJECTION_NAME_PATTERN) })

export const Projection = z
  .object({
    name: z.string(),
    method: z.string().describe('`pca` or `umap`.'),
    parameters: z
      .record(z.string(), z.union([z.number(), z.array(z.number())]))
      .describe('What the points depend on. `explained`: shares of the variance along the first two components.'),
    created_at: z.iso.datetime(),
    photos: z.int(),
  })
  .meta({ id: 'Projection', description: 'A projection of the vectors of a model onto a plane.' })

export const Projections = z.object({ model: z.string(), projections: z.array(Projection) })

export const ProjectionPoints = z.object({
  model: z.string(),
  photo_ids: z.array(PhotoId).describe('Rising.'),
  points: z.string().describe('x and y of each photo, in turns: float32, little-endian, in base64.'),
})

export const MOST_COLORS = 100

export const ColorParameters = {
  by: z
    .string()
    .min(1)
    .max(100)
    .describe('A label set, `country`, `year` or another facet of which a photo has one value.'),
  top: z.int().min(1).max(MOST_COLORS).optional().describe('Most values, the most frequent ones. Default: 12.'),
}

export const ProjectionColors = z.object({
  model: z.string(),
  by: z.string(),
  values: z.array(z.object({ value: z.string(), photos: z.int() })).describe('In the order of facets.'),
  places: z
    .string()
    .describe(
      'The value of each photo, in the order of the points: its position in `values`, as bytes in base64. 255: none of them.',
    ),
})
