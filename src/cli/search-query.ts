import { AppError } from '../domain/errors.js'
import { PHOTO_ID_PATTERN } from '../domain/photo.js'

/** Where words stand beside photos. See {@link WORDS_BESIDE_PHOTOS}. */
const PLAIN_WEIGHT = 1
/**
 * Over the 700 photos of the reference, the similarity of a photo to the others varies four times as much as that of a text
 * (standard deviation 0.071 and 0.018, CLIP ViT-B/32): with this weight words say as much as a photo does.
 */
export const WORDS_BESIDE_PHOTOS = 4
const MOST_WEIGHT = 1000

export interface QueryOptions {
  image?: string
  photo?: string
  like?: string[]
  plus?: string[]
  minus?: string[]
}

export type WantedPart = { weight: number } & ({ words: string } | { photo: string } | { image: string })

export type Query =
  | { kind: 'text' | 'image' | 'photo'; value: string; title: string }
  | { kind: 'combined'; parts: WantedPart[]; title: string }

/**
 * What is looked for: one thing, or several that are combined.
 * @throws AppError USAGE
 */
export function chooseQuery(text: string | undefined, options: QueryOptions): Query {
  const { image, photo, like = [], plus = [], minus = [] } = options
  const words = text?.trim() ? text : undefined
  if (like.length + plus.length + minus.length > 0)
    return combined(options, [...(words === undefined ? [] : [weightless(words)]), ...plus.map(weighted('--plus'))])
  const given: Query[] = []
  if (words !== undefined) given.push({ kind: 'text', value: words, title: words })
  if (image !== undefined) given.push({ kind: 'image', value: image, title: `Like ${image}` })
  if (photo !== undefined) given.push({ kind: 'photo', value: photo, title: `Like photo ${photo}` })
  if (given.length === 1) return given[0]!
  throw new AppError(
    'USAGE',
    `search expects one of: words, --image FILE|URL, --photo ID; found ${given.length === 0 ? 'none' : given.map(query => query.kind).join(' and ')}. Several are combined with --like ID, --plus WORDS and --minus WORDS.`,
  )
}

interface Weighted {
  text: string
  /** Undefined where none is given. */
  weight: number | undefined
}

function combined({ image, photo, like = [], minus = [] }: QueryOptions, plus: Weighted[]): Query {
  if (photo !== undefined)
    throw new AppError('USAGE', `--photo ID stands alone; in a combination it is --like ${photo}`)
  const photos = like.map(weighted('--like'))
  const minuses = minus.map(weighted('--minus'))
  for (const { text } of photos)
    if (!PHOTO_ID_PATTERN.test(text))
      throw new AppError('USAGE', `--like expects the id of a photo or ID:WEIGHT, found ${JSON.stringify(text)}`)
  if (plus.length + photos.length === 0 && image === undefined)
    throw new AppError(
      'USAGE',
      '--minus turns away from words; expected also something to look for: words, --like or --plus',
    )
  const ofWords = photos.length > 0 || image !== undefined ? WORDS_BESIDE_PHOTOS : PLAIN_WEIGHT
  const parts: WantedPart[] = [
    ...photos.map(({ text, weight = PLAIN_WEIGHT }) => ({ photo: text, weight })),
    ...(image === undefined ? [] : [{ image, weight: PLAIN_WEIGHT }]),
    ...plus.map(({ text, weight = ofWords }) => ({ words: text, weight })),
    ...minuses.map(({ text, weight = ofWords }) => ({ words: text, weight: -weight })),
  ]
  const title = [
    ...plus.map(({ text }) => text),
    ...photos.map(({ text }) => `like photo ${text}`),
    ...(image === undefined ? [] : [`like ${image}`]),
    ...minuses.map(({ text }) => `not ${text}`),
  ].join(', ')
  return { kind: 'combined', parts, title }
}

const weightless = (text: string): Weighted => ({ text, weight: undefined })

/** `at night` or `at night:2`. */
function weighted(option: string): (value: string) => Weighted {
  return value => {
    const [, text, digits] = /^(.*?)(?::(\d+(?:\.\d+)?))?$/s.exec(value)!
    const weight = digits === undefined ? undefined : Number(digits)
    if (!text!.trim() || (weight !== undefined && (weight === 0 || weight > MOST_WEIGHT)))
      throw new AppError(
        'USAGE',
        `${option} expects ${option === '--like' ? 'ID or ID' : 'WORDS or WORDS'}:WEIGHT, the weight above 0 and up to ${MOST_WEIGHT}, found ${JSON.stringify(value)}`,
      )
    return { text: text!, weight }
  }
}
