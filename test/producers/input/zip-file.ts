import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipEntry {
  name: string
  content: Buffer
  encrypted?: boolean
  /** Written instead of the true checksum. */
  checksum?: number
}

const MAX_32 = 0xffffffff

/** The bytes of a zip archive (PKWARE APPNOTE 6.3), with zip64 records if asked for, however small it is. */
export function zipFile(entries: readonly ZipEntry[], { zip64 = false } = {}): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const { name, content, encrypted = false, checksum = crc32(content) } of entries) {
    const data = deflateRawSync(content)
    const fileName = Buffer.from(name)
    const common = fields([2, 45], [2, encrypted ? 1 : 0], [2, 8], [2, 0], [2, 0], [4, checksum])
    const sizes = [data.length, content.length] as const
    const local = Buffer.concat([
      fields([4, 0x04034b50]),
      common,
      fields([4, sizes[0]], [4, sizes[1]], [2, fileName.length], [2, 0]),
      fileName,
      data,
    ])
    const extra = zip64 ? fields([2, 1], [2, 24], [8, sizes[1]], [8, sizes[0]], [8, offset]) : Buffer.alloc(0)
    central.push(
      fields([4, 0x02014b50], [2, 45]),
      common,
      fields([4, zip64 ? MAX_32 : sizes[0]], [4, zip64 ? MAX_32 : sizes[1]], [2, fileName.length], [2, extra.length]),
      fields([2, 0], [2, 0], [2, 0], [4, 0], [4, zip64 ? MAX_32 : offset]),
      fileName,
      extra,
    )
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(central)
  const count = entries.length
  const end64 = zip64
    ? Buffer.concat([
        fields([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0]),
        fields([8, count], [8, count], [8, directory.length], [8, offset]),
        fields([4, 0x07064b50], [4, 0], [8, offset + directory.length], [4, 1]),
      ])
    : Buffer.alloc(0)
  const end = zip64
    ? fields([4, 0x06054b50], [2, 0], [2, 0], [2, 0xffff], [2, 0xffff], [4, MAX_32], [4, MAX_32], [2, 0])
    : fields([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, directory.length], [4, offset], [2, 0])
  return Buffer.concat([...locals, directory, end64, end])
}

/** Little-endian numbers of 2, 4 or 8 bytes. */
function fields(...values: [size: 2 | 4 | 8, value: number][]): Buffer {
  return Buffer.concat(
    values.map(([size, value]) => {
      const buffer = Buffer.alloc(size)
      if (size === 8) buffer.writeBigUInt64LE(BigInt(value))
      else buffer.writeUIntLE(value, 0, size)
      return buffer
    }),
  )
}
