import { constants, type Dirent } from 'node:fs'
import { open } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { formatCount } from '../../domain/text/format.js'
import { HEAD_BYTES, typeByContent } from '../../images/image-format.js'

/** What was passed over below folders, for reports. Each reading counts from 0. */
export interface SkippedFiles {
  /** Files that hold no photo, by type: `PDF`, `video`, `xmp`, `unknown`. */
  byType: Record<string, number>
  /** RAW files beside their JPEG or HEIC, and videos of Live Photos: each pair counts once. */
  paired: number
  /** Paths of the videos among the skipped files. */
  videos: string[]
}

export function noneSkipped(): SkippedFiles {
  return { byType: {}, paired: 0, videos: [] }
}

/** The skipped types in words: `2 PDF, 1 unknown`; empty without any. */
export function describeSkipped({ byType }: SkippedFiles): string {
  const types = Object.entries(byType).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
  return types.map(([type, count]) => `${formatCount(count)} ${type}`).join(', ')
}

/** Names that are taken without a look at the file. */
const RENDERED = /\.(?:jpe?g|jfif|jpe|png|webp|gif|avif|tiff?|bmp|dib|hei[cf]|hif)$/i
const RAW = /\.(?:cr[23]|nef|nrw|arw|srf|sr2|dng|orf|rw2|raf|pef|srw)$/i
const CAMERA_JPEG = /\.(?:jpe?g|hei[cf]|hif)$/i
const LIVE_VIDEO = /\.(?:mov|mp4)$/i
/** Files whose first bytes are read at the same time. */
const READ_AT_ONCE = 16

/**
 * The files of one folder that hold photos: by their names, and where a name says nothing by their first bytes; see
 * {@link chooseNames}.
 * @param entries files and links of the folder
 * @param skipped counts the others
 */
export async function chooseFiles(
  folder: string,
  entries: readonly Dirent[],
  skipped: SkippedFiles,
): Promise<Pick<ChosenNames, 'chosen' | 'raws'>> {
  const names = entries.filter(({ name }) => !name.startsWith('.')).map(({ name }) => name)
  const { chosen, raws, others } = chooseNames(names, skipped)
  for (let from = 0; from < others.length; from += READ_AT_ONCE)
    await Promise.all(
      others.slice(from, from + READ_AT_ONCE).map(async name => {
        const found = await typeOfFile(join(folder, name))
        if (found === null) return
        if (found?.isDecoded) chosen.add(name)
        else countSkipped(skipped, name, found?.type, join(folder, name))
      }),
    )
  return { chosen, raws }
}

export interface ChosenNames {
  /** Names of photos. */
  chosen: Set<string>
  /** RAW files that were passed over, by the JPEG or HEIC of the same name. */
  raws: Map<string, string>
  /** Names that say nothing. */
  others: string[]
}

/**
 * What the names of one folder say. Of a RAW file and a JPEG or HEIC with the same name, the rendered one is taken, unless
 * the RAW file is embedded and the other is not known ({@link ChosenNames.raws}); of a Live Photo, the still.
 * @param skipped counts the others of such pairs
 */
export function chooseNames(names: readonly string[], skipped: SkippedFiles): ChosenNames {
  const stills = new Map<string, string>()
  for (const name of names) if (CAMERA_JPEG.test(name) && !stills.has(stem(name))) stills.set(stem(name), name)
  const chosen = new Set<string>()
  const raws = new Map<string, string>()
  const others: string[] = []
  for (const name of names)
    if (RAW.test(name) && stills.has(stem(name))) {
      skipped.paired++
      raws.set(stills.get(stem(name))!, name)
    } else if (RENDERED.test(name) || RAW.test(name)) chosen.add(name)
    else if (LIVE_VIDEO.test(name) && stills.has(stem(name))) skipped.paired++
    else others.push(name)
  return { chosen, raws, others }
}

/** @param type by the first bytes; undefined: the extension tells it */
export function countSkipped(skipped: SkippedFiles, name: string, type: string | undefined, path: string): void {
  const counted = type ?? (extname(name).slice(1).toLowerCase() || 'unknown')
  skipped.byType[counted] = (skipped.byType[counted] ?? 0) + 1
  if (counted === 'video') skipped.videos.push(path)
}

/** @returns undefined: neither an image nor a video; null: no file that can be read, or an empty one */
export async function typeOfFile(path: string): Promise<ReturnType<typeof typeByContent> | null> {
  try {
    // Without O_NONBLOCK a named pipe would block.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      if (!(await file.stat()).isFile()) return null
      const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
      return bytesRead === 0 ? null : typeByContent(buffer.subarray(0, bytesRead))
    } finally {
      await file.close()
    }
  } catch {
    return null
  }
}

/** What a RAW file and its JPEG have in common: the name without extension, in lower case. */
export function stem(name: string): string {
  return name.slice(0, -extname(name).length).toLowerCase()
}

const STILL_EXTENSIONS = ['jpg', 'jpeg', 'heic', 'heif', 'hif']

/** Where the rendered file of a RAW file may lie, which is taken instead of it; empty for other files. */
export function stillsOf(path: string): string[] {
  if (!RAW.test(path)) return []
  const start = path.slice(0, -extname(path).length)
  return STILL_EXTENSIONS.flatMap(extension => [`${start}.${extension}`, `${start}.${extension.toUpperCase()}`])
}
