import { readFileSync } from 'node:fs'

const PLAN = readFileSync('migrations/functions/search/search_plan.sql', 'utf8')

/** The constants of search_plan by which it chooses. */
export interface Limits {
  most_compared: number
  shallow: number
  deepest: number
  drawn: number
  looked_first: number
}

/** The SQL of search_plan with other limits, so that a small collection counts as a large one. */
export function planWith(limits: Partial<Limits>): string {
  return Object.entries(limits).reduce((sql, [name, value]) => {
    const changed = sql.replace(new RegExp(`(${name} constant integer := )\\d+`), `$1${value}`)
    if (!new RegExp(`${name} constant integer := ${value};`).test(changed))
      throw new Error(`search_plan has no constant ${name}`)
    return changed
  }, PLAN)
}
