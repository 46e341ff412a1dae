import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { PhotoError } from '../domain/errors.js'

export interface BodyLimits {
  /** Maximum bytes, as sent and after each decoding. */
  maxBytes: number
  /** For messages. */
  host: string
  /** `Content-Length`, when there is one. */
  contentLength: number | undefined
  /** `Content-Encoding`, if any: some servers compress although the request asks for identity. */
  contentEncoding: string | undefined
  /** Called with at least {@link START_BYTES} bytes of a body that is not encoded, or with none if it is shorter. */
  onStart?: (start: Buffer) => void
  /** Called with the number of bytes that have arrived. */
  onBytes?: (received: number) => void
}

/** Enough bytes to recognise an image. */
const START_BYTES = 1024
/** As in curl and undici: more encodings than that are an attack. */
const MAX_ENCODINGS = 5

type Decode = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

interface Decoder {
  name: string
  decode: Decode
}

const gunzip: Decode = promisify(zlib.gunzip)
const inflate: Decode = promisify(zlib.inflate)
const inflateRaw: Decode = promisify(zlib.inflateRaw)

/** Decoders by name. As in browsers, `deflate` is a zlib stream or a raw one. */
const DECODERS = new Map<string, Decode>([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', (bytes, options) => (isZlib(bytes) ? inflate : inflateRaw)(bytes, options)],
  ['br', promisify(zlib.brotliDecompress)],
  // Node 20 has no zstd.
  ...('zstdDecompress' in zlib ? ([['zstd', promisify(zlib.zstdDecompress as typeof zlib.gunzip)]] as const) : []),
])

/**
 * Reads a body to its end, decodes it, and stops at the first byte over the limit. Undoes a chain of encodings, the
 * last one first, and ignores unknown ones (`aws-chunked`, `utf-8`, `none`), which servers set although they did not
 * encode anything. The stream is finished or destroyed when this settles.
 * @throws PhotoError TOO_LARGE, EMPTY_BODY, TRUNCATED_BODY, NOT_AN_IMAGE for too many encodings; what `onStart` throws;
 * stream and decoding errors unchanged
 */
export async function readBody(body: Readable, limits: BodyLimits): Promise<Buffer> {
  const { host, contentLength } = limits
  const decoders = decodersOf(limits)
  let bytes = await readSent(body, limits, decoders.length > 0)
  if (contentLength !== undefined && bytes.length < contentLength)
    throw new PhotoError('TRUNCATED_BODY', `${host}: expected ${contentLength} bytes, found ${bytes.length}`)
  for (const decoder of decoders) if (bytes.length > 0) bytes = await decodeWithin(limits, decoder, bytes)
  if (bytes.length === 0) throw new PhotoError('EMPTY_BODY', `${host}: no bytes`)
  return bytes
}

async function readSent(
  body: Readable,
  { maxBytes, host, contentLength, onStart, onBytes }: BodyLimits,
  encoded: boolean,
): Promise<Buffer> {
  if (contentLength !== undefined && contentLength > maxBytes)
    throw tooLarge(host, `expected at most ${maxBytes} bytes, found ${contentLength}`)
  const chunks: Buffer[] = []
  let length = 0
  let started = encoded
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length
    onBytes?.(length)
    if (length > maxBytes) throw tooLarge(host, `expected at most ${maxBytes} bytes, found more`)
    chunks.push(chunk)
    if (started || length < START_BYTES) continue
    started = true
    onStart?.(Buffer.concat(chunks, length))
  }
  return Buffer.concat(chunks, length)
}

async function decodeWithin({ maxBytes, host }: BodyLimits, { name, decode }: Decoder, bytes: Buffer): Promise<Buffer> {
  try {
    return await decode(bytes, { maxOutputLength: maxBytes })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(host, `expected at most ${maxBytes} bytes, found more after decompression`)
    if (code !== 'Z_BUF_ERROR') throw error
    const found = `expected a complete ${name} body, found ${bytes.length} bytes that end in the middle of it`
    throw new PhotoError('TRUNCATED_BODY', `${host}: ${found}`, { cause: error })
  }
}

/** In the order in which they are to be applied. */
function decodersOf({ contentEncoding = '', host }: BodyLimits): Decoder[] {
  const names = contentEncoding.split(',').map(name => name.trim().toLowerCase())
  const decoders = names.flatMap(name => {
    const decode = DECODERS.get(name)
    return decode === undefined ? [] : { name, decode }
  })
  if (decoders.length > MAX_ENCODINGS)
    throw new PhotoError(
      'NOT_AN_IMAGE',
      `${host}: at most ${MAX_ENCODINGS} content encodings expected, found ${decoders.length}`,
    )
  return decoders.reverse()
}

/** Whether bytes start like a zlib stream (RFC 1950): method 8, and a header that is a multiple of 31. */
function isZlib(bytes: Buffer): boolean {
  return bytes.length >= 2 && (bytes[0]! & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0
}

function tooLarge(host: string, what: string): PhotoError {
  return new PhotoError('TOO_LARGE', `${host}: ${what}`)
}
