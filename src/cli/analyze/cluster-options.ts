import type { CommonOptions } from '../context.js'
import type { FilterOptions } from '../options/filter-options.js'
import type { WantedK } from './k-argument.js'

/** Options of `analyze cluster`. */
export interface ClusterOptions extends CommonOptions, FilterOptions {
  method: 'kmeans' | 'hdbscan'
  /** Undefined: the default of k-means, or HDBSCAN. */
  k?: WantedK
  starts?: number
  minSize?: number
  components?: number
  projection?: string
  seed: number
  save?: string
}
