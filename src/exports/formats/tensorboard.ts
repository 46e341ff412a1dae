import type { ExportFormat } from '../export-format.js'
import { shardName } from '../shard-name.js'
import { vectorText } from '../vector-bytes.js'
import { textShard, vectorAt } from './text-shard.js'

const tensors = (number: number): string => `tensors-${shardName(number)}.tsv`
const metadata = (number: number): string => `metadata-${shardName(number)}.tsv`

/** A log folder of TensorBoard's projector: per shard a table of vectors and one of metadata, and the list of them. */
export const tensorboard: ExportFormat = {
  pageSize: 1000,
  isBinary: false,
  openShard: (number, { columns }, place) =>
    textShard([
      {
        path: place(tensors(number)),
        head: '',
        line: (page, i) => `${vectorText(vectorAt(page, i), '\t')}\n`,
      },
      {
        path: place(metadata(number)),
        head: tsvLine(columns.map(({ name }) => name)),
        line: (page, i) => tsvLine(columns.map(column => column.valueOf(page, i) ?? '')),
      },
    ]),
  describe: ({ model }, shards) => [
    { path: 'projector_config.pbtxt', text: shards.map((_, number) => embedding(model, number)).join('') },
  ],
}

/** The projector's tables have no escapes. */
const tsvLine = (values: readonly (string | number | boolean)[]): string =>
  `${values.map(value => String(value).replace(/\s+/g, ' ')).join('\t')}\n`

/** A message of https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/projector/projector_config.proto. */
const embedding = (model: string, number: number): string => `embeddings {
  tensor_name: ${JSON.stringify(number === 0 ? model : `${model} ${number + 1}`)}
  tensor_path: "${tensors(number)}"
  metadata_path: "${metadata(number)}"
}
`
