import type { Evaluation } from '../../analysis/classify/evaluate.js'
import type { PhotoSamples } from '../../analysis/classify/load-samples.js'
import type { Target } from '../../analysis/classify/target.js'
import type { SearchModel } from '../../search/search-model.js'
import type { FilterOptions } from '../options/filter-options.js'

/** Options of `analyze classify`. */
export interface ClassifyOptions extends FilterOptions {
  test: number
  folds: number
  minPhotos: number
  sample: number
  seed: number
  model?: string[]
  html?: string
  save?: string
  json?: boolean
}

/** What was measured, for reports. */
export interface Classification {
  target: Target
  models: readonly SearchModel[]
  samples: PhotoSamples
  evaluation: Evaluation
  options: ClassifyOptions
}
