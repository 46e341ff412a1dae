/** What the directories of a TIFF say about what it holds. */
export interface TiffContents {
  /** Data of a sensor: a camera RAW file (NEF, ARW, DNG, PEF, …) that calls itself TIFF. */
  isRaw: boolean
  xmp?: Buffer
  iptc?: Buffer
}

const MAX_DIRECTORIES = 32
const MAX_ENTRIES = 1000
const TAGS = { photometric: 262, subDirectories: 330, xmp: 700, iptc: 33_723, dngVersion: 50_706 } as const
/** Colour filter array; LinearRaw (DNG 1.6, "PhotometricInterpretation"). */
const SENSOR_DATA = [32_803, 34_892]
const SHORT = 3
const BYTES: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 7: 1, 13: 4 }

/**
 * Reads the directories of a TIFF, and of RAW files that differ from it in four bytes. Looks at a bounded number of
 * entries. Never throws.
 */
export function tiffContents(file: Buffer): TiffContents {
  const contents: TiffContents = { isRaw: false }
  const isLittle = file.toString('latin1', 0, 2) === 'II'
  if (file.length < 8 || (!isLittle && file.toString('latin1', 0, 2) !== 'MM')) return contents
  const u16 = (at: number) => (at + 2 > file.length ? 0 : isLittle ? file.readUInt16LE(at) : file.readUInt16BE(at))
  const u32 = (at: number) => (at + 4 > file.length ? 0 : isLittle ? file.readUInt32LE(at) : file.readUInt32BE(at))
  const queue = [u32(4)]
  const seen = new Set<number>()
  for (const start of queue) {
    if (start < 8 || start + 2 > file.length || seen.has(start) || seen.size >= MAX_DIRECTORIES) continue
    seen.add(start)
    const count = Math.min(u16(start), MAX_ENTRIES)
    for (let at = start + 2; at < start + 2 + 12 * count && at + 12 <= file.length; at += 12) {
      const [tag, type, length] = [u16(at), u16(at + 2), u32(at + 4)]
      const bytes = length * (BYTES[type] ?? 0)
      const block = () => (bytes > 4 ? file.subarray(u32(at + 8), u32(at + 8) + bytes) : undefined)
      if (tag === TAGS.dngVersion) contents.isRaw = true
      else if (tag === TAGS.photometric && type === SHORT && SENSOR_DATA.includes(u16(at + 8))) contents.isRaw = true
      else if (tag === TAGS.xmp && start === queue[0]) contents.xmp = block()
      else if (tag === TAGS.iptc && start === queue[0]) contents.iptc = block()
      else if (tag === TAGS.subDirectories && length > 0) {
        const list = length === 1 ? at + 8 : u32(at + 8)
        for (let i = 0; i < Math.min(length, MAX_DIRECTORIES); i++) queue.push(u32(list + 4 * i))
      }
    }
    queue.push(u32(start + 2 + 12 * u16(start)))
  }
  return contents
}
