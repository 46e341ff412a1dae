import { readdir, readFile } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import { builtFile } from '../../package-root.js'

const compress = promisify(gzip)
/** A compressed file that saves less than this is not worth its header. */
const LEAST_SAVING = 0.9

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.md': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
}

export interface PageFile {
  type: string
  plain: Buffer
  /** Null: as large as the plain file. */
  compressed: Buffer | null
}

/** The built page: its only document, and its assets by name. It is small, so it stays in memory. */
export interface PageFiles {
  index: PageFile
  assets: ReadonlyMap<string, PageFile>
}

/** @throws Error when the page is not built */
export async function readPageFiles(): Promise<PageFiles> {
  const index = builtFile('web/index.html')
  const folder = join(dirname(index), 'assets')
  const names = await readdir(folder)
  const assets = await Promise.all(names.map(async name => [name, await readPageFile(join(folder, name))] as const))
  return { index: await readPageFile(index), assets: new Map(assets) }
}

async function readPageFile(file: string): Promise<PageFile> {
  const plain = await readFile(file)
  const compressed = await compress(plain, { level: constants.Z_BEST_COMPRESSION })
  return {
    type: TYPES[extname(file)] ?? 'application/octet-stream',
    plain,
    compressed: compressed.length < LEAST_SAVING * plain.length ? compressed : null,
  }
}
