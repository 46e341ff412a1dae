import { z } from 'zod'
import { METADATA_FACETS } from '../domain/ports/facets.js'
import { FILTER_PARAMETERS } from '../http/schemas/filters.js'
import { Model, Words } from '../http/schemas/search.js'
import { textLine } from './text-line.js'
import { defineTool } from './tool.js'

const Facet = z.object({
  name: z.string(),
  values: z.array(z.object({ value: z.string(), photos: z.int() })),
  other: z.int().describe('Photos with a value that is not among these.'),
  unknown: z.int().describe('Photos without a known value.'),
})
const Facets = z.object({ model: z.string(), facets: z.array(Facet) })

export const FACETS = defineTool({
  name: 'facets',
  title: 'Count photos',
  description: `Counts photos by label and metadata: of all photos, of those that fulfil conditions, or of those nearest to the words \`q\`. The facets are the label sets and ${METADATA_FACETS.join(', ')}.`,
  input: z.strictObject({
    q: Words.optional().describe('Count only the photos nearest to these words.'),
    by: z.array(z.string().min(1).max(100)).max(50).optional().describe('Facets. Default: all.'),
    n: z.int().min(1).max(100_000).default(1000).describe('With `q`: number of nearest photos.'),
    top: z.int().min(1).max(100).default(10).describe('Values per facet.'),
    min_score: z.number().min(-1).max(1).optional().describe('With `q`: minimum cosine similarity.'),
    model: Model.optional(),
    ...FILTER_PARAMETERS,
  }),
  output: Facets,
  async answer(api, { n, ...given }) {
    const counted = await api.read<z.output<typeof Facets>>('/facets', given.q === undefined ? given : { ...given, n })
    const lines = counted.facets.map(facetLine)
    return { lines: lines.length === 0 ? ['No photo matches.'] : lines, content: counted }
  },
})

/** `country: Norway 5, Japan 3, (other) 2, (unknown) 1` */
function facetLine({ name, values, other, unknown }: z.output<typeof Facet>): string {
  const counts = [
    ...values.map(({ value, photos }) => `${textLine(value)} ${photos}`),
    ...(other > 0 ? [`(other) ${other}`] : []),
    ...(unknown > 0 ? [`(unknown) ${unknown}`] : []),
  ]
  return `${name}: ${counts.join(', ') || 'none'}`
}
