import { AppError } from '../../../domain/errors.js'
import { errorMessage } from '../../../domain/text/error-text.js'
import { fetchedPath } from '../../catalog/model-json.js'
import { S3Source, type S3SourceOptions } from '../../files/s3-source.js'
import { type ListedFile, type Listing, MAX_FILES, type Repository, tooManyFiles } from './repository.js'

/** The files of one model below a prefix of a bucket. */
export class S3Repository implements Repository {
  readonly title: string
  readonly files: S3Source

  /** @param source `s3://bucket/prefix` */
  constructor(
    readonly source: string,
    private readonly options: S3SourceOptions,
  ) {
    this.title = source.split('/').at(-1)!
    this.files = new S3Source(options)
  }

  async list(signal: AbortSignal): Promise<Listing> {
    const { S3Client, ListObjectsV2Command } = await import('@aws-sdk/client-s3')
    const { bucket, prefix, endpoint, region, forcePathStyle } = this.options
    const client = new S3Client({ endpoint, region, forcePathStyle })
    const start = prefix === '' ? '' : `${prefix}/`
    const files: ListedFile[] = []
    try {
      let token: string | undefined
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: start, ContinuationToken: token }),
          { abortSignal: signal },
        )
        for (const { Key = '', Size = 0, ETag } of page.Contents ?? []) {
          const path = fetchedPath.safeParse(Key.slice(start.length))
          if (path.success) files.push({ path: path.data, bytes: Size, version: ETag })
        }
        if (files.length > MAX_FILES) throw tooManyFiles(this.source)
        token = page.NextContinuationToken
      } while (token !== undefined)
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof AppError) throw cause
      throw new AppError(
        'MODEL_DOWNLOAD_FAILED',
        `Could not list ${this.source}: ${errorMessage(cause) || 'no answer'}. S3_ENDPOINT, S3_REGION and the credentials of the AWS SDK apply.`,
        { cause },
      )
    } finally {
      client.destroy()
    }
    if (files.length === 0)
      throw new AppError('MODEL_NOT_FOUND', `Expected the files of a model below ${this.source}, found none.`)
    return { files }
  }
}
