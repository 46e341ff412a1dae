import { appendFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/**
 * Lists the tests that passed only at the second try, and ends with `N passed, N failed`, which continuous integration reads;
 * continuous integration adds up several runs from the file TEST_COUNTS, to which each appends a line `passed failed`, and
 * repeats the failures of all from TEST_FAILURES, to which each appends a line a failure.
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    let skipped = 0
    const atSecondTry: string[] = []
    const failures = unhandledErrors.map(
      error => `outside of the tests: ${error instanceof Error ? error.message : error}`,
    )
    for (const module of modules) {
      const tests = [...module.children.allTests()]
      for (const test of tests) {
        const { state } = test.result()
        if (state === 'passed') passed++
        else if (state === 'failed') {
          failed++
          failures.push(`${module.relativeModuleId}: ${test.fullName}`)
        } else skipped++
        if (test.diagnostic()?.flaky) atSecondTry.push(`${module.relativeModuleId}: ${test.fullName}`)
      }
      if (module.state() === 'failed' && !tests.some(test => test.result().state === 'failed')) {
        failed++
        failures.push(`${module.relativeModuleId}: outside of its tests`)
      }
    }
    if (atSecondTry.length > 0)
      process.stdout.write(`\nPassed only at the second try, to be mended:\n  ${atSecondTry.join('\n  ')}\n`)
    if (process.env.TEST_FAILURES) appendFileSync(process.env.TEST_FAILURES, failures.map(line => `${line}\n`).join(''))
    if (process.env.TEST_COUNTS) appendFileSync(process.env.TEST_COUNTS, `${passed} ${failed}\n`)
    process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
  }
}
