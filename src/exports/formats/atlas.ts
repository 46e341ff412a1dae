import { type Matrix, matrix } from '../../analysis/matrix/matrix.js'
import { Products } from '../../analysis/matrix/products.js'
import { type Neighbours, nearestNeighbours } from '../../analysis/projection/neighbours.js'
import { projectOntoPlane } from '../../analysis/projection/project.js'
import { AppError } from '../../domain/errors.js'
import type { ProjectionPoints } from '../../domain/ports/analysis/projections.js'
import type { VectorPage } from '../../domain/ports/vectors/vector-repository.js'
import type { AtlasOptions, AtlasPlaces } from '../atlas-options.js'
import type { Column } from '../columns.js'
import type { ExportFormat, ExportPlan, Preparation, ShardWriter } from '../export-format.js'
import { type NestedColumn, ParquetFile } from '../parquet/parquet-file.js'
import { shardName } from '../shard-name.js'

/** UMAP needs some, whether they are exported or not. */
const UMAP_NEIGHBOURS = 15
const PAGE_SIZE = 2000

/**
 * Parquet for Apple's embedding-atlas: `projection_x`, `projection_y` and `neighbors`, whose ids are numbers of rows over
 * all shards. The vectors themselves are left out. With a stored projection and without neighbours nothing depends on all
 * photos, so the export takes constant memory for vectors, and continues where it was interrupted. Else all vectors are in
 * memory while they are projected and compared.
 */
export function atlasFormat(options: AtlasOptions, places: AtlasPlaces): ExportFormat {
  if ('method' in places) return new ComputedAtlas(options, places)
  return options.neighbours > 0 ? new ComputedAtlas(options, places) : placedAtlas(options, places.stored)
}

/** Of the row of each photo of a page, the two coordinates. */
const axes = (coordinate: (page: VectorPage, index: number, axis: 0 | 1) => number): Column[] =>
  (['projection_x', 'projection_y'] as const).map((name, axis) => ({
    name,
    type: 'number',
    valueOf: (page, i) => coordinate(page, i, axis as 0 | 1),
  }))

const fileName = (number: number): string => `atlas-${shardName(number)}.parquet`

function placedAtlas({ projection }: AtlasOptions, stored: ProjectionPoints): ExportFormat {
  const coordinate = (page: VectorPage, i: number, axis: 0 | 1) =>
    stored.points[2 * placeIn(stored, page.ids[i]!, projection) + axis]!
  return {
    pageSize: PAGE_SIZE,
    isBinary: false,
    openShard: (number, { columns }, place) =>
      ParquetFile.create(place(fileName(number)), { columns: [...columns, ...axes(coordinate)] }),
  }
}

class ComputedAtlas implements ExportFormat {
  readonly pageSize = PAGE_SIZE
  readonly isBinary = false
  #ids: string[] = []
  #points: Float32Array = new Float32Array()
  #nearest: Neighbours | null = null
  #row = 0

  constructor(
    private readonly options: AtlasOptions,
    private readonly places: AtlasPlaces,
  ) {}

  async prepare({ photos, dimension }: ExportPlan, { pages, onProgress, signal }: Preparation): Promise<void> {
    const vectors = matrix(photos, dimension)
    for await (const page of pages) {
      // Photos that came after the count are left out.
      const room = Math.min(page.ids.length, photos - this.#ids.length)
      vectors.values.set(page.vectors.subarray(0, room * dimension), this.#ids.length * dimension)
      this.#ids.push(...page.ids.slice(0, room))
    }
    if (this.#ids.length !== photos) throw changed()
    this.#points = await this.#place(vectors, onProgress, signal)
    // A photo is no neighbour of itself, so there are fewer neighbours than photos.
    const neighbours = Math.min(this.options.neighbours, photos - 1)
    if (neighbours === 0) return
    const onRows = (rows: number) => onProgress(`neighbours ${rows} of ${photos}`)
    this.#nearest = await nearestNeighbours(vectors, neighbours, { onProgress: onRows, signal })
  }

  async openShard(number: number, { columns }: ExportPlan, place: (path: string) => string): Promise<ShardWriter> {
    const row = (page: VectorPage, i: number): number => {
      const at = this.#row + i
      if (this.#ids[at] !== page.ids[i]) throw changed()
      return at
    }
    const file = await ParquetFile.create(place(fileName(number)), {
      columns: [...columns, ...axes((page, i, axis) => this.#points[2 * row(page, i) + axis]!)],
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

  /** @returns [photos, 2] */
  async #place(vectors: Matrix, onProgress: (text: string) => void, signal: AbortSignal): Promise<Float32Array> {
    const { places, options } = this
    if ('stored' in places) {
      const { points } = places.stored
      const rows = this.#ids.map(id => placeIn(places.stored, id, options.projection))
      return Float32Array.from({ length: 2 * rows.length }, (_, at) => points[2 * rows[at >> 1]! + (at & 1)]!)
    }
    if (vectors.rows <= 2) return new Float32Array(2 * vectors.rows)
    const products = await Products.open()
    try {
      const { points } = await projectOntoPlane(products, vectors, {
        method: places.method,
        neighbours: Math.min(UMAP_NEIGHBOURS, vectors.rows - 1),
        seed: options.seed,
        signal,
        onProgress: (what, done, total) => onProgress(`${what} ${done} of ${total}`),
      })
      return points
    } finally {
      await products.close()
    }
  }
}

/** The index of a photo in a projection, by bisection. @throws AppError USAGE where it is not there */
function placeIn({ ids }: ProjectionPoints, id: string, name: string): number {
  let [low, end] = [0, ids.length]
  while (low < end) {
    const middle = (low + end) >> 1
    if (ids[middle]! < id) low = middle + 1
    else end = middle
  }
  if (ids[low] === id) return low
  throw new AppError(
    'USAGE',
    `The projection ${name} lacks the photo ${id}. Make it again (unsplash-clip analyze project --save ${name}), or export only the photos that it has.`,
  )
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
