import type { ProjectionMethod } from '../../analysis/projection/project.js'
import type { CommonOptions } from '../context.js'
import type { FilterOptions } from '../options/filter-options.js'

/** Options of `analyze project`. */
export interface ProjectOptions extends CommonOptions, FilterOptions {
  method: ProjectionMethod
  neighbours?: number
  seed: number
  save?: string
  csv?: string
}
