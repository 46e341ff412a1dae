import type { PhotoColumn } from '../../domain/photo.js'
import { readRecords, type Table } from '../input/table-reader.js'

/** Enough to see some photos of the Americas and East Asia, whose longitudes cannot be latitudes. */
const RECORDS = 5000
const PAIRS = [
  ['photo_location_latitude', 'photo_location_longitude'],
  ['ai_primary_landmark_latitude', 'ai_primary_landmark_longitude'],
] as const satisfies (readonly [PhotoColumn, PhotoColumn])[]

/**
 * Puts latitude and longitude the right way round: releases of the dataset before 1.3.0 have tables in which they are
 * swapped (https://github.com/unsplash/datasets/issues/63). The values decide: latitudes beyond 90 degrees do not exist, so
 * a table with such latitudes and no such longitudes is swapped as a whole. A later part whose start has no place beyond 90
 * degrees is read as the one before.
 * @returns the tables, with the columns exchanged where they are swapped, and a warning that says so
 */
export async function placesInOrder(
  tables: readonly Table<PhotoColumn>[],
): Promise<{ tables: Table<PhotoColumn>[]; warnings: string[] }> {
  const ordered: Table<PhotoColumn>[] = []
  const swappedParts = new Set<string>()
  const isSwapped = PAIRS.map(() => false)
  for (const table of tables) {
    const verdicts = await verdictsOf(table)
    let header = table.header
    for (const [i, [latitude, longitude]] of PAIRS.entries()) {
      isSwapped[i] = verdicts[i] ?? isSwapped[i]!
      if (!isSwapped[i]) continue
      header = header.map(column => (column === latitude ? longitude : column === longitude ? latitude : column))
      swappedParts.add(table.part.name)
    }
    ordered.push({ ...table, header })
  }
  const warnings =
    swappedParts.size === 0
      ? []
      : [
          `Latitude and longitude are swapped in ${[...swappedParts].join(', ')}, as in releases before 1.3.0. They are read the right way round.`,
        ]
  return { tables: ordered, warnings }
}

/** Whether each pair is swapped; undefined: the start of the table does not tell. */
async function verdictsOf(table: Table<PhotoColumn>): Promise<(boolean | undefined)[]> {
  const fields = PAIRS.map(pair => pair.map(column => table.header.indexOf(column)) as [number, number])
  if (fields.every(([latitude, longitude]) => latitude < 0 || longitude < 0)) return PAIRS.map(() => undefined)
  const beyond = PAIRS.map(() => ({ latitudes: 0, longitudes: 0 }))
  let records = 0
  for await (const record of readRecords(table)) {
    if (records++ === RECORDS) break
    for (const [i, [latitude, longitude]] of fields.entries()) {
      if (latitude < 0 || longitude < 0 || record.problem) continue
      const [first, second] = [Math.abs(Number(record.fields[latitude])), Math.abs(Number(record.fields[longitude]))]
      if (first > 90 && first <= 180 && second <= 90) beyond[i]!.latitudes++
      if (second > 90 && second <= 180 && first <= 90) beyond[i]!.longitudes++
    }
  }
  return beyond.map(({ latitudes, longitudes }) =>
    latitudes === longitudes ? undefined : longitudes === 0 ? true : latitudes < longitudes ? false : undefined,
  )
}
