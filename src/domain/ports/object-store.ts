/**
 * The store of the compressed copies. Promises: `put` and `putFile` are atomic (a reader sees the whole old or the whole new object,
 * never a part) and durable when they resolve; `get` of a missing key gives null; keys are relative paths of
 * `[A-Za-z0-9._-]` segments, and any other key rejects. When the store is unreachable, opening rejects with AppError
 * STORE_UNREACHABLE, and each use with PhotoError STORE_FAILED: retryable, unless the store refuses this object for good.
 */
export interface ObjectStore {
  /** For display: `/home/me/photos` or `s3://bucket/prefix`. Holds no credentials. */
  readonly location: string
  /** Rejects when the store is not writable, before any photo is downloaded. */
  check(): Promise<void>
  put(key: string, body: Uint8Array, contentType: string): Promise<void>
  /** Puts a local file of any size, with constant memory. */
  putFile(key: string, path: string, contentType: string): Promise<void>
  get(key: string): Promise<Buffer | null>
  /** False also when the credentials may not look: then it may be put again. */
  has(key: string): Promise<boolean>
  delete(key: string): Promise<void>
  /** Deletes many; what is not there is no error. */
  deleteAll(keys: readonly string[]): Promise<void>
  /**
   * An address that gives everybody who has it this object for some seconds, without a request to the store. Only stores that
   * clients can reach have this.
   */
  signedUrl?(key: string, seconds: number): Promise<string>
  /** Every key below a prefix, in no order. */
  list(prefix?: string): AsyncIterable<string>
  close(): Promise<void>
}
