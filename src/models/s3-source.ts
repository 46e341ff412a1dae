import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3'
import type { HubModelSpec, ModelFile } from './registry.js'
import { type ModelSource, type OpenedFile, SourceFailure } from './source.js'

const SECOND = 1000
const CONNECT_TIMEOUT_MS = 15 * SECOND
/** Longest silence, before the answer as well as within its body. */
const IDLE_TIMEOUT_MS = 60 * SECOND

export interface S3SourceOptions {
  readonly bucket: string
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string
  /** Address of an S3-compatible server; AWS when unset. */
  readonly endpoint?: string
  readonly region: string
  /** http://host/bucket/key instead of http://bucket.host/key. */
  readonly forcePathStyle: boolean
}

/**
 * Files from a bucket: `<prefix>/<model name>/<path>` or `<prefix>/<path>`. Credentials come from the AWS SDK's default
 * chain.
 */
export class S3Source implements ModelSource {
  constructor(private readonly options: S3SourceOptions) {}

  locate(_model: HubModelSpec, file: ModelFile): string {
    return `s3://${this.options.bucket}/${this.key(file.path)}`
  }

  async open(model: HubModelSpec, file: ModelFile, offset: number, signal?: AbortSignal): Promise<OpenedFile> {
    const client = await this.connect()
    try {
      const object =
        (await this.get(client, this.key(`${model.name}/${file.path}`), offset, signal)) ??
        (await this.get(client, this.key(file.path), offset, signal))
      if (object) return { ...extent(object), body: reading(object), close: async () => client.destroy() }
    } catch (error) {
      client.destroy()
      throw signal?.aborted ? signal.reason : describe(error)
    }
    client.destroy()
    const { bucket } = this.options
    const keys = [this.key(`${model.name}/${file.path}`), this.key(file.path)]
    throw new SourceFailure('missing', `bucket ${bucket} holds neither ${keys.join(' nor ')}`)
  }

  /** The SDK is loaded here: most processes never fetch a model from a bucket. */
  private async connect(): Promise<S3Client> {
    const { S3Client } = await import('@aws-sdk/client-s3')
    const { endpoint, region, forcePathStyle } = this.options
    return new S3Client({
      endpoint,
      region,
      forcePathStyle,
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
      // The registry's digests check more than the server's checksums, which many compatible servers do not send.
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
  }

  private async get(
    client: S3Client,
    key: string,
    offset: number,
    signal: AbortSignal | undefined,
  ): Promise<GetObjectCommandOutput | undefined> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3')
    const range = offset > 0 ? { Range: `bytes=${offset}-` } : {}
    try {
      return await client.send(new GetObjectCommand({ Bucket: this.options.bucket, Key: key, ...range }), {
        abortSignal: signal,
      })
    } catch (error) {
      if (error instanceof Error && error.name === 'NoSuchKey') return undefined
      // The object ends before the offset: it shows from the start what it has.
      if (error instanceof Error && error.name === 'InvalidRange') return this.get(client, key, 0, signal)
      throw error
    }
  }

  private key(path: string): string {
    return this.options.prefix === '' ? path : `${this.options.prefix}/${path}`
  }
}

function extent({ ContentRange, ContentLength }: GetObjectCommandOutput): Pick<OpenedFile, 'start' | 'totalBytes'> {
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(ContentRange ?? '')
  return range ? { start: Number(range[1]), totalBytes: Number(range[2]) } : { start: 0, totalBytes: ContentLength }
}

async function* reading({ Body }: GetObjectCommandOutput): AsyncGenerator<Uint8Array> {
  try {
    // Under Node a body is a readable stream.
    for await (const chunk of Body as unknown as AsyncIterable<Uint8Array>) yield chunk
  } catch (error) {
    throw new SourceFailure('interrupted', textOf(error), { cause: error })
  }
}

function describe(error: unknown): SourceFailure {
  const status =
    error instanceof Error && '$metadata' in error
      ? (error.$metadata as { httpStatusCode?: number }).httpStatusCode
      : undefined
  if (status === undefined) return new SourceFailure('unreachable', textOf(error), { cause: error })
  const kind = status === 404 ? 'missing' : status >= 500 || status === 429 ? 'interrupted' : 'refused'
  return new SourceFailure(kind, `status ${status}: ${textOf(error)}`, { cause: error })
}

/** The SDK's errors may have an empty message and say all in their name. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? ` (${error.code})` : ''
  return `${error.message === '' || error.message === 'UnknownError' ? error.name : error.message}${code}`
}
