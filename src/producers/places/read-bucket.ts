import { extname } from 'node:path'
import { contentId } from '../../domain/content-id.js'
import { AppError } from '../../domain/errors.js'
import { barePhoto } from '../../domain/photo.js'
import { objectAt, objectDigest, objectPath, objectUrl } from '../../domain/places/object-place.js'
import {
  type ListedObject,
  type ObjectAddress,
  ObjectReadError,
  type ObjectReader,
} from '../../domain/ports/object-reader.js'
import type { PhotoPlace, PlaceRepository } from '../../domain/ports/place-repository.js'
import { HEAD_BYTES, typeByContent } from '../../images/image-format.js'
import { type BadRow, excerpt, type PhotoRow, type SourceRow } from '../input/source.js'
import { chooseNames, countSkipped, type SkippedFiles } from './choose-files.js'
import { pagesOf } from './identify-files.js'

/** Objects whose first bytes are read at the same time. */
const READ_AT_ONCE = 16
/** Objects with one name but for the extension; more are looked at in parts. */
const MAX_GROUP = 1000
const NS_PER_MS = 1_000_000n

/** `raw`: the RAW file of a JPEG, which stays the photo if it is embedded and the JPEG was not recorded. */
type PlacedRow = PhotoRow & { place: PhotoPlace; raw?: PlacedRow }

/**
 * The photos below a prefix of a bucket, in the order of their keys. Nothing but the listing is read: the ETag and the size
 * tell the content, see {@link objectDigest}. Extensions tell the type, and where there is none the first bytes do. Hidden
 * objects (a name that begins with a dot) and empty ones are passed over. One that cannot be told is a bad row.
 * @param folder `s3://bucket/prefix`; or one object
 * @param skipped counts what holds no photo
 * @param copies where copies are stored: not photos of a prefix above them
 * @throws AppError INPUT_NOT_FOUND when the bucket cannot be listed
 */
export async function* readBucket(
  folder: string,
  {
    objects,
    known,
    skipped,
    copies,
  }: {
    objects: ObjectReader
    known?: Pick<PlaceRepository, 'unchanged'>
    skipped: SkippedFiles
    copies?: string
  },
): AsyncGenerator<SourceRow> {
  for await (const page of pagesOf(photosBelow(folder, withoutCopies(objects, folder, copies), skipped))) {
    const places = page.flatMap(row =>
      row.problem ? [] : [row.place, ...(row.raw ? [{ ...row.raw.place, mustBeEmbedded: true }] : [])],
    )
    const unchanged = known && (await known.unchanged(places))
    const isKnown = ({ place, photo }: PlacedRow) => unchanged?.get(place.path) === photo.photo_id
    for (const found of page) {
      if (found.problem) {
        yield found
        continue
      }
      const { raw, ...rendered } = found
      const row = raw && isKnown(raw) && !isKnown(rendered) ? raw : rendered
      yield isKnown(row) ? { ...row, place: undefined, isKnown: true } : row
    }
  }
}

type Lister = Pick<ObjectReader, 'list' | 'head'>

function withoutCopies(objects: ObjectReader, folder: string, copies: string | undefined): Lister {
  const place = copies?.replace(/\/+$/, '')
  if (place === undefined || !place.startsWith(`${folder}/`)) return objects
  const { bucket, key } = objectAt(place)
  async function* list(ofBucket: string, prefix: string) {
    for await (const page of objects.list(ofBucket, prefix))
      yield page.filter(object => ofBucket !== bucket || !object.key.startsWith(`${key}/`))
  }
  return { list, head: (at, bytes) => objects.head(at, bytes) }
}

