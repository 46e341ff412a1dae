import { PhotoError } from '../domain/errors.js'

/** Enough bytes to recognise any format. */
export const HEAD_BYTES = 1024

const DECODED = ['JPEG', 'PNG', 'WebP', 'GIF', 'AVIF', 'TIFF', 'HEIC', 'BMP', 'RAW'] as const
export type ImageFormat = (typeof DECODED)[number]

/** First bytes in Latin-1; `?` stands for any byte. */
const SIGNATURES: readonly (readonly [format: string, ...heads: string[]])[] = [
  ['JPEG', '\xff\xd8\xff'],
  ['PNG', '\x89PNG\r\n\x1a\n'],
  ['WebP', 'RIFF????WEBP'],
  ['GIF', 'GIF87a', 'GIF89a'],
  // Canon CR2, Olympus ORF, Panasonic RW2, Fujifilm RAF, Canon CR3. Others look like TIFF: see formats/tiff-directories.ts.
  ['RAW', 'II*\0????CR', 'IIRO', 'IIRS', 'MMOR', 'IIU\0', 'FUJIFILMCCD-RAW', '????ftypcrx '],
  ['TIFF', 'II*\0', 'MM\0*', 'II+\0', 'MM\0+'],
  ['AVIF', '\0\0??ftypavif', '\0\0??ftypavis'],
  [
    'HEIC',
    ...[
      'heic',
      'heix',
      'heim',
      'heis',
      'hevc',
      'hevx',
      'hevm',
      'hevs',
      'avci',
      'avcs',
      'mif1',
      'msf1',
      'mif2',
      'miaf',
    ].map(brand => `????ftyp${brand}`),
  ],
  ['JPEG XL', '\xff\x0a', '\0\0\0\x0cJXL '],
  ['JPEG 2000', '\xff\x4f\xff\x51', '\0\0\0\x0cjP  '],
  ['PDF', '%PDF-'],
  ['PostScript', '%!PS'],
  ['ICO', '\0\0\x01\0?\0', '\0\0\x02\0?\0'],
  ['BMP', 'BM????\0\0\0\0'],
  ['PSD', '8BPS'],
  ['OpenEXR', 'v/1\x01'],
  ['DDS', 'DDS '],
  ['FITS', 'SIMPLE  ='],
  ['Radiance', '#?RADIANCE'],
  ['Netpbm', 'P1\n', 'P2\n', 'P3\n', 'P4\n', 'P5\n', 'P6\n', 'P7\n'],
]

/** First bytes of videos. They are asked for last, because a HEIF begins like an MP4. */
const VIDEO_HEADS = [
  '????ftyp',
  '\x1aE\xdf\xa3',
  '????moov',
  '????mdat',
  '????wide',
  'RIFF????AVI ',
  '\0\0\x01\xba',
  'FLV\x01',
]

/**
 * Names the type of a file by its first bytes.
 * @param head the first {@link HEAD_BYTES} bytes, or all of a shorter file
 * @returns undefined for what is neither an image nor a video, as far as known
 */
export function typeByContent(head: Uint8Array): { type: string; isDecoded: boolean } | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, HEAD_BYTES)).toString('latin1')
  const type = formatOf(text) ?? (VIDEO_HEADS.some(signature => startsWith(text, signature)) ? 'video' : undefined)
  return type === undefined ? undefined : { type, isDecoded: isDecoded(type) }
}

/**
 * Recognises the format of an image by its first bytes. Its name and content type do not count.
 * @throws PhotoError EMPTY_BODY, UNSUPPORTED_IMAGE (an image, but not decoded here), NOT_AN_IMAGE
 */
export function imageFormat(image: Uint8Array): ImageFormat {
  if (image.length === 0) throw new PhotoError('EMPTY_BODY', 'no bytes')
  const head = Buffer.from(image.buffer, image.byteOffset, Math.min(image.length, HEAD_BYTES)).toString('latin1')
  const format = formatOf(head)
  if (format === undefined)
    throw new PhotoError('NOT_AN_IMAGE', `the first bytes are ${JSON.stringify(printableHead(head))}`)
  if (!isDecoded(format)) throw new PhotoError('UNSUPPORTED_IMAGE', `${format}; decoded are ${DECODED.join(', ')}`)
  return format
}

function formatOf(head: string): string | undefined {
  if (isAvifInDisguise(head)) return 'AVIF'
  if (isSvg(head)) return 'SVG'
  return SIGNATURES.find(([, ...heads]) => heads.some(signature => startsWith(head, signature)))?.[0]
}

function startsWith(head: string, signature: string): boolean {
  return head.length >= signature.length && [...signature].every((byte, i) => byte === '?' || byte === head[i])
}

/** HEIF brands share a header; an AVIF may call itself `mif1` and name `avif` among the compatible brands. */
function isAvifInDisguise(head: string): boolean {
  const isGeneric = ['mif1', 'msf1', 'miaf'].some(brand => startsWith(head, `\0\0??ftyp${brand}`))
  return isGeneric && /avi[fs]/.test(head.slice(16, 48))
}

/** HTML that contains a drawing is HTML. */
function isSvg(head: string): boolean {
  return /^(\xef\xbb\xbf)?\s*</.test(head) && /<(svg:)?svg[\s>]/i.test(head) && !/<(!doctype\s+)?html/i.test(head)
}

function isDecoded(format: string): format is ImageFormat {
  return (DECODED as readonly string[]).includes(format)
}

function printableHead(head: string): string {
  return head.slice(0, 16).replace(/[^ -~]/g, '.')
}
