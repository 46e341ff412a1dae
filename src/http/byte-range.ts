import { RequestError } from '../domain/errors.js'

export interface ByteRange {
  first: number
  /** Inclusive. */
  last: number
}

/**
 * Reads a Range header (RFC 9110, 14.2).
 * @returns null: send everything, as for several ranges and for other units
 * @throws RequestError RANGE_INVALID for a range that begins behind the end
 */
export function byteRange(header: string | undefined, length: number): ByteRange | null {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? []
  if (from === '' && to === '') return null
  if (from !== '' && to !== '' && Number(from) > Number(to)) return null
  const first = from === '' ? Math.max(0, length - Number(to)) : Number(from)
  const last = from === '' || to === '' ? length - 1 : Math.min(Number(to), length - 1)
  if (first <= last) return { first, last }
  throw new RequestError('RANGE_INVALID', `The copy has ${length} bytes.`, {
    field: 'headers.range',
    expected: `a range within bytes 0 to ${length - 1}`,
    found: header,
  })
}
