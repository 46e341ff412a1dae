/**
 * Where the compressed copies of the photos go. Promises: `put` is atomic (a reader sees the whole old or the whole new
 * object, never a part) and durable when it resolves; `get` of a missing key gives null; keys are relative paths of
 * `[A-Za-z0-9._-]` segments, and any other key rejects. A failure to reach the store rejects with AppError
 * STORE_UNREACHABLE (on opening) or PhotoError STORE_FAILED (on use, retryable).
 */
export interface ObjectStore {
  /** For people: `/home/me/photos` or `s3://bucket/prefix`. Holds no credentials. */
  readonly location: string
  /** Fails early when the store cannot be written, before any photo is downloaded. */
  check(): Promise<void>
  put(key: string, body: Uint8Array, contentType: string): Promise<void>
  get(key: string): Promise<Buffer | null>
  has(key: string): Promise<boolean>
  delete(key: string): Promise<void>
  /** Every key below a prefix, in no order. */
  list(prefix?: string): AsyncIterable<string>
  close(): Promise<void>
}
