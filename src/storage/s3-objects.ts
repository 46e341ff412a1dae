import { GetObjectCommand, type GetObjectCommandOutput, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import type { ListedObject, ObjectAddress, ObjectReader, ReadObject } from '../domain/ports/object-reader.js'
import { ObjectReadError } from '../domain/ports/object-reader.js'
import { anySignal } from '../domain/signals/any-signal.js'
import { SECOND } from '../domain/units.js'
import { openS3Client, type S3Connection } from './s3-client.js'
import { describeFailure, isPassing, statusOf } from './s3-failures.js'

/** Attempts of one request within its time, with backoff. Photos are tried again later, too. */
const MAX_ATTEMPTS = 3
const LIST_TIMEOUT_MS = 60 * SECOND

export interface S3ObjectsOptions extends S3Connection {
  /** Time for one object, its body included. */
  timeoutMs: number
}

/** Reads the objects of buckets. Credentials come from the SDK's default chain, as for the store. */
export class S3Objects implements ObjectReader {
  readonly #client: S3Client
  readonly #timeoutMs: number

  constructor({ timeoutMs, ...connection }: S3ObjectsOptions) {
    this.#timeoutMs = timeoutMs
    this.#client = openS3Client({ maxAttempts: MAX_ATTEMPTS, ...connection })
  }

  async *list(bucket: string, prefix: string, signal?: AbortSignal): AsyncGenerator<ListedObject[]> {
    let ContinuationToken: string | undefined
    do {
      // XML cannot carry every key.
      const request = { Bucket: bucket, Prefix: prefix, ContinuationToken, EncodingType: 'url' } as const
      const page = await this.#within(LIST_TIMEOUT_MS, { bucket, key: prefix }, signal, abortSignal =>
        this.#client.send(new ListObjectsV2Command(request), { abortSignal }),
      )
      const decode = (key: string) => (page.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key)
      yield (page.Contents ?? []).map(({ Key = '', ETag, Size = 0, LastModified = new Date(0) }) => ({
        key: decode(Key),
        etag: bare(ETag),
        size: Size,
        modified: LastModified,
      }))
      const next = page.IsTruncated ? (page.NextContinuationToken ?? '') : undefined
      // Else the rest would count as gone, or the same page would come for ever.
      if (next === '' || (next !== undefined && next === ContinuationToken))
        throw new ObjectReadError('refused', `${nameOf({ bucket, key: prefix })}: the server lists only a part`)
      ContinuationToken = next
    } while (ContinuationToken !== undefined)
  }

  async head(object: ObjectAddress, bytes: number): Promise<Buffer> {
    return this.#within(this.#timeoutMs, object, undefined, async abortSignal => {
      const { Body } = await this.#get(object, abortSignal, `bytes=0-${bytes - 1}`)
      const chunks: Buffer[] = []
      let size = 0
      // The end of the loop ends the body: some servers send the whole object.
      for await (const chunk of chunksOf(Body)) {
        chunks.push(chunk)
        size += chunk.length
        if (size >= bytes) break
      }
      return Buffer.concat(chunks).subarray(0, bytes)
    })
  }

  async read(
    object: ObjectAddress,
    { maxBytes, isExpected = () => true, signal }: Parameters<ObjectReader['read']>[1],
  ): Promise<ReadObject> {
    return this.#within(this.#timeoutMs, object, signal, async abortSignal => {
      const found = await this.#get(object, abortSignal)
      const etag = bare(found.ETag)
      try {
        if (!isExpected({ etag, size: found.ContentLength ?? 0 }))
          throw new ObjectReadError('changed', `${nameOf(object)} is not the object that was expected`)
        return { etag, bytes: await bodyOf(found, maxBytes, object) }
      } catch (error) {
        ;(found.Body as { destroy?: () => void } | undefined)?.destroy?.()
        throw error
      }
    })
  }

  async close(): Promise<void> {
    this.#client.destroy()
  }

  #get({ bucket, key }: ObjectAddress, abortSignal: AbortSignal, Range?: string): Promise<GetObjectCommandOutput> {
    return this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range }), { abortSignal })
  }

  async #within<T>(
    ms: number,
    object: ObjectAddress,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = AbortSignal.timeout(ms)
    const either = anySignal([signal, late])
    try {
      return await work(either)
    } catch (error) {
      signal?.throwIfAborted()
      throw asReadError(error, object, late.aborted ? ms : null)
    } finally {
      either.clear()
    }
  }
}

function bare(etag = ''): string {
  return etag.replaceAll('"', '')
}

/** In Node a body is a readable stream. */
function chunksOf(body: GetObjectCommandOutput['Body']): AsyncIterable<Buffer> {
  return (body ?? []) as unknown as AsyncIterable<Buffer>
}

async function bodyOf({ Body, ContentLength }: GetObjectCommandOutput, maxBytes: number, object: ObjectAddress) {
  const tooLarge = (found: number) =>
    new ObjectReadError('too large', `${nameOf(object)}: ${found} bytes, at most ${maxBytes} taken`)
  if ((ContentLength ?? 0) > maxBytes) throw tooLarge(ContentLength!)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of chunksOf(Body)) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge(size)
    chunks.push(chunk)
  }
  if (ContentLength !== undefined && size !== ContentLength)
    throw new ObjectReadError(
      'unreachable',
      `${nameOf(object)}: the body ended after ${size} of ${ContentLength} bytes`,
    )
  return Buffer.concat(chunks)
}

/** @param timeoutMs that have passed; null: they have not */
function asReadError(error: unknown, object: ObjectAddress, timeoutMs: number | null): ObjectReadError {
  if (error instanceof ObjectReadError) return error
  const fail = (problem: ObjectReadError['problem'], why = describeFailure(error)) =>
    new ObjectReadError(problem, `${nameOf(object)}: ${why}`, { cause: error })
  if (timeoutMs !== null) return fail('timeout', `no whole answer within ${timeoutMs / SECOND} s`)
  const status = statusOf(error)
  const { name } = error as Error
  if (name === 'NoSuchKey' || name === 'NotFound' || name === 'InvalidRange') return fail('missing')
  if (name === 'CredentialsProviderError') return fail('refused')
  if (status === undefined) return fail('unreachable')
  if (isPassing(error)) return fail(`HTTP_${status >= 400 ? status : 503}`)
  return fail('refused')
}

function nameOf({ bucket, key }: ObjectAddress): string {
  return `s3://${bucket}/${key}`
}
