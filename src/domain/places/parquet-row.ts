import { pathToFileURL } from 'node:url'

/** An image that lies in a row of a Parquet file. */
export interface ParquetRow {
  /** Of the file, absolute. */
  path: string
  /** From 0. */
  row: number
}

/** The place of such an image: `/data/train-00000.parquet#row=17`. */
export function rowPath({ path, row }: ParquetRow): string {
  return `${path}#row=${row}`
}

/** @param place a recorded path, or the URL of a photo @returns null for a file of its own */
export function parquetRow(place: string): ParquetRow | null {
  const [, path, row] = /^(.*)#row=(\d{1,12})$/s.exec(place) ?? []
  return path === undefined ? null : { path, row: Number(row) }
}

/** The URL of a file, or of a row of one. */
export function fileUrl(place: string): string {
  const row = parquetRow(place)
  return row === null ? pathToFileURL(place).href : rowPath({ ...row, path: pathToFileURL(row.path).href })
}
