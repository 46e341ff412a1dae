/** An object of a bucket, as a listing describes it. */
export interface ListedObject {
  key: string
  /** Without quotes. */
  etag: string
  /** In bytes. */
  size: number
  modified: Date
}

export interface ObjectAddress {
  bucket: string
  key: string
}

export interface ReadObject {
  etag: string
  bytes: Buffer
}

/**
 * Why an object was not read. `changed`: it is not the expected one; `refused`: with these settings and credentials, so others
 * may read it; an HTTP status passes.
 */
export type ObjectProblem =
  | 'missing'
  | 'changed'
  | 'refused'
  | 'too large'
  | 'timeout'
  | 'unreachable'
  | `HTTP_${number}`

export class ObjectReadError extends Error {
  override readonly name = 'ObjectReadError'
  constructor(
    readonly problem: ObjectProblem,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/**
 * Reads objects of any bucket of one S3 server. Promises: a listing is complete or rejects, in the order of the keys, a page
 * at a time; `read` holds no more than its limit; what fails rejects with ObjectReadError.
 */
export interface ObjectReader {
  /** @param prefix of the keys; empty: the whole bucket */
  list(bucket: string, prefix: string, signal?: AbortSignal): AsyncIterable<ListedObject[]>
  /** The first bytes of an object; fewer of a shorter one. */
  head(object: ObjectAddress, bytes: number): Promise<Buffer>
  /** @param isExpected gets ETag and size before the body is read */
  read(
    object: ObjectAddress,
    options: {
      maxBytes: number
      isExpected?: (found: Pick<ListedObject, 'etag' | 'size'>) => boolean
      signal?: AbortSignal
    },
  ): Promise<ReadObject>
}
