import { fileURLToPath } from 'node:url'
import { staleness } from './sources.mjs'

/**
 * Global setup of the tests: threads, child processes and the embedded server run dist/, so a stale dist/ would test other
 * code than that of the working tree.
 *
 * @param {{ onTestsRerun(check: () => void): void }} project
 */
export function setup(project) {
  const check = () => {
    const reason = staleness(fileURLToPath(new URL('../..', import.meta.url)))
    if (reason !== null)
      throw new Error(`${reason}. Run \`npm run build\` first; \`npm run test:file -- PATH\` does both.`)
  }
  check()
  project.onTestsRerun(check)
}
