import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3'
import { SECOND } from '../../domain/units.js'
import type { ModelFile } from '../catalog/entry.js'
import {
  candidatePaths,
  type FetchedModel,
  type ModelSource,
  type OpenedFile,
  SourceError,
  sourcePath,
} from './source.js'

const CONNECT_TIMEOUT_MS = 15 * SECOND
/** Longest silence, before the response and within its body. */
const IDLE_TIMEOUT_MS = 60 * SECOND

export interface S3SourceOptions {
  readonly bucket: string
  /** Without leading and trailing slashes; may be empty. */
  readonly prefix: string
  /** Address of an S3-compatible server; Unset: AWS. */
  readonly endpoint?: string
  readonly region: string
  /** http://host/bucket/key instead of http://bucket.host/key. */
  readonly forcePathStyle: boolean
}

/**
 * Reads files from a bucket: `<prefix>/<model name>/<path>` or `<prefix>/<path>`. Credentials come from the AWS SDK's
 * default chain.
 */
export class S3Source implements ModelSource {
  constructor(private readonly options: S3SourceOptions) {}

  locate(_model: FetchedModel, file: ModelFile): string {
    return `s3://${this.options.bucket}/${this.key(sourcePath(file))}`
  }

  async open(model: FetchedModel, file: ModelFile, offset: number, signal?: AbortSignal): Promise<OpenedFile> {
    const client = await this.connect()
    const keys = candidatePaths(model, file).map(path => this.key(path))
    try {
      for (const key of keys) {
        const object = await this.get(client, key, offset, signal)
        if (object) return { ...extent(object), body: reading(object), close: async () => client.destroy() }
      }
    } catch (error) {
      client.destroy()
      throw signal?.aborted ? signal.reason : describe(error)
    }
    client.destroy()
    throw new SourceError('missing', `bucket ${this.options.bucket} holds neither ${keys.join(' nor ')}`)
  }

  /** Loads the SDK late: most processes never read a model from a bucket. */
  private async connect(): Promise<S3Client> {
    const { S3Client } = await import('@aws-sdk/client-s3')
    const { endpoint, region, forcePathStyle } = this.options
    return new S3Client({
      endpoint,
      region,
      forcePathStyle,
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
      // The registry's digests are stronger than the server's checksums, which many compatible servers do not send.
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
      // The object ends before the offset: read it from the start.
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
    // In Node a body is a readable stream.
    for await (const chunk of Body as unknown as AsyncIterable<Uint8Array>) yield chunk
  } catch (error) {
    throw new SourceError('interrupted', textOf(error), { cause: error })
  }
}

function describe(error: unknown): SourceError {
  const status =
    error instanceof Error && '$metadata' in error
      ? (error.$metadata as { httpStatusCode?: number }).httpStatusCode
      : undefined
  if (status === undefined) return new SourceError('unreachable', textOf(error), { cause: error })
  const kind = status === 404 ? 'missing' : status >= 500 || status === 429 ? 'interrupted' : 'refused'
  return new SourceError(kind, `status ${status}: ${textOf(error)}`, { cause: error })
}

/** Returns the text of an SDK error. Its message may be empty and its name the only information. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? ` (${error.code})` : ''
  return `${error.message === '' || error.message === 'UnknownError' ? error.name : error.message}${code}`
}
