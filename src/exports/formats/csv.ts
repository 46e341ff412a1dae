import { type CsvValue, csvLine } from '../../domain/text/csv.js'
import type { ExportFormat } from '../export-format.js'
import { shardName } from '../shard-name.js'
import { vectorText } from '../vector-bytes.js'
import { textShard, vectorAt } from './text-shard.js'

/** One record per photo. The vector is the last field, as `[0.1,0.2]`: pgvector, DuckDB and JSON read it. */
export const csv: ExportFormat = {
  pageSize: 1000,
  isBinary: false,
  openShard: (number, { columns }, place) => {
    const [, ...others] = columns
    const line = (values: CsvValue[], vector: string) => `${csvLine(values).slice(0, -2)},${vector}\r\n`
    return textShard([
      {
        path: place(`photos-${shardName(number)}.csv`),
        head: csvLine([...columns.map(({ name }) => name), 'vector']),
        line: (page, i) =>
          line(
            [{ id: page.ids[i]! }, ...others.map(column => column.valueOf(page, i))],
            `"[${vectorText(vectorAt(page, i), ',')}]"`,
          ),
      },
    ])
  },
}
