import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { PhotoColumn } from '../../../src/domain/photo.js'
import { openInput } from '../../../src/producers/input/open-input.js'
import { DATASET_HEADER } from '../../../src/producers/input/photo-row.js'
import type { BadRow, PhotoRow, Source, SourceRow } from '../../../src/producers/input/source.js'

export type Values = Partial<Record<PhotoColumn, string>>

/** A folder that is removed at the end of the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-producers-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes files into a folder; returns its path. */
export async function folderWith(files: Record<string, string | Buffer>): Promise<string> {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

/** A row's values for an id that has eleven characters, as Unsplash's have. */
export function photoValues(number: number, values: Values = {}): Values {
  const id = `photo${String(number).padStart(6, '0')}`
  return { photo_id: id, photo_image_url: `https://images.unsplash.com/${id}`, ...values }
}

export function tsvHeader(columns: readonly string[] = DATASET_HEADER): string {
  return columns.join('\t')
}

/** One line without its end; values are written as they are, quotes are the caller's. */
export function tsvLine(values: Values, columns: readonly PhotoColumn[] = DATASET_HEADER): string {
  return columns.map(column => values[column] ?? '').join('\t')
}

/** A table with a header and these rows. */
export function tsv(rows: readonly Values[]): string {
  return [tsvHeader(), ...rows.map(values => tsvLine(values)), ''].join('\n')
}

export function numbered(count: number, from = 1): Values[] {
  return Array.from({ length: count }, (_, i) => photoValues(from + i))
}

export async function readAll(paths: string | readonly string[]): Promise<{
  source: Source
  rows: SourceRow[]
  photos: PhotoRow[]
  bad: BadRow[]
}> {
  const source = await openInput(paths)
  const nothingKnown = { unchanged: async () => new Map<string, string>() }
  try {
    const rows: SourceRow[] = []
    for await (const row of source.rows(nothingKnown)) rows.push(row)
    const photos = rows.filter((row): row is PhotoRow => row.problem === undefined)
    const bad = rows.filter((row): row is BadRow => row.problem !== undefined)
    return { source, rows, photos, bad }
  } finally {
    await source.close()
  }
}

/** Reads the content of one file. */
export async function readContent(name: string, content: string | Buffer): ReturnType<typeof readAll> {
  return readAll(join(await folderWith({ [name]: content }), name))
}

/** Problems by line: what a test compares. */
export function problems(bad: readonly BadRow[]): [line: number, code: string][] {
  return bad.map(row => [row.line, row.problem.code])
}
