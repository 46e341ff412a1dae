import { z } from 'zod'
import { LABEL_SET_NAME_PATTERN } from '../../domain/labels.js'
import { PHOTO_COLUMNS, type PhotoColumn } from '../../domain/photo.js'
import { PhotoId } from './photo.js'

const Column = z.enum(Object.keys(PHOTO_COLUMNS) as [PhotoColumn, ...PhotoColumn[]])
const Value = z.union([z.string().max(1000), z.number(), z.boolean()])
const Text = z.string().min(1).max(1000)

export const MAX_FILTERS = 100

/** A condition on photos, in the form that the SQL functions take. */
export const Filter = z
  .union([
    z.strictObject({ column: Column, operator: z.enum(['=', '!=', '<', '<=', '>', '>=', '~']), value: Value }),
    z.strictObject({ column: Column, operator: z.literal('in'), value: z.array(Value).min(1).max(1000) }),
    z.strictObject({ column: Column, operator: z.enum(['is null', 'is not null']) }),
    z.strictObject({
      near: z.strictObject({
        latitude: z.number().min(-90).max(90),
        longitude: z.number().min(-180).max(180),
        km: z.number().min(0).max(20_100),
      }),
    }),
    z.strictObject({ orientation: z.enum(['landscape', 'portrait', 'square']) }),
    z.strictObject({ photos: z.array(PhotoId).max(10_000) }),
    z.strictObject({ not_photos: z.array(PhotoId).max(10_000) }),
    z.strictObject({ keyword: Text, min_confidence: z.number().min(0).max(100).optional() }),
    z.strictObject({ collection: Text }),
    z.strictObject({ color: Text }),
  ])
  .meta({ id: 'Filter', description: 'A condition on photos. `~` looks inside texts and ignores case.' })

export const LabelCondition = z
  .strictObject({
    set: z.string().regex(LABEL_SET_NAME_PATTERN),
    label: Text,
    min_score: z.number().min(0).max(1).optional(),
  })
  .meta({ id: 'LabelCondition', description: 'Several labels of one set mean any of them; all sets must match.' })

/** Conditions as query parameters. All must hold. */
export const FILTER_PARAMETERS = {
  label: z
    .array(Text.regex(/^[a-z][a-z0-9_]*=/))
    .max(MAX_FILTERS)
    .optional()
    .describe('`SET=LABEL` or `SET=LABEL:SCORE`; repeatable.'),
  where: z
    .array(Text)
    .max(MAX_FILTERS)
    .optional()
    .describe(
      'Condition on a column: `exif_iso>=800`, `photo_location_country in Norway|Japan`, `photo_description is null`; repeatable.',
    ),
  near: Text.regex(/^\s*-?\d+(\.\d+)?\s*,\s*-?\d+(\.\d+)?\s*,\s*\d+(\.\d+)?\s*$/)
    .optional()
    .describe('`LATITUDE,LONGITUDE,KM`: taken within a distance of a point.'),
  orientation: z.enum(['landscape', 'portrait', 'square']).optional(),
  photos: z.array(PhotoId).max(1000).optional().describe('Only these photos; repeatable.'),
  not_photos: z.array(PhotoId).max(1000).optional().describe('All but these photos; repeatable.'),
  keyword: z.array(Text).max(MAX_FILTERS).optional().describe('`WORD` or `WORD:CONFIDENCE`; repeatable.'),
  collection: z.array(Text).max(MAX_FILTERS).optional().describe('Id or title of a collection; repeatable.'),
  color: z.array(Text).max(MAX_FILTERS).optional().describe('Colour name of the dataset; repeatable.'),
}

/** Conditions as members of a JSON body. All must hold. */
export const FILTER_MEMBERS = {
  labels: z.array(LabelCondition).max(MAX_FILTERS).optional(),
  filters: z
    .array(Filter)
    .max(MAX_FILTERS)
    .optional()
    .describe('All must hold. Their lists have at most 20,000 values and 2,000,000 characters together.'),
}
