import { datasetCard } from '../dataset-card.js'
import type { ExportFormat } from '../export-format.js'
import { ParquetFile } from '../parquet/parquet-file.js'
import { shardName } from '../shard-name.js'

/** One row per photo: its id, metadata, labels and vector. The folder is a dataset of Hugging Face. */
export const parquet: ExportFormat = {
  pageSize: 2000,
  isBinary: true,
  openShard: (number, { columns, dtype }, place) =>
    ParquetFile.create(place(`data/train-${shardName(number)}.parquet`), {
      columns,
      vector: { name: 'vector', dtype },
    }),
  describe: (plan, shards) => [{ path: 'README.md', text: datasetCard(plan, shards) }],
}
