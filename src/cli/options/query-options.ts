import { AppError } from '../../domain/errors.js'
import { PHOTO_ID_PATTERN } from '../../domain/photo.js'
import { type Query, type WeightedSubject, wordsWeight } from '../../search/query.js'
import type { QueryImage } from '../../search/query-image.js'
import { type WrittenPart, weighted } from '../../search/written-part.js'

export interface QueryOptions {
  image?: string
  photo?: string
  like?: string[]
  plus?: string[]
  minus?: string[]
}

/** Like {@link WeightedSubject}, but an image is a path or a URL to read. */
export type WantedPart = { weight: number } & ({ words: string } | { photo: string } | { image: string })

/** A query from the command line, with a title for display. */
export type WantedQuery =
  | { kind: 'text' | 'image' | 'photo'; value: string; title: string }
  | { kind: 'combined'; parts: WantedPart[]; title: string }

/**
 * Returns the query in words and options: one subject, or a combination of several.
 * @throws AppError USAGE
 */
export function chooseQuery(text: string | undefined, options: QueryOptions): WantedQuery {
  const { image, photo, like = [], plus = [], minus = [] } = options
  const words = text?.trim() ? text : undefined
  if (like.length + plus.length + minus.length > 0)
    return combined(options, [
      ...(words === undefined ? [] : [weightless(words)]),
      ...plus.map(weighted('--plus', 'WORDS')),
    ])
  const given: WantedQuery[] = []
  if (words !== undefined) given.push({ kind: 'text', value: words, title: words })
  if (image !== undefined) given.push({ kind: 'image', value: image, title: `Like ${image}` })
  if (photo !== undefined) given.push({ kind: 'photo', value: photo, title: `Like photo ${photo}` })
  if (given.length === 1) return given[0]!
  throw new AppError(
    'USAGE',
    `search expects one of: words, --image FILE|URL, --photo ID; found ${given.length === 0 ? 'none' : given.map(query => query.kind).join(' and ')}. Combine several with --like ID, --plus WORDS and --minus WORDS.`,
  )
}

/** The words of a query, also those that it turns away from. */
export function wordsOf(wanted: WantedQuery): string {
  if (wanted.kind === 'text') return wanted.value
  return wanted.kind === 'combined' ? wanted.parts.flatMap(part => ('words' in part ? [part.words] : [])).join(' ') : ''
}

/** Reads the images of a query. @param readImage reads a path or a URL */
export async function loadQuery(
  wanted: WantedQuery,
  readImage: (fileOrUrl: string) => Promise<QueryImage>,
): Promise<Query> {
  switch (wanted.kind) {
    case 'text':
      return { words: wanted.value }
    case 'photo':
      return { photo: wanted.value }
    case 'image':
      return { image: await readImage(wanted.value) }
    case 'combined': {
      const parts: WeightedSubject[] = []
      for (const part of wanted.parts)
        parts.push('image' in part ? { image: await readImage(part.image), weight: part.weight } : part)
      return { parts }
    }
  }
}

function combined({ image, photo, like = [], minus = [] }: QueryOptions, plus: WrittenPart[]): WantedQuery {
  if (photo !== undefined) throw new AppError('USAGE', `--photo ID cannot be combined; use --like ${photo} instead`)
  const photos = like.map(weighted('--like', 'ID'))
  const minuses = minus.map(weighted('--minus', 'WORDS'))
  for (const { text } of photos)
    if (!PHOTO_ID_PATTERN.test(text))
      throw new AppError('USAGE', `--like expects a photo id or ID:WEIGHT, found ${JSON.stringify(text)}`)
  if (plus.length + photos.length === 0 && image === undefined)
    throw new AppError('USAGE', '--minus needs something to search for: expected words, --like or --plus, found none')
  const ofWords = wordsWeight(photos.length > 0 || image !== undefined)
  const parts: WantedPart[] = [
    ...photos.map(({ text, weight = 1 }) => ({ photo: text, weight })),
    ...(image === undefined ? [] : [{ image, weight: 1 }]),
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

const weightless = (text: string): WrittenPart => ({ text, weight: undefined })
