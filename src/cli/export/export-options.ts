import type { Dtype, FormatName } from '../../exports/export-format.js'
import type { CommonOptions } from '../context.js'
import type { FilterOptions } from '../options/filter-options.js'

export interface ExportOptions extends CommonOptions, FilterOptions {
  format: FormatName
  photo?: string
  count?: number
  minScore?: number
  diverse?: number
  seed: number
  columns?: string
  dtype?: Dtype
  projection?: string
  neighbours?: number
  shardSize: number
  replace?: boolean
}
