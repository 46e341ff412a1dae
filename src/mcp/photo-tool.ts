import { z } from 'zod'
import { PhotoDetails, PhotoId } from '../http/schemas/photo.js'
import { type ApiReader, type Picture, Refusal } from './api-reader.js'
import { textLine } from './text-line.js'
import { defineTool } from './tool.js'

const HEIGHTS = [128, 256, 384] as const
const LONGEST_VALUE = 500

const Details = z.object({
  photo_id: z.string(),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).describe('Known columns.'),
  models: z
    .array(PhotoDetails.shape.models.element.omit({ stored_key: true, copy: true }))
    .describe('What each model made of it.'),
})

export const PHOTO = defineTool({
  name: 'photo',
  title: 'Show a photo',
  description: 'Shows a photo of the collection: the picture, its metadata, and the scores of its labels.',
  input: z.strictObject({
    id: PhotoId,
    picture: z.boolean().default(true).describe('Whether to send the picture.'),
    height: z.literal(HEIGHTS).default(256).describe('Height of the picture, in pixels.'),
  }),
  output: Details,
  async answer(api, { id, picture: isWanted, height }) {
    const { photo, models } = await api.read<z.output<typeof PhotoDetails>>(`/photos/${id}`)
    const metadata = Object.fromEntries(Object.entries(photo).filter(([, value]) => value !== null && value !== ''))
    const states = models.map(({ stored_key: _, copy: __, ...state }) => state)
    const shown: Shown = isWanted ? await pictureOf(api, id, height) : { lines: [] }
    return {
      lines: [
        ...Object.entries(metadata).map(([column, value]) => `${column}: ${textLine(String(value), LONGEST_VALUE)}`),
        ...states.flatMap(stateLines),
        ...shown.lines,
      ],
      content: { photo_id: id, metadata, models: states },
      picture: shown.picture,
    }
  },
})

type State = z.output<typeof Details>['models'][number]

function stateLines({ model, embedded_at: embeddedAt, failure, labels }: State): string[] {
  const scores = Object.entries(labels).map(
    ([set, { label, score }]) => `${set}: ${textLine(label)} (${score.toFixed(3)})`,
  )
  return [
    `${model}: ${embeddedAt === null ? 'not embedded' : ['embedded', ...scores].join('; ')}`,
    ...(failure === null ? [] : [`${model} failed: ${failure.code}: ${textLine(failure.message, LONGEST_VALUE)}`]),
  ]
}

interface Shown {
  lines: string[]
  picture?: Picture
}

/** The stored copy. Without it the rest still helps. */
async function pictureOf(api: ApiReader, id: string, height: number): Promise<Shown> {
  try {
    return { lines: [], picture: await api.picture(`/photos/${id}/copy`, { height }) }
  } catch (error) {
    if (error instanceof Refusal) return { lines: [`No picture: ${error.message}`] }
    throw error
  }
}
