import { isUtf8 } from 'node:buffer'

/** What IPTC-IIM records about a photo; absent fields are left out. */
export interface IptcFields {
  title?: string
  caption?: string
  keywords?: string[]
  author?: string
  city?: string
  country?: string
}

/** Datasets of record 2 (IPTC-NAA Information Interchange Model 4.2, section 6). */
const DATASETS: Readonly<Record<number, keyof IptcFields>> = {
  5: 'title',
  25: 'keywords',
  80: 'author',
  90: 'city',
  101: 'country',
  120: 'caption',
}
const MARKER = 0x1c
/** JPEG holds 64 KiB; hostile files of other formats hold as much as they like. */
const MAX_BYTES = 1 << 20
const MAX_KEYWORDS = 500
const MAX_RESOURCES = 1000

/**
 * Reads the IPTC record of a photo: bare, or in Photoshop's resource 0x0404, as JPEG wraps it. Never throws; reading
 * ends where the record is damaged, and after 1 MiB; the first 500 keywords count.
 */
export function readIptc(block: Buffer): IptcFields {
  const record = recordIn(block).subarray(0, MAX_BYTES)
  const fields: IptcFields = {}
  for (let at = 0; at + 5 <= record.length && record[at] === MARKER; ) {
    const [kind, dataset, length] = [record[at + 1], record[at + 2]!, record.readUInt16BE(at + 3)]
    const value = record.subarray(at + 5, at + 5 + length)
    // Bit 15 marks a length of more than two bytes, which no text has.
    if (length >= 0x8000 || value.length < length) break
    at += 5 + length
    const name = kind === 2 ? DATASETS[dataset] : undefined
    if (name === undefined) continue
    // Dataset 1:90 names the character set. Programs write UTF-8 without it.
    const text = value.toString(isUtf8(value) ? 'utf8' : 'latin1').trim()
    if (text === '') continue
    if (name !== 'keywords') {
      fields[name] ??= text
      continue
    }
    fields.keywords ??= []
    if (fields.keywords.length < MAX_KEYWORDS) fields.keywords.push(text)
  }
  return fields
}

/** Adobe Photoshop File Formats Specification, "Image Resource Blocks". */
function recordIn(block: Buffer): Buffer {
  const wrapped = block.toString('latin1', 0, 14) === 'Photoshop 3.0\0'
  let at = wrapped ? 14 : 0
  if (!wrapped && block.toString('latin1', 0, 4) !== '8BIM') return block
  for (
    let i = 0;
    i < MAX_RESOURCES && block.toString('latin1', at, at + 4) === '8BIM' && at + 12 <= block.length;
    i++
  ) {
    const id = block.readUInt16BE(at + 4)
    const name = block[at + 6]! + 1
    const sizeAt = at + 6 + name + (name % 2)
    if (sizeAt + 4 > block.length) break
    const size = block.readUInt32BE(sizeAt)
    if (id === 0x0404) return block.subarray(sizeAt + 4, sizeAt + 4 + size)
    at = sizeAt + 4 + size + (size % 2)
  }
  return Buffer.alloc(0)
}
