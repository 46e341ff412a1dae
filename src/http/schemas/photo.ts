import { z } from 'zod'
import { type ColumnType, PHOTO_COLUMNS, PHOTO_ID_PATTERN } from '../../domain/photo.js'

const VALUE = {
  text: z.string(),
  timestamp: z.string().describe('YYYY-MM-DD HH:MM:SS, without a zone'),
  boolean: z.boolean(),
  integer: z.int(),
  bigint: z.int(),
  number: z.number(),
} satisfies Record<ColumnType, z.ZodType>

export const PhotoId = z.string().regex(PHOTO_ID_PATTERN).describe('Id of a photo.')

/** The metadata of a photo, by the names of the columns. */
export const PhotoMetadata = z
  .object(
    Object.fromEntries(
      Object.entries(PHOTO_COLUMNS).map(([column, type]) => [
        column,
        column === 'photo_id' ? PhotoId : VALUE[type].nullable(),
      ]),
    ) as Record<string, z.ZodType>,
  )
  .meta({ id: 'PhotoMetadata', description: 'Columns of the Unsplash dataset and of image files. Null: unknown.' })

export const LabelOfPhoto = z.object({ label: z.string(), score: z.number().describe('From 0 to 1.') })

export const LabelsOfPhoto = z
  .record(z.string(), LabelOfPhoto)
  .describe('The label of each label set, by the name of the set.')

export const StoredKey = z.string().nullable().describe('Key of the stored copy; null: none.')

export const CopyPath = z.string().nullable().describe('Path of the stored copy on this server; null: none.')

/** One found photo. */
export const Hit = z
  .object({
    photo_id: PhotoId,
    score: z.number().describe('Cosine similarity, from -1 to 1; of a hybrid search the sum of weight / (60 + rank).'),
    correction: z
      .number()
      .nullable()
      .describe('What the order of the hits subtracts from the cosine similarity; null: the order is not corrected.'),
    vector_rank: z.int().nullable().optional().describe('Hybrid searches: rank by meaning; null: not in that list.'),
    vector_score: z.number().nullable().optional(),
    text_rank: z.int().nullable().optional().describe('Hybrid searches: rank by words; null: not in that list.'),
    text_score: z.number().nullable().optional(),
    labels: LabelsOfPhoto,
    stored_key: StoredKey,
    copy: CopyPath,
    photo: PhotoMetadata,
  })
  .meta({ id: 'Hit' })

/** A photo of a list that answers no query. */
export const FoundPhoto = z
  .object({
    photo_id: PhotoId,
    labels: LabelsOfPhoto,
    stored_key: StoredKey,
    copy: CopyPath,
    photo: PhotoMetadata,
  })
  .meta({ id: 'FoundPhoto' })

/** A photo with its state for each model. */
export const PhotoDetails = z
  .object({
    photo_id: PhotoId,
    photo: PhotoMetadata,
    models: z.array(
      z.object({
        model: z.string(),
        embedded_at: z.iso.datetime().nullable().describe('Null: not embedded.'),
        stored_key: StoredKey,
        copy: CopyPath,
        failure: z.object({ code: z.string(), message: z.string(), attempts: z.int() }).nullable(),
        labels: z
          .record(z.string(), LabelOfPhoto.extend({ scores: z.record(z.string(), z.number()) }))
          .describe('The label of each set with its score, and the scores of all labels of the set.'),
      }),
    ),
  })
  .meta({ id: 'PhotoDetails' })
