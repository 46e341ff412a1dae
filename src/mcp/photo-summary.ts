import { z } from 'zod'
import type { Hit } from '../http/schemas/photo.js'
import { textLine } from './text-line.js'

const LONGEST_DESCRIPTION = 200

/** What says the most about a photo, in few words. */
export const PhotoSummary = z.object({
  photo_id: z.string(),
  score: z.number().describe('Cosine similarity; of a hybrid search the sum of weight / (60 + rank).'),
  description: z.string().optional(),
  place: z.string().optional(),
  date: z.string().optional().describe('YYYY-MM-DD'),
  photographer: z.string().optional(),
  page: z.string().optional().describe('Web page of the photo.'),
  image: z.string().describe('Address or file of the original.'),
  labels: z.record(z.string(), z.string()).describe('The label of each label set.'),
})
export type PhotoSummary = z.output<typeof PhotoSummary>

export function summaryOf({ photo_id, score, labels, photo }: z.output<typeof Hit>): PhotoSummary {
  const text = (column: string) =>
    typeof photo[column] === 'string' && photo[column] !== '' ? photo[column] : undefined
  const joined = (separator: string, ...columns: string[]) =>
    columns.flatMap(column => text(column) ?? []).join(separator) || undefined
  return {
    photo_id,
    score,
    description: text('photo_title') ?? text('photo_description') ?? text('ai_description'),
    place: text('photo_location_name') ?? joined(', ', 'photo_location_city', 'photo_location_country'),
    date: text('photo_submitted_at')?.slice(0, 10),
    photographer: joined(' ', 'photographer_first_name', 'photographer_last_name') ?? text('photographer_username'),
    page: text('photo_url'),
    image: String(photo.photo_image_url),
    labels: Object.fromEntries(Object.entries(labels).map(([set, { label }]) => [set, label])),
  }
}

/** `1. iflUHY8zMYc (0.312): a dog in the snow; Oslo, Norway; 2019-05-03; by Jane Doe; taken_time: night` */
export function summaryLine(summary: PhotoSummary, index: number): string {
  const { photo_id: id, score, description, place, date, photographer, labels } = summary
  const parts = [
    description && textLine(description, LONGEST_DESCRIPTION),
    place && textLine(place),
    date,
    photographer && `by ${textLine(photographer)}`,
    ...Object.entries(labels).map(([set, label]) => `${set}: ${textLine(label)}`),
  ].filter(part => part !== undefined)
  return `${index + 1}. ${id} (${score.toFixed(3)}): ${parts.join('; ') || 'nothing is known about it'}`
}
