import { z } from 'zod'
import { FILTER_MEMBERS, FILTER_PARAMETERS } from './filters.js'
import { Model, RELEVANT, SEARCHED, Words } from './search.js'

const nearest = (most: number, text: string) => z.int().min(1).max(most).optional().describe(text)
const minScore = z.number().min(-1).max(1).optional().describe('Minimum cosine similarity of a nearest photo.')

/** Which photos are counted, as query parameters. @param n number of nearest photos */
const parameters = (n: ReturnType<typeof nearest>) => ({
  q: Words.optional().describe('Count only the photos nearest to these words.'),
  n,
  min_score: minScore,
  ...RELEVANT,
  model: Model.optional(),
  ...FILTER_PARAMETERS,
})

/** Which photos are counted, as members of a body: those nearest to a subject or to parts, or all. */
const members = (n: ReturnType<typeof nearest>) => ({
  ...SEARCHED,
  n,
  min_score: minScore,
  ...RELEVANT,
  model: Model.optional(),
  ...FILTER_MEMBERS,
})

const OF_NEAREST = nearest(100_000, 'With something to search for: number of nearest photos. Default: 1000.')

const FACETS = {
  by: z
    .array(z.string().min(1).max(100))
    .max(50)
    .optional()
    .describe('Label sets, `country`, `year`, …; repeatable. Default: all sets and the usual metadata.'),
  top: z.int().min(1).max(1000).optional().describe('Values per facet. Default: 10.'),
}
export const FacetParameters = z.strictObject({ ...FACETS, ...parameters(OF_NEAREST) })
export const FacetBody = z.strictObject({ ...FACETS, ...members(OF_NEAREST) })

const latitude = z.number().min(-90).max(90)
const longitude = z.number().min(-180).max(180)
const CELL = z.number().min(0.001).max(180).optional().describe('Height and width of a cell, in degrees. Default: 5.')
const TOP_CELLS = z.int().min(1).max(2000).optional().describe('Most cells, the fullest first. Default: 500.')
const EDGE = '-?\\d+(\\.\\d+)?'
export const PlaceParameters = z.strictObject({
  cell: CELL,
  box: z
    .string()
    .max(100)
    .regex(new RegExp(`^${EDGE}(,${EDGE}){3}$`))
    .optional()
    .describe('`SOUTH,WEST,NORTH,EAST` in degrees: only photos inside.'),
  top: TOP_CELLS,
  ...parameters(OF_NEAREST),
})
export const Box = z.strictObject({ south: latitude, west: longitude, north: latitude, east: longitude })
export const PlaceBody = z.strictObject({
  cell: CELL,
  box: Box.optional().describe('In degrees: only photos inside.'),
  top: TOP_CELLS,
  ...members(OF_NEAREST),
})
export const Places = z.object({
  model: z.string(),
  placed: z.int().describe('Photos with a place, inside the box.'),
  cells: z.array(
    z
      .object({
        latitude: latitude.describe('Mean latitude of the photos, in degrees.'),
        longitude: longitude.describe('Mean longitude of the photos, in degrees.'),
        south: latitude,
        west: longitude,
        north: latitude,
        east: longitude,
        photos: z.int(),
      })
      .meta({ id: 'PlaceCell', description: 'The photos of a cell, with the bounds of their places.' }),
  ),
})

const OF_HITS = nearest(1000, 'Number of photos that are read. Default: 200.')
const TOP_WORDS = { top: z.int().min(1).max(100).optional().describe('Most words. Default: 12.') }
export const SharedWordParameters = z.strictObject({ ...TOP_WORDS, ...parameters(OF_HITS) })
export const SharedWordBody = z.strictObject({ ...TOP_WORDS, ...members(OF_HITS) })
export const SharedWords = z.object({
  model: z.string(),
  words: z.array(
    z
      .object({
        word: z.string(),
        source: z
          .enum(['texts', 'pictures'])
          .describe('Found in texts of the photos, or in what the model sees in them.'),
        photos: z.int().describe('Photos with the word, or another one of its stem; of pictures those that show it.'),
        of: z.int().describe('Photos that were read.'),
        share_of_all: z.number().describe('Share of the photos of the collection with it, estimated from a sample.'),
      })
      .meta({ id: 'SharedWord' }),
  ),
})
