import { AppError, RequestError } from '../domain/errors.js'
import { PHOTO_ID_PATTERN } from '../domain/photo.js'
import { MEBIBYTE } from '../domain/units.js'
import { type Query, type QuerySubject, type WeightedSubject, wordsWeight } from '../search/query.js'
import { weighted } from '../search/written-part.js'
import type { HttpParts } from './parts.js'
import type { SearchBody, SearchParameters, Subject } from './schemas/search.js'

/** Fetched pictures of one request together; each is in memory until all are embedded. */
const MAX_FETCHED_BYTES = 64 * MEBIBYTE
const SUBJECTS = ['words', 'photo', 'picture', 'picture_url', 'vector'] as const

/** The query of parameters: one subject, or a combination. @throws AppError USAGE, RequestError REQUEST_UNPROCESSABLE */
export function queryOf({ q, photo, like = [], plus = [], minus = [] }: SearchParameters): Query {
  if (like.length + plus.length + minus.length === 0) {
    if (q !== undefined && photo === undefined) return { words: q }
    if (photo !== undefined && q === undefined) return { photo }
    throw notOne(
      'query',
      ['q', 'photo'],
      [...(q === undefined ? [] : ['q']), ...(photo === undefined ? [] : ['photo'])],
    )
  }
  if (photo !== undefined) throw new AppError('USAGE', `photo cannot be combined; use like=${photo} instead`)
  const photos = like.map(weighted('like', 'ID'))
  for (const { text } of photos)
    if (!PHOTO_ID_PATTERN.test(text))
      throw new AppError('USAGE', `like expects a photo id or ID:WEIGHT, found ${JSON.stringify(text)}`)
  const words = [...(q === undefined ? [] : [{ text: q, weight: undefined }]), ...plus.map(weighted('plus', 'WORDS'))]
  if (words.length + photos.length === 0)
    throw new AppError('USAGE', 'minus needs something to search for: expected q, like or plus, found none')
  const ofWords = wordsWeight(photos.length > 0)
  return {
    parts: [
      ...photos.map(({ text, weight = 1 }) => ({ photo: text, weight })),
      ...words.map(({ text, weight = ofWords }) => ({ words: text, weight })),
      ...minus.map(weighted('minus', 'WORDS')).map(({ text, weight = ofWords }) => ({ words: text, weight: -weight })),
    ],
  }
}

/** What a body searches for. */
export type Searched = Subject & Pick<SearchBody, 'parts'>

/** The query of a body that need not search for anything. */
export async function optionalQueryOfBody(
  body: Searched,
  fetchPicture: HttpParts['fetchPicture'],
  signal: AbortSignal,
): Promise<Query | undefined> {
  const isEmpty = body.parts === undefined && given(body).length === 0
  return isEmpty ? undefined : queryOfBody(body, fetchPicture, signal)
}

/** The query of a body. Fetches pictures. @throws RequestError REQUEST_INVALID, AppError INPUT_INVALID */
export async function queryOfBody(
  { parts, ...body }: Searched,
  fetchPicture: HttpParts['fetchPicture'],
  signal: AbortSignal,
): Promise<Query> {
  if (parts === undefined) return subjectOf(body, 'body', fetchPicture, signal)
  const single = given(body)
  if (single.length > 0) throw notOne('body', [...SUBJECTS, 'parts'], [...single, 'parts'])
  const besidePhotos = parts.some(part => part.words === undefined)
  const subjects: WeightedSubject[] = []
  let fetched = 0
  const fetchNext: typeof fetchPicture = async (url, stop) => {
    const picture = await fetchPicture(url, stop)
    fetched += picture.bytes.length
    if (fetched <= MAX_FETCHED_BYTES) return picture
    throw new AppError(
      'INPUT_INVALID',
      `parts: expected pictures of at most ${MAX_FETCHED_BYTES} bytes together, found more. Name fewer.`,
    )
  }
  for (const [index, part] of parts.entries()) {
    const subject = await subjectOf(part, `body.parts.${index}`, fetchNext, signal)
    const weight = part.weight ?? ('words' in subject ? wordsWeight(besidePhotos) : 1)
    if (weight === 0)
      throw new RequestError('REQUEST_INVALID', 'A weight must not be 0: leave the part out instead.', {
        field: `body.parts.${index}.weight`,
        expected: 'a number other than 0',
        found: '0',
      })
    subjects.push({ ...subject, weight })
  }
  return { parts: subjects }
}

async function subjectOf(
  subject: Subject,
  field: string,
  fetchPicture: HttpParts['fetchPicture'],
  signal: AbortSignal,
): Promise<QuerySubject> {
  const names = given(subject)
  if (names.length !== 1) throw notOne(field, SUBJECTS, names)
  if (subject.words !== undefined) return { words: subject.words }
  if (subject.photo !== undefined) return { photo: subject.photo }
  if (subject.vector !== undefined) return { vector: Float32Array.from(subject.vector) }
  if (subject.picture_url !== undefined) return { image: await fetchPicture(subject.picture_url, signal) }
  return { image: { name: `${field}.picture`, bytes: Buffer.from(subject.picture!, 'base64') } }
}

function given(subject: Subject): string[] {
  return SUBJECTS.filter(name => subject[name] !== undefined)
}

function notOne(field: string, expected: readonly string[], found: readonly string[]): RequestError {
  return new RequestError(
    'REQUEST_UNPROCESSABLE',
    `Expected exactly one of ${expected.join(', ')}; found ${found.join(' and ') || 'none'}.`,
    { field, expected: `one of ${expected.join(', ')}`, found: found.join(', ') || 'none' },
  )
}
