import { z } from 'zod'
import { FILTER_MEMBERS, FILTER_PARAMETERS } from './filters.js'
import { Hit, PhotoId } from './photo.js'

export const MAX_HITS = 500
const MAX_FACETS = 50
/** Characters of a picture in base64: as many as JSON may have. Larger ones are uploaded. */
export const MAX_BASE64 = 16 * 1024 * 1024

export const Words = z.string().min(1).max(2000)
export const Model = z
  .string()
  .min(1)
  .max(200)
  // No text in Postgres holds NUL.
  .regex(/^[!-~]+$/)
  .describe('`NAME` or `NAME@PRECISION`. Default: the model of searches.')
export const Vector = z.array(z.number().min(-1e30).max(1e30)).min(1).max(16_000)
export const Picture = z.base64().min(1).max(MAX_BASE64).describe('An image file in base64.')
export const PictureUrl = z
  .string()
  .regex(/^[Hh][Tt][Tt][Pp][Ss]?:\/\/[^\s/?#]+/, 'expected an address that begins with http:// or https://')
  .max(8192)

/** The bytes of a file. */
export const Binary = z.any().meta({ type: 'string', format: 'binary' })

const weight = z
  .number()
  .min(-1000)
  .max(1000)
  .meta({ not: { const: 0 } })

const PAGE = {
  k: z.int().min(1).max(MAX_HITS).optional().describe('Hits per page. Default: 50.'),
  cursor: z
    .string()
    .max(400)
    .regex(/^[A-Za-z0-9_-]+$/)
    .optional()
    .describe('`next` of the page before.'),
  min_score: z.number().min(-1).max(1).optional().describe('Minimum cosine similarity.'),
  model: Model.optional(),
}

export const RELEVANT = {
  relevant: z
    .boolean()
    .optional()
    .describe(
      'Only photos that show what the words say, each of them where there are several: a calibrated cut-off, in place of a least similarity. Needs words.',
    ),
}

const HYBRID = {
  hybrid: z.boolean().optional().describe('Also match the words themselves: descriptions, places, keywords.'),
  text_weight: z.number().min(0).max(1000).optional().describe('With `hybrid`: weight of the words themselves.'),
  vector_weight: z.number().min(0).max(1000).optional().describe('With `hybrid`: weight of the meaning.'),
}

/** Of searches by words. */
const CORRECTION = {
  correction_weight: z
    .number()
    .min(0)
    .max(2)
    .optional()
    .describe(
      'Of words: share of the similarity of a photo to reference texts that the order of the hits subtracts from its score. Default: that of the model, which may be 0.',
    ),
}

const facets = z
  .array(z.string().min(1).max(100))
  .max(MAX_FACETS)
  .optional()
  .describe('Histograms of the hits of this page: label sets, `country`, `year`, …; repeatable.')

/** Pages of photos near one that is given otherwise. */
export const PAGE_PARAMETERS = { ...PAGE, ...FILTER_PARAMETERS }

export const SearchParameters = z.strictObject({
  q: Words.optional().describe('Words to search for.'),
  photo: PhotoId.optional().describe('Photos like this one.'),
  like: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{1,64}(:\d+(\.\d+)?)?$/))
    .max(50)
    .optional()
    .describe('Combination: like this photo, `ID` or `ID:WEIGHT`; repeatable.'),
  plus: z
    .array(Words)
    .max(50)
    .optional()
    .describe('Combination: like these words, `WORDS` or `WORDS:WEIGHT`; repeatable.'),
  minus: z.array(Words).max(50).optional().describe('Combination: unlike these words; repeatable.'),
  ...HYBRID,
  ...CORRECTION,
  ...RELEVANT,
  facets,
  ...PAGE_PARAMETERS,
})
export type SearchParameters = z.output<typeof SearchParameters>

export const PictureParameters = z.strictObject({ facets, ...PAGE_PARAMETERS })

const SUBJECT = {
  words: Words.optional(),
  photo: PhotoId.optional(),
  picture: Picture.optional(),
  picture_url: PictureUrl.optional().describe('The server fetches it; private addresses are refused.'),
  vector: Vector.optional().describe('As long as the vectors of the model.'),
}

/** Exactly one of these members, as JSON Schema says it. */
const oneOf = (members: object) => Object.keys(members).map(name => ({ required: [name] }))

export const Subject = z.strictObject(SUBJECT)
export type Subject = z.output<typeof Subject>

export const Part = z
  .strictObject({
    ...SUBJECT,
    weight: weight
      .optional()
      .describe('Below 0: unlike it. Default: 1; 4 for words next to photos, pictures or vectors.'),
  })
  .meta({
    id: 'Part',
    oneOf: oneOf(SUBJECT),
    description: 'One of words, photo, picture, picture_url and vector, with a weight.',
  })
export type Part = z.output<typeof Part>

/** What a body searches for. */
export const SEARCHED = {
  ...SUBJECT,
  parts: z.array(Part).min(1).max(50).optional().describe('A combination, in place of a single subject.'),
}

export const SearchBody = z
  .strictObject({
    ...SEARCHED,
    ...HYBRID,
    ...CORRECTION,
    ...RELEVANT,
    facets,
    ...PAGE,
    ...FILTER_MEMBERS,
  })
  .meta({
    id: 'SearchRequest',
    oneOf: oneOf(SEARCHED),
    description: 'One of words, photo, picture, picture_url, vector and parts.',
  })
export type SearchBody = z.output<typeof SearchBody>

export const Facet = z
  .object({
    name: z.string(),
    values: z.array(z.object({ value: z.string(), photos: z.int() })),
    other: z.int().describe('Photos with a value that is not among these.'),
    unknown: z.int().describe('Photos without a known value.'),
  })
  .meta({ id: 'Facet' })

export const SearchResult = z
  .object({
    model: z.string(),
    hits: z.array(Hit),
    corrected: z
      .boolean()
      .describe('Whether hits go by score less their correction, or the list by meaning of a hybrid search does.'),
    next: z.string().nullable().describe('Cursor of the next page; null: there is none.'),
    facets: z.array(Facet).optional(),
  })
  .meta({ id: 'SearchResult' })
