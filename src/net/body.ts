import { pipeline, type Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { PhotoError } from '../domain/errors.js'

export interface BodyLimits {
  /** Most bytes, both as sent and as decoded. */
  maxBytes: number
  /** For messages. */
  host: string
  /** `Content-Length`, when there is one. */
  contentLength: number | undefined
  /** `Content-Encoding`, when there is one: some servers compress although identity was asked for. */
  contentEncoding: string | undefined
}

/**
 * Reads a body to its end, decoding it on the way, and stops at the first byte over the cap. The stream is finished or
 * destroyed when this settles.
 * @throws PhotoError TOO_LARGE, EMPTY_BODY, TRUNCATED_BODY, NOT_AN_IMAGE for an unknown encoding; stream errors as they are
 */
export async function readBody(body: Readable, limits: BodyLimits): Promise<Buffer> {
  const { maxBytes, host, contentLength } = limits
  if (contentLength !== undefined && contentLength > maxBytes)
    throw tooLarge(host, `${contentLength} bytes announced, at most ${maxBytes} taken`)
  const decoder = decoderFor(limits)
  const source: Readable = decoder === null ? body : pipeline(body, decoder, () => {})
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes || (decoder?.bytesWritten ?? 0) > maxBytes)
      throw tooLarge(host, `more than ${maxBytes} bytes${decoder === null ? '' : ' once decompressed'}`)
    chunks.push(chunk)
  }
  const sent = decoder?.bytesWritten ?? bytes
  if (contentLength !== undefined && sent < contentLength)
    throw new PhotoError('TRUNCATED_BODY', `${host}: ${sent} of ${contentLength} bytes came`)
  if (bytes === 0) throw new PhotoError('EMPTY_BODY', `${host}: no bytes`)
  return Buffer.concat(chunks, bytes)
}

function decoderFor({ contentEncoding, host }: BodyLimits) {
  switch (contentEncoding?.trim().toLowerCase() ?? '') {
    case '':
    case 'identity':
      return null
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    default:
      throw new PhotoError('NOT_AN_IMAGE', `${host}: Content-Encoding ${contentEncoding} is not understood`)
  }
}

function tooLarge(host: string, what: string): PhotoError {
  return new PhotoError('TOO_LARGE', `${host}: ${what}`)
}
