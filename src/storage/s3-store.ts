import { randomUUID } from 'node:crypto'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { AppError, PhotoError } from '../domain/errors.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import { assertObjectKey, isObjectKey } from './key.js'

const SECOND = 1000

export interface S3Options {
  bucket: string
  /** Put before every key, with a slash between; empty: none. */
  prefix: string
  region: string
  /** `http://host:port` of a compatible server. Default: AWS. */
  endpoint?: string
  /** `http://host/bucket/key` instead of `http://bucket.host/key`. */
  forcePathStyle?: boolean
  /** Tries of one operation, the first included; the SDK backs off between them. Default 4. */
  maxAttempts?: number
  /** Default 5 s. */
  connectTimeoutMs?: number
  /** Silence after which a try is given up. Default 30 s. */
  requestTimeoutMs?: number
}

/**
 * Objects in a bucket of S3 or a compatible server. Credentials come from the SDK's default chain: environment, shared
 * files, container or instance role.
 */
export class S3Store implements ObjectStore {
  readonly location: string
  readonly #client: S3Client
  readonly #bucket: string
  readonly #prefix: string

  constructor(options: S3Options) {
    const { bucket, prefix, region, endpoint, forcePathStyle = false } = options
    this.#bucket = bucket
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    this.location = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`
    this.#client = new S3Client({
      region,
      endpoint,
      forcePathStyle,
      maxAttempts: options.maxAttempts ?? 4,
      requestHandler: {
        connectionTimeout: options.connectTimeoutMs ?? 5 * SECOND,
        socketTimeout: options.requestTimeoutMs ?? 30 * SECOND,
      },
      // Trailing checksums are news to many compatible servers.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
  }

  async check(): Promise<void> {
    const probe = this.#object(`check-${randomUUID()}`)
    try {
      await this.#client.send(new PutObjectCommand({ ...probe, Body: Buffer.from('unsplash-clip') }))
    } catch (cause) {
      throw new AppError(
        'STORE_UNREACHABLE',
        `The object store ${this.location} cannot be written: ${reason(cause)}. Expected an existing bucket that these credentials may write; check OBJECT_STORE, S3_ENDPOINT, S3_REGION, S3_FORCE_PATH_STYLE and the AWS credentials.`,
        { cause },
      )
    }
    // Who may write need not be allowed to delete.
    await this.#client.send(new DeleteObjectCommand(probe)).catch(() => {})
  }

  async put(key: string, body: Uint8Array, contentType: string): Promise<void> {
    await this.#use(key, object =>
      this.#client.send(
        new PutObjectCommand({ ...object, Body: body, ContentLength: body.length, ContentType: contentType }),
      ),
    )
  }

  async get(key: string): Promise<Buffer | null> {
    return await this.#use(key, async object => {
      const { Body } = await this.#client.send(new GetObjectCommand(object))
      return Buffer.from((await Body?.transformToByteArray()) ?? [])
    })
  }

  async has(key: string): Promise<boolean> {
    return (await this.#use(key, object => this.#client.send(new HeadObjectCommand(object)))) !== null
  }

  async delete(key: string): Promise<void> {
    await this.#use(key, object => this.#client.send(new DeleteObjectCommand(object)))
  }

  async *list(prefix = ''): AsyncIterable<string> {
    let ContinuationToken: string | undefined
    do {
      const page = await this.#client
        .send(new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#prefix + prefix, ContinuationToken }))
        .catch(error => {
          throw this.#failure(prefix, error)
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

  /** Null when there is no such object. */
  async #use<T>(key: string, act: (object: { Bucket: string; Key: string }) => Promise<T>): Promise<T | null> {
    const object = this.#object(key)
    try {
      return await act(object)
    } catch (error) {
      if (isMissing(error)) return null
      throw this.#failure(key, error)
    }
  }

  #failure(key: string, cause: unknown): PhotoError {
    return new PhotoError('STORE_FAILED', `${this.location}, ${key}: ${reason(cause)}`, { cause })
  }
}

/** A missing bucket is a failure; HEAD has no body that would tell it from a missing key. */
function isMissing(error: unknown): boolean {
  if (!(error instanceof S3ServiceException)) return false
  return error.name === 'NoSuchKey' || error.name === 'NotFound'
}

function reason(error: unknown): string {
  const { name, message, code } = error as Error & { code?: string }
  if (error instanceof S3ServiceException)
    return `${name} (status ${error.$metadata.httpStatusCode ?? 'unknown'})${message === '' || message === name ? '' : `: ${message}`}`
  return code ?? (name === 'Error' ? message : `${name}: ${message}`)
}
