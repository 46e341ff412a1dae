import { resolve } from 'node:path'
import { AppError } from '../domain/errors.js'
import { isObjectKey } from './key.js'

export type ObjectStoreLocation =
  | { kind: 'folder'; folder: string }
  /** `prefix` has no slash at either end; empty: the bucket itself. */
  | { kind: 's3'; bucket: string; prefix: string }

/**
 * What the setting OBJECT_STORE means.
 * @param text a folder, taken from the working directory when relative, or `s3://bucket/prefix`
 * @throws AppError CONFIG_INVALID
 */
export function parseObjectStoreLocation(text: string): ObjectStoreLocation {
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text) ?? []
  if (scheme === undefined || rest === undefined) return { kind: 'folder', folder: resolve(text) }
  const [bucket = '', ...segments] = rest.split('/')
  const prefix = segments.filter(segment => segment !== '').join('/')
  if (scheme.toLowerCase() !== 's3' || !isBucketName(bucket) || (prefix !== '' && !isObjectKey(prefix)))
    throw new AppError(
      'CONFIG_INVALID',
      `OBJECT_STORE: expected a folder or s3://bucket/prefix (prefix of letters, digits, . _ - and /), found ${JSON.stringify(shown(text))}`,
    )
  return { kind: 's3', bucket, prefix }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; self-hosted servers are no stricter. */
function isBucketName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)
}

/** Somebody may have put credentials where none belong. */
function shown(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//…@')
}
