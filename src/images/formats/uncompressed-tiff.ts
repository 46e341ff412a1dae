/** Where the pixels begin. */
export const PIXELS_AT = 8

const SHORT = 3
const LONG = 4
const UNDEFINED = 7
const ENTRY_BYTES = 12

/** @returns memory for such a TIFF: pixels go to {@link PIXELS_AT}, row by row, and {@link describePixels} completes it */
export function tiffMemory(width: number, height: number, profile?: Uint8Array): Buffer {
  const directory = 2 + 13 * ENTRY_BYTES + 4
  return Buffer.alloc(PIXELS_AT + padded(width * height * 3) + directory + 6 + (profile?.length ?? 0))
}

/**
 * Writes header and directory of an uncompressed RGB TIFF around pixels, so that what was decoded here goes the way of
 * every image file. TIFF 6.0, section 6.
 * @param tiff of {@link tiffMemory}
 * @param profile ICC profile
 */
export function describePixels(tiff: Buffer, width: number, height: number, profile?: Uint8Array): void {
  const bytes = width * height * 3
  const directoryAt = PIXELS_AT + padded(bytes)
  const entries: [tag: number, type: number, count: number, value: number][] = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    // Three numbers of 16 bits do not fit an entry: they stand behind the directory.
    [258, SHORT, 3, 0],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, 2],
    [273, LONG, 1, PIXELS_AT],
    [277, SHORT, 1, 3],
    [278, LONG, 1, height],
    [279, LONG, 1, bytes],
    [284, SHORT, 1, 1],
    ...(profile ? [[34675, UNDEFINED, profile.length, 0] as [number, number, number, number]] : []),
  ]
  const valuesAt = directoryAt + 2 + entries.length * ENTRY_BYTES + 4
  tiff.write('II*\0', 0, 'latin1')
  tiff.writeUInt32LE(directoryAt, 4)
  tiff.writeUInt16LE(entries.length, directoryAt)
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    const at = directoryAt + 2 + i * ENTRY_BYTES
    tiff.writeUInt16LE(tag, at)
    tiff.writeUInt16LE(type, at + 2)
    tiff.writeUInt32LE(count, at + 4)
    tiff.writeUInt32LE(tag === 258 ? valuesAt : tag === 34675 ? valuesAt + 6 : value, at + 8)
  }
  for (const i of [0, 1, 2]) tiff.writeUInt16LE(8, valuesAt + 2 * i)
  if (profile) tiff.set(profile, valuesAt + 6)
}

function padded(bytes: number): number {
  return bytes + (bytes % 2)
}
