import { type Matrix, matrix, rowOf } from '../analysis/matrix/matrix.js'
import type { Products } from '../analysis/matrix/products.js'
import type { ModelId } from '../domain/ports/repository.js'
import type { VectorRepository } from '../domain/ports/vectors/vector-repository.js'
import { normalise } from '../domain/similarity.js'

/** Photos per statement and product. */
const PAGE_SIZE = 1000
/** The lowest mean similarities of this share of the photos are raised to the next one, as searches do. */
const FLOOR_SHARE = 0.01
/** Bytes of lists that are kept at a time. */
const LIST_BYTES = 200e6
const ENTRY_BYTES = 48

/** A correction that is not stored: `weight` times the mean similarity to the `k` nearest reference texts is subtracted. */
export interface TriedCorrection {
  k: number
  weight: number
}

/**
 * Ranks all photos of a model under corrections that no search uses yet: in this process, exactly, without writing
 * anything (Nearest Neighbor Normalization, N. Chowdhury et al., EMNLP 2024, arXiv 2410.24114). Memory: 4 bytes per
 * photo and k, the ids of the photos, and lists of at most 200 MB.
 */
export class TriedCorrections {
  /** Mean similarity to the nearest texts by photo, for each k in the order of `#ks`. */
  #means: Map<string, Float32Array> | undefined
  readonly #ks: number[]
  readonly #references: Matrix

  /** @param references vectors of the texts, at least as many as the largest k, [dimension] each */
  constructor(
    private readonly vectors: Pick<VectorRepository, 'read'>,
    private readonly products: Products,
    private readonly modelId: ModelId,
    references: readonly Float32Array[],
    private readonly corrections: readonly TriedCorrection[],
  ) {
    this.#references = unitRows(references)
    this.#ks = [...new Set(corrections.map(({ k }) => k))]
  }

  /** Queries that are ranked together without exceeding the memory. */
  queriesAtOnce(depth: number): number {
    return Math.max(1, Math.floor(LIST_BYTES / (ENTRY_BYTES * 2 * depth * this.corrections.length)))
  }

  /**
   * @param queries [dimension] each
   * @returns ids by falling corrected score, then by id: [corrections][queries][at most depth]
   */
  async rank(queries: readonly Float32Array[], depth: number, signal: AbortSignal): Promise<string[][][]> {
    this.#means ??= await this.#measure(signal)
    const places = this.corrections.map(({ k }) => this.#ks.indexOf(k))
    const lists = this.corrections.map(() => queries.map(() => new TopList(depth)))
    const wanted = unitRows(queries)
    for await (const { ids, photos } of this.#pages(signal)) {
      const scores = await this.products.ofRows(photos, wanted, { signal })
      for (const [row, id] of ids.entries()) {
        const means = this.#means.get(id)
        // It came after the means were measured.
        if (means === undefined) continue
        const ofPhoto = rowOf(scores, row)
        for (const [c, { weight }] of this.corrections.entries()) {
          const correction = weight * means[places[c]!]!
          for (const [q, list] of lists[c]!.entries()) list.add(ofPhoto[q]! - correction, id)
        }
      }
    }
    return lists.map(ofCorrection => ofCorrection.map(list => list.ids()))
  }

  async #measure(signal: AbortSignal): Promise<Map<string, Float32Array>> {
    const means = new Map<string, Float32Array>()
    for await (const { ids, photos } of this.#pages(signal)) {
      const scores = await this.products.ofRows(photos, this.#references, { signal })
      for (const [row, id] of ids.entries()) means.set(id, this.#topMeans(rowOf(scores, row)))
    }
    for (const place of this.#ks.keys()) {
      const sorted = Float32Array.from(means.values(), each => each[place]!).sort()
      const floor = sorted[Math.max(0, Math.ceil(FLOOR_SHARE * sorted.length) - 1)]!
      for (const each of means.values()) each[place] = Math.max(floor, each[place]!)
    }
    return means
  }

  #topMeans(scores: Float32Array): Float32Array {
    const sorted = scores.slice().sort().reverse()
    return Float32Array.from(this.#ks, k => sorted.subarray(0, k).reduce((sum, score) => sum + score, 0) / k)
  }

  async *#pages(signal: AbortSignal): AsyncGenerator<{ ids: string[]; photos: Matrix }> {
    for await (const { ids, vectors, dimension } of this.vectors.read(
      { modelId: this.modelId },
      { pageSize: PAGE_SIZE, signal },
    )) {
      const rows = ids.map((_, i) => vectors.subarray(i * dimension, (i + 1) * dimension))
      yield { ids, photos: unitRows(rows) }
    }
  }
}

/** The best of many scored ids: sorted and cut whenever twice as many have come. */
class TopList {
  #entries: { score: number; id: string }[] = []
  /** What scores less is not among the best. */
  #least = Number.NEGATIVE_INFINITY

  constructor(private readonly depth: number) {}

  add(score: number, id: string): void {
    if (score < this.#least) return
    this.#entries.push({ score, id })
    if (this.#entries.length >= 2 * this.depth) this.#cut()
  }

  ids(): string[] {
    this.#cut()
    return this.#entries.map(({ id }) => id)
  }

  #cut(): void {
    this.#entries.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    this.#entries.length = Math.min(this.#entries.length, this.depth)
    if (this.#entries.length === this.depth) this.#least = this.#entries.at(-1)!.score
  }
}

function unitRows(rows: readonly Float32Array[]): Matrix {
  const all = matrix(rows.length, rows[0]?.length ?? 0)
  for (const [i, row] of rows.entries()) all.values.set(normalise(row), i * all.columns)
  return all
}
