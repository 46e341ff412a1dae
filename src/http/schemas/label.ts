import { z } from 'zod'
import { LABEL_SET_NAME_PATTERN } from '../../domain/labels.js'

/** A label set in a path. */
export const OneSet = z.strictObject({ name: z.string().regex(LABEL_SET_NAME_PATTERN) })

export const LabelPrecision = z
  .object({
    checked: z.int().describe('Photos of random samples that people marked.'),
    correct: z.int().describe('Those among them that were marked as right.'),
    precision: z.number().describe('The share of right ones.'),
    low: z.number().describe('Lower end of its 95 % confidence interval (Wilson).'),
    high: z.number().describe('Upper end of it.'),
  })
  .meta({ id: 'LabelPrecision', description: 'The precision of a label, measured by what people marked.' })
