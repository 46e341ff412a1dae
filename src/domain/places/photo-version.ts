import { createHash } from 'node:crypto'
import type { PhotoRef } from '../photo.js'

/** By which a server says which version of an image it sends. */
export interface Validators {
  etag: string | null
  lastModified: string | null
  /** Bytes of the body; null: unknown. */
  length: number | null
}

/** A version of an image. */
export interface PhotoVersion extends Validators {
  /** Of the address that the validators belong to, in base64. */
  urlHash: string
  /** Of the bytes, in base64. */
  digest: string
}

const BYTES = 16

/** @returns the first 128 bits of the SHA-256, in base64 */
export function versionDigest(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest().subarray(0, BYTES).toString('base64')
}

/** Of the address with the names of variables, not with their values. */
export function urlHash({ id, url, template }: Partial<PhotoRef> & Pick<PhotoRef, 'url'>): string {
  return versionDigest(template === undefined ? url : JSON.stringify([template, id, url]))
}
