import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/**
 * Whether a suite can run: `describe.skipIf(!requires(…))`. Where something is missing the suite is skipped and says so
 * loudly; in CI nothing may skip, so there it fails.
 */
export function requires(what: string, available: boolean, whatToDo: string): boolean {
  if (available) return true
  const message = `${what} is not here. ${whatToDo}`
  if (process.env.CI) throw new Error(`In CI nothing may skip: ${message}`)
  console.warn(`SKIPPED: ${message}`)
  return false
}

/** Real photos, CLIP vectors, tokens and pixels to check against. Not part of the project: their terms forbid it. */
export const REFERENCE = resolve(process.env.REFERENCE_DIR ?? '../shared/reference')

export const hasReference = (): boolean =>
  requires(
    `The reference material (${REFERENCE})`,
    existsSync(resolve(REFERENCE, 'README.md')),
    'Set REFERENCE_DIR to a folder that holds it.',
  )
