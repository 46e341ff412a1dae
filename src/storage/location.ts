import { resolve } from 'node:path'
import { AppError } from '../domain/errors.js'
import { parseS3Location, type S3Location, withoutCredentials } from '../domain/s3-location.js'
import { isObjectKey } from './key.js'

export type ObjectStoreLocation = { kind: 'folder'; folder: string } | ({ kind: 's3' } & S3Location)

/**
 * Parses the setting OBJECT_STORE.
 * @param text a folder, relative to the working directory, or `s3://bucket/prefix`
 * @throws AppError CONFIG_INVALID
 */
export function parseObjectStoreLocation(text: string): ObjectStoreLocation {
  // `s3:/bucket` is a mistyped bucket, not a folder.
  if (!/^(s3:|[a-z][a-z0-9+.-]*:\/\/)/i.test(text)) return { kind: 'folder', folder: resolve(text) }
  const location = parseS3Location(text)
  if (location === null || (location.prefix !== '' && !isObjectKey(location.prefix)))
    throw new AppError(
      'CONFIG_INVALID',
      `OBJECT_STORE: expected a folder or s3://bucket/prefix (prefix of letters, digits, . _ - and /), found ${JSON.stringify(withoutCredentials(text))}`,
    )
  return { kind: 's3', ...location }
}
