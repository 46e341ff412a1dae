import type { VectorPage } from '../../domain/ports/vectors/vector-repository.js'
import type { Column } from '../columns.js'
import type { ExportFormat } from '../export-format.js'
import { shardName } from '../shard-name.js'
import { vectorText } from '../vector-bytes.js'
import { textShard, vectorAt } from './text-shard.js'

/** One JSON object per line and photo, with the names of the columns and `vector`, a list of numbers. */
export const jsonl: ExportFormat = {
  pageSize: 1000,
  isBinary: false,
  openShard: (number, { columns }, place) =>
    textShard([
      {
        path: place(`photos-${shardName(number)}.jsonl`),
        head: '',
        line: (page, i) =>
          `${rowJson(columns, page, i).slice(0, -1)},"vector":[${vectorText(vectorAt(page, i), ',')}]}\n`,
      },
    ]),
}

/** The columns of a photo as an object. */
export function rowJson(columns: readonly Column[], page: VectorPage, index: number): string {
  return JSON.stringify(Object.fromEntries(columns.map(column => [column.name, column.valueOf(page, index)])))
}
