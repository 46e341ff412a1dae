import type { Column, ColumnValue } from '../columns.js'
import type { ExportFormat } from '../export-format.js'
import { ParquetFile } from '../parquet/parquet-file.js'
import { NpyFile } from './npy-file.js'

/**
 * The layout of clip-retrieval's `clip-retrieval inference`, which its index, autofaiss and embedding-reader read:
 * `img_emb/img_emb_N.npy` and, row by row the same photos, `metadata/metadata_N.parquet`.
 */
export const npy: ExportFormat = {
  pageSize: 2000,
  isBinary: true,
  async openShard(number, { dimension, dtype, columns }, place) {
    const [id, ...others] = columns
    const vectors = await NpyFile.create(place(`img_emb/img_emb_${number}.npy`), dtype, dimension)
    const metadata = await ParquetFile.create(place(`metadata/metadata_${number}.parquet`), {
      columns: [id!, ...retrievalColumns(columns), ...others],
    })
    return {
      get bytes() {
        return vectors.bytes + metadata.bytes
      },
      async add(page) {
        await vectors.add(page.vectors)
        await metadata.add(page)
      },
      async close() {
        await vectors.close()
        await metadata.close()
      },
      async abort() {
        await Promise.all([vectors.abort(), metadata.abort()])
      },
    }
  },
}

/** The columns that clip-retrieval shows, as far as their sources are exported. */
function retrievalColumns(columns: readonly Column[]): Column[] {
  const named = (name: string) => columns.find(column => column.name === name)
  const [url, description, generated] = ['photo_image_url', 'photo_description', 'ai_description'].map(named)
  const caption: Column['valueOf'] = (page, i): ColumnValue =>
    description?.valueOf(page, i) ?? generated?.valueOf(page, i) ?? null
  return [
    { name: 'image_path', type: 'text', valueOf: ({ storedKeys }, i) => storedKeys[i]! },
    ...(description || generated ? [{ name: 'caption', type: 'text', valueOf: caption } as const] : []),
    ...(url ? [{ ...url, name: 'url' }] : []),
  ]
}