async function* photosBelow(
  folder: string,
  objects: Lister,
  skipped: SkippedFiles,
): AsyncGenerator<BadRow | PlacedRow> {
  const { bucket } = objectAt(folder)
  let line = 0
  for await (const group of groups(listed(folder, objects))) {
    const names = group.map(({ key }) => nameOf(key))
    const { chosen, raws, others } = chooseNames(names, skipped)
    const byName = new Map(group.map(object => [nameOf(object.key), object]))
    const found = group.filter(({ key }) => chosen.has(nameOf(key)))
    const unreadable = new Map<ListedObject, string>()
    const bare = new Set(others.filter(name => extname(name) === ''))
    for (const name of others) if (!bare.has(name)) countSkipped(skipped, name, undefined, '')
    const unnamed = group.filter(({ key }) => bare.has(nameOf(key)))
    for (let from = 0; from < unnamed.length; from += READ_AT_ONCE) {
      const some = unnamed.slice(from, from + READ_AT_ONCE)
      const types = await Promise.all(some.map(object => typeOf({ bucket, key: object.key }, objects)))
      for (const [i, type] of types.entries())
        if (type instanceof ObjectReadError) unreadable.set(some[i]!, type.message)
        else if (type?.isDecoded) found.push(some[i]!)
        else countSkipped(skipped, nameOf(some[i]!.key), type?.type, '')
    }
    for (const object of found) {
      const row = rowOf({ bucket, key: object.key }, object, folder, ++line)
      const raw = byName.get(raws.get(nameOf(object.key)) ?? '')
      const rawRow = raw && rowOf({ bucket, key: raw.key }, raw, folder, line)
      yield row.problem || !rawRow || rawRow.problem ? row : { ...row, raw: rawRow }
    }
    for (const [{ key }, why] of unreadable) yield unreadableRow({ bucket, key }, why, folder, ++line)
  }
}

/** @throws AppError INPUT_NOT_FOUND */
async function* listed(folder: string, objects: Lister): AsyncGenerator<ListedObject[]> {
  const { bucket, key } = objectAt(folder)
  try {
    let isEmpty = true
    for await (const page of objects.list(bucket, key === '' ? '' : `${key}/`)) {
      if (page.length > 0) isEmpty = false
      yield page
    }
    if (!isEmpty || key === '') return
    for await (const page of objects.list(bucket, key)) {
      // One object: it comes first, before all keys that it begins.
      yield page.filter(object => object.key === key)
      return
    }
  } catch (cause) {
    if (!(cause instanceof ObjectReadError)) throw cause
    throw new AppError(
      'INPUT_NOT_FOUND',
      `${folder} cannot be listed: ${cause.message}. Expected an existing bucket, and the rights s3:ListBucket and s3:GetObject. Check S3_ENDPOINT, S3_REGION, S3_FORCE_PATH_STYLE and the AWS credentials.`,
      { cause },
    )
  }
}

/** Objects with the same key but for the extension, which a camera may have written together: RAW and JPEG. */
async function* groups(pages: AsyncIterable<ListedObject[]>): AsyncGenerator<ListedObject[]> {
  let group: ListedObject[] = []
  let start = ''
  for await (const page of pages)
    for (const object of page) {
      if (object.size === 0 || nameOf(object.key).startsWith('.')) continue
      const isOfGroup = object.key.startsWith(start) && !object.key.includes('/', start.length)
      if (group.length >= MAX_GROUP || !isOfGroup) {
        if (group.length > 0) yield group
        group = []
      }
      if (group.length === 0) start = `${object.key.replace(/\.[^./]*$/, '')}.`
      group.push(object)
    }
  if (group.length > 0) yield group
}

/** @returns undefined: no image, or nothing any more; an error: nobody can tell */
async function typeOf(object: ObjectAddress, objects: Lister) {
  try {
    return typeByContent(await objects.head(object, HEAD_BYTES))
  } catch (error) {
    if (!(error instanceof ObjectReadError)) throw error
    return error.problem === 'missing' ? undefined : error
  }
}

/** Has a path, so that the photo that was there does not count as gone. */
function unreadableRow(at: ObjectAddress, found: string, part: string, line: number): BadRow {
  return { line, part, path: objectPath(at), problem: { code: 'UNREADABLE', found } }
}

function rowOf(at: ObjectAddress, object: ListedObject, part: string, line: number): BadRow | PlacedRow {
  const path = objectPath(at)
  // Neither has an identity: objects of one size would be one photo, and Postgres stores no NUL.
  if (object.etag === '') return unreadableRow(at, `${path}: the server tells no ETag`, part, line)
  if (at.key.includes('\0')) return unreadableRow(at, `${excerpt(path)}: a NUL character in the key`, part, line)
  const digest = objectDigest(object)
  const mtimeNs = BigInt(object.modified.getTime()) * NS_PER_MS
  const place: PhotoPlace = { path, size: object.size, mtimeNs, inode: 0n, digest, recheck: false }
  return { line, part, path, place, photo: barePhoto(contentId(digest), objectUrl(path)) }
}

function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1)
}
