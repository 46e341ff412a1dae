import type { z } from 'zod'

/** A setting: how its value must look, its default, and what it is for. */
export interface Setting {
  /** Hidden from short lists: only deployments with special needs change it. */
  advanced?: true
  schema: z.ZodType
  default: unknown
  /** Text for tables and `--help` in place of a default that would not help. */
  shownDefault?: string
  expected: string
  help: string
}
