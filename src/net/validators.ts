import type { IncomingHttpHeaders } from 'node:http'
import type { Validators } from '../domain/places/photo-version.js'

/** Longest ETag that is kept. */
const MAX_ETAG = 512
/** As an `If-None-Match`, `*` stands for every version. */
const SENDABLE_ETAG = /^(?!\*$)[\x21-\x7e]+$/

/** What an answer says about the version of its body. What cannot be sent back is left out. */
export function validatorsOf(headers: IncomingHttpHeaders): Validators {
  const etag = single(headers.etag)?.trim() ?? ''
  const date = single(headers['last-modified'])?.trim() ?? ''
  const length = single(headers['content-length'])?.trim() ?? ''
  return {
    etag: etag.length <= MAX_ETAG && SENDABLE_ETAG.test(etag) ? etag : null,
    lastModified: /^[\x20-\x7e]{1,64}$/.test(date) && !Number.isNaN(Date.parse(date)) ? date : null,
    // The length of an encoded body says nothing about the image.
    length: /^\d+$/.test(length) && headers['content-encoding'] === undefined ? Number(length) : null,
  }
}

/** Headers of a request that asks for the body only if it is another version (RFC 9110, 13.1). */
export function conditionsOf({ etag, lastModified }: Validators): Record<string, string> {
  return {
    ...(etag === null ? {} : { 'if-none-match': etag }),
    ...(lastModified === null ? {} : { 'if-modified-since': lastModified }),
  }
}

/**
 * Whether an answer, of a server that ignores conditions, has the known version. Needs the same ETag, or the same
 * Last-Modified and length; and nothing may contradict it, because some servers send one ETag for everything.
 */
export function isSameVersion(known: Validators, found: Validators): boolean {
  if (contradicts(known, found)) return false
  const same = (name: keyof Validators) => known[name] !== null && found[name] !== null
  return same('etag') || (same('lastModified') && same('length'))
}

/** Whether both have a validator that differs. */
export function contradicts(known: Validators, found: Validators): boolean {
  const differ = (a: unknown, b: unknown) => a !== null && b !== null && a !== b
  return (
    differ(opaque(known.etag), opaque(found.etag)) ||
    differ(known.lastModified, found.lastModified) ||
    differ(known.length, found.length)
  )
}

/** Weak comparison: a weak ETag stands for an image that looks the same. */
const opaque = (etag: string | null): string | null => etag?.replace(/^W\//, '') ?? null

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
