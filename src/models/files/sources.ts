import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError } from '../../domain/errors.js'
import { parseS3Location, withoutCredentials } from '../../domain/s3-location.js'
import { FolderSource } from './folder-source.js'
import { HubSource } from './hub-source.js'
import { S3Source, type S3SourceOptions } from './s3-source.js'
import type { ModelSource } from './source.js'

export interface SourceSettings {
  /** MODEL_SOURCE: a folder, file://folder, s3://bucket/prefix or http(s)://host. Unset: the hub. */
  readonly modelSource: string | undefined
  /** HF_ENDPOINT: http(s)://host of a hub. */
  readonly hubEndpoint: string
  /** HF_TOKEN, for `hubEndpoint` alone. */
  readonly hubToken?: string
  readonly s3: Pick<S3SourceOptions, 'endpoint' | 'region' | 'forcePathStyle'>
}

/**
 * Chooses the source of model files. Opens nothing.
 * @throws AppError CONFIG_INVALID for an unusable MODEL_SOURCE
 */
export function modelSource({ modelSource: text, hubEndpoint, hubToken, s3 }: SourceSettings): ModelSource {
  if (text === undefined) return new HubSource(hubEndpoint, { token: hubToken })
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return new FolderSource(resolve(text))
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return new HubSource(text)
  if (url?.protocol === 'file:') return new FolderSource(fileURLToPath(url))
  const location = parseS3Location(text)
  if (location !== null) return new S3Source({ ...s3, ...location, prefix: decodeURIComponent(location.prefix) })
  throw new AppError(
    'CONFIG_INVALID',
    `MODEL_SOURCE: expected a folder, s3://bucket/prefix, or http(s)://host of a hub, found ${JSON.stringify(withoutCredentials(text))}.`,
  )
}
