import { type Matrix, matrix } from '../../analysis/matrix/matrix.js'
import { Products } from '../../analysis/matrix/products.js'
import { type Neighbours, nearestNeighbours } from '../../analysis/projection/neighbours.js'
import { projectOntoPlane } from '../../analysis/projection/project.js'
import { AppError } from '../../domain/errors.js'
import type { VectorPage } from '../../domain/ports/vectors/vector-repository.js'
import type { AtlasOptions } from '../atlas-options.js'
import type { Column } from '../columns.js'
import type { ExportFormat, ExportPlan, Preparation, ShardWriter } from '../export-format.js'
import { type NestedColumn, ParquetFile } from '../parquet/parquet-file.js'
import { shardName } from '../shard-name.js'

/** UMAP needs some, whether they are exported or not. */
const UMAP_NEIGHBOURS = 15

/**
 * Parquet for Apple's embedding-atlas: `projection_x`, `projection_y` and `neighbors`, whose ids are numbers of rows over
 * all shards. The vectors themselves are left out. All of them are in memory while they are projected.
 */
export class AtlasFormat implements ExportFormat {
  readonly pageSize = 2000
  readonly isBinary = false
  #ids: string[] = []
  #points: Float32Array = new Float32Array()
  #nearest: Neighbours | null = null
  #row = 0

  constructor(private readonly options: AtlasOptions) {}

  async prepare({ photos, dimension }: ExportPlan, { pages, onProgress, signal }: Preparation): Promise<void> {
    const vectors = matrix(photos, dimension)
    for await (const page of pages) {
      // Photos that came after the count are left out.
      const room = Math.min(page.ids.length, photos - this.#ids.length)
      vectors.values.set(page.vectors.subarray(0, room * dimension), this.#ids.length * dimension)
      this.#ids.push(...page.ids.slice(0, room))
    }
    if (this.#ids.length !== photos) throw changed()
    await this.#project(vectors, onProgress, signal)
  }

  async openShard(number: number, { columns }: ExportPlan, place: (path: string) => string): Promise<ShardWriter> {
    const row = (page: VectorPage, i: number): number => {
      const at = this.#row + i
      if (this.#ids[at] !== page.ids[i]) throw changed()
      return at
    }
    const axis = (name: string, offset: 0 | 1): Column => ({
      name,
      type: 'number',
      valueOf: (page, i) => this.#points[2 * row(page, i) + offset]!,
    })
    const file = await ParquetFile.create(place(`atlas-${shardName(number)}.parquet`), {
      columns: [...columns, axis('projection_x', 0), axis('projection_y', 1)],
      nested: this.#nearest === null ? [] : [neighbourColumn(this.#nearest, row)],
    })
    return {
      get bytes() {
        return file.bytes
      },
      add: async page => {
        await file.add(page)
        this.#row += page.ids.length
      },
      close: () => file.close(),
      abort: () => file.abort(),
    }
  }

  async #project(vectors: Matrix, onProgress: (text: string) => void, signal: AbortSignal): Promise<void> {
    const { projection: method, seed } = this.options
    // A photo is no neighbour of itself, so there are fewer neighbours than photos.
    const neighbours = Math.min(this.options.neighbours, vectors.rows - 1)
    const tell = (what: string, done: number, total: number) => onProgress(`${what} ${done} of ${total}`)
    if (vectors.rows > 2) {
      const most = Math.min(UMAP_NEIGHBOURS, vectors.rows - 1)
      const products = await Products.open()
      const options = { method, neighbours: most, seed, signal, onProgress: tell }
      try {
        this.#points = (await projectOntoPlane(products, vectors, options)).points
      } finally {
        await products.close()
      }
    } else this.#points = new Float32Array(2 * vectors.rows)
    if (neighbours === 0) return
    const onRows = (rows: number) => tell('neighbours', rows, vectors.rows)
    this.#nearest = await nearestNeighbours(vectors, neighbours, { onProgress: onRows, signal })
  }
}

function neighbourColumn(
  { k, rows, distances }: Neighbours,
  rowOf: (page: VectorPage, index: number) => number,
): NestedColumn {
  const list = (name: string, type: 'INT32' | 'FLOAT') =>
    [
      { name, num_children: 1, converted_type: 'LIST', repetition_type: 'REQUIRED' },
      { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
      { name: 'element', type, repetition_type: 'REQUIRED' },
    ] as const
  return {
    schema: [
      { name: 'neighbors', num_children: 2, repetition_type: 'REQUIRED' },
      ...list('ids', 'INT32'),
      ...list('distances', 'FLOAT'),
    ],
    valuesOf: page =>
      page.ids.map((_, i) => {
        const from = rowOf(page, i) * k
        return {
          ids: Array.from(rows.subarray(from, from + k)),
          distances: Array.from(distances.subarray(from, from + k)),
        }
      }),
  }
}

const changed = (): AppError =>
  new AppError(
    'EXPORT_DIFFERS',
    'Expected the photos that were projected; photos came or went meanwhile. Start the same command again.',
  )
