import { formatQuantity } from '../domain/text/format.js'
import type { ExportPlan, Shard } from './export-format.js'

/** Of https://huggingface.co/docs/hub/datasets-cards: upper limits of the named sizes. */
const SIZES: [photos: number, name: string][] = [
  [1e3, 'n<1K'],
  [1e4, '1K<n<10K'],
  [1e5, '10K<n<100K'],
  [1e6, '100K<n<1M'],
  [1e7, '1M<n<10M'],
  [1e8, '10M<n<100M'],
  [1e9, '100M<n<1B'],
]

/** The README of a dataset: the description that Hugging Face reads, and a table of its columns. */
export function datasetCard({ model, dimension, dtype, columns }: ExportPlan, shards: readonly Shard[]): string {
  const photos = shards.reduce((sum, shard) => sum + shard.photos, 0)
  const size = SIZES.find(([limit]) => photos < limit)?.[1] ?? 'n>1B'
  const rows = [
    ...columns.map(({ name, type }) => [name, type]),
    ['vector', `list of ${dimension} ${dtype}, of unit length`],
  ]
  return `---
pretty_name: Photos with embeddings of ${model}
tags:
- image-embeddings
- clip
size_categories:
- ${size}
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*.parquet
---

# Photos with embeddings of ${model}

${formatQuantity(photos, 'photo')} in the order of their ids, exported by unsplash-clip. \`manifest.json\` has the number of photos and the
SHA-256 digest of each file.

\`\`\`python
from datasets import load_dataset

photos = load_dataset("FOLDER", split="train").with_format("numpy")
\`\`\`

The dot product of two vectors is their cosine similarity. Unknown values are null.

| column | type |
|---|---|
${rows.map(row => `| ${row.join(' | ')} |`).join('\n')}
`
}
