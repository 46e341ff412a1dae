import { randomUUID } from 'node:crypto'
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import pLimit from 'p-limit'
import { AppError, PhotoError } from '../domain/errors.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import { assertObjectKey, isObjectKey } from './key.js'
import { openS3Client, type S3Connection } from './s3-client.js'
import { describeFailure, isRefusal } from './s3-failures.js'
import { uploadFile } from './s3-upload.js'

/** The most that S3 takes. */
const KEYS_PER_REQUEST = 1000
const REQUESTS_AT_ONCE = 16

export interface S3Options extends S3Connection {
  bucket: string
  /** Precedes every key, with a slash between; empty: none. */
  prefix: string
  /** Bytes per part of a large file. Default: 64 MiB. */
  partBytes?: number
}

/**
 * Stores objects in a bucket of S3 or a compatible server. Credentials come from the SDK's default chain: environment,
 * shared files, container or instance role.
 */
export class S3Store implements ObjectStore {
  readonly location: string
  readonly #client: S3Client
  readonly #bucket: string
  readonly #prefix: string
  readonly #partBytes: number | undefined
  /** The same throughout, so that a user without the right to delete leaves one object per process. */
  readonly #probeKey = `check-${randomUUID()}`

  constructor(options: S3Options) {
    const { bucket, prefix } = options
    this.#bucket = bucket
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    this.location = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`
    this.#client = openS3Client(options)
    this.#partBytes = options.partBytes
  }

  async check(): Promise<void> {
    const probe = this.#object(this.#probeKey)
    try {
      await this.#client.send(new PutObjectCommand({ ...probe, Body: Buffer.from('unsplash-clip') }))
    } catch (cause) {
      throw new AppError(
        'STORE_UNREACHABLE',
        `The object store ${this.location} is not writable: ${describeFailure(cause)}. Expected an existing bucket, and the right s3:PutObject on ${this.#objects} (with a KMS key also kms:GenerateDataKey). Check OBJECT_STORE, S3_ENDPOINT, S3_REGION, S3_FORCE_PATH_STYLE and the AWS credentials.`,
        { cause },
      )
    }
    // The right to write may come without the right to delete.
    await this.#client.send(new DeleteObjectCommand(probe)).catch(() => {})
  }

  async put(key: string, body: Uint8Array, contentType: string): Promise<void> {
    await this.#use('s3:PutObject', key, object =>
      this.#client.send(
        new PutObjectCommand({ ...object, Body: body, ContentLength: body.length, ContentType: contentType }),
      ),
    )
  }

  async putFile(key: string, path: string, contentType: string): Promise<void> {
    await this.#use('s3:PutObject', key, object => uploadFile(this.#client, object, path, contentType, this.#partBytes))
  }

  async get(key: string): Promise<Buffer | null> {
    return await this.#use('s3:GetObject', key, async object => {
      const { Body } = await this.#client.send(new GetObjectCommand(object))
      return Buffer.from((await Body?.transformToByteArray()) ?? [])
    })
  }

  async has(key: string): Promise<boolean> {
    const head = this.#use('s3:GetObject', key, object => this.#client.send(new HeadObjectCommand(object)))
    // 403 also answers for a missing object where the right s3:ListBucket is missing.
    return (await head.catch(unlessForbidden)) !== null
  }

  async delete(key: string): Promise<void> {
    await this.#use('s3:DeleteObject', key, object => this.#client.send(new DeleteObjectCommand(object)))
  }

  async deleteAll(keys: readonly string[]): Promise<void> {
    const limit = pLimit(REQUESTS_AT_ONCE)
    const requests: Promise<void>[] = []
    for (let from = 0; from < keys.length; from += KEYS_PER_REQUEST)
      requests.push(limit(() => this.#deleteSome(keys.slice(from, from + KEYS_PER_REQUEST))))
    await Promise.all(requests)
  }

  /** What one request does not delete is deleted one by one, with an error that names the cause. */
  async #deleteSome(keys: readonly string[]): Promise<void> {
    const Objects = keys.map(key => ({ Key: this.#object(key).Key }))
    const left = await this.#client
      .send(new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects, Quiet: true } }))
      .then(({ Errors = [] }) => Errors.filter(({ Code }) => Code !== 'NoSuchKey').map(({ Key = '' }) => Key))
      // Not every compatible server has this request.
      .catch(() => Objects.map(({ Key }) => Key))
    const limit = pLimit(REQUESTS_AT_ONCE)
    await Promise.all(left.map(key => limit(() => this.delete(key.slice(this.#prefix.length)))))
  }

  async signedUrl(key: string, expiresIn: number): Promise<string> {
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner')
    return getSignedUrl(this.#client, new GetObjectCommand(this.#object(key)), { expiresIn })
  }

  async *list(prefix = ''): AsyncIterable<string> {
    let ContinuationToken: string | undefined
    do {
      const page = await this.#client
        .send(new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#prefix + prefix, ContinuationToken }))
        .catch(error => {
          throw this.#failure('s3:ListBucket', prefix, error)
        })
      for (const { Key = '' } of page.Contents ?? []) {
        const key = Key.slice(this.#prefix.length)
        if (isObjectKey(key)) yield key
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined
    } while (ContinuationToken !== undefined)
  }

  async close(): Promise<void> {
    this.#client.destroy()
  }

  #object(key: string): { Bucket: string; Key: string } {
    assertObjectKey(key)
    return { Bucket: this.#bucket, Key: this.#prefix + key }
  }

  /** For a policy. */
  get #objects(): string {
    return `arn:aws:s3:::${this.#bucket}/${this.#prefix}*`
  }

  /** @param right that the operation needs. @returns null when there is no such object */
  async #use<T>(
    right: string,
    key: string,
    act: (object: { Bucket: string; Key: string }) => Promise<T>,
  ): Promise<T | null> {
    const object = this.#object(key)
    try {
      return await act(object)
    } catch (error) {
      if (isMissing(error)) return null
      throw this.#failure(right, key, error)
    }
  }

  #failure(right: string, key: string, cause: unknown): PhotoError {
    const expected = isForbidden(cause) ? `; expected the right ${right} on ${this.#objects}` : ''
    const message = `${this.location}, ${key}: ${describeFailure(cause)}${expected}`
    return new PhotoError('STORE_FAILED', message, { cause, retryable: !isRefusal(cause) })
  }
}

/** Returns whether a key is missing. A missing bucket is a failure, but HEAD has no body to distinguish it. */
function isMissing(error: unknown): boolean {
  if (!(error instanceof S3ServiceException)) return false
  return error.name === 'NoSuchKey' || error.name === 'NotFound'
}

function isForbidden(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 403
}

/** @returns null for a forbidden operation. @throws every other failure */
function unlessForbidden(error: unknown): null {
  if (error instanceof PhotoError && isForbidden(error.cause)) return null
  throw error
}
