import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { Reporter, TestCase, TestModule, TestSpecification } from 'vitest/node'

/**
 * Lists the tests that passed only at the second try, and ends with `N passed, N failed`, which continuous integration reads.
 * For continuous integration, which adds up several runs, it appends to the files that these variables name:
 *
 * - TEST_COUNTS: at the end of the run a line `passed failed`
 * - TEST_FAILURES: a line per failure, as soon as its file ends
 * - TEST_FLAKY: a line per test that passed only at the second try, as soon as its file ends
 * - TEST_PROGRESS: a line `file PATH` per file at the start, and a line `ended passed failed PATH` when it ends. With these,
 *   the run can go on elsewhere when its process dies.
 */
export default class ClosingLineReporter implements Reporter {
  readonly #ended = new Set<TestModule>()

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    append(
      'TEST_PROGRESS',
      specifications.map(({ moduleId }) => `file ${relative('', moduleId)}`),
    )
  }

  onTestModuleEnd(module: TestModule): void {
    this.#ended.add(module)
    const { passed, failures, atSecondTry } = resultsOf(module)
    append('TEST_FAILURES', failures)
    append('TEST_FLAKY', atSecondTry)
    append('TEST_PROGRESS', [`ended ${passed} ${failures.length} ${relative('', module.moduleId)}`])
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const results = modules.map(resultsOf)
    const outside = unhandledErrors.map(error => `outside of the tests: ${messageOf(error)}`)
    const unended = modules.filter(module => !this.#ended.has(module))
    append('TEST_FAILURES', [...outside, ...unended.flatMap(module => resultsOf(module).failures)])
    const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)
    const passed = sum(results.map(result => result.passed))
    const failed = outside.length + sum(results.map(result => result.failures.length))
    const skipped = sum(results.map(result => result.skipped))
    append('TEST_COUNTS', [`${passed} ${failed}`])
    const atSecondTry = results.flatMap(result => result.atSecondTry)
    // After what the other reporters print, of which one that fails must not hide the counts.
    process.once('exit', () => {
      if (atSecondTry.length > 0)
        process.stdout.write(`\nPassed only at the second try, to be mended:\n  ${atSecondTry.join('\n  ')}\n`)
      process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
    })
  }
}

interface Results {
  passed: number
  skipped: number
  /** A line each. */
  failures: string[]
  atSecondTry: string[]
}

function resultsOf(module: TestModule): Results {
  const tests = [...module.children.allTests()]
  const named = (test: TestCase) => `${module.relativeModuleId}: ${test.fullName}`
  const inState = (state: string) => tests.filter(test => test.result().state === state)
  const [passed, failed] = [inState('passed').length, inState('failed')]
  const failures = failed.map(named)
  if (failed.length === 0 && module.state() === 'failed')
    failures.push(`${module.relativeModuleId}: outside of its tests`)
  return {
    passed,
    skipped: tests.length - passed - failed.length,
    failures,
    atSecondTry: tests.filter(test => test.diagnostic()?.flaky).map(named),
  }
}

/** In one line, with its cause. Errors of test processes arrive as plain objects. */
function messageOf(error: unknown): string {
  const { message = error, cause } = (error ?? {}) as { message?: unknown; cause?: unknown }
  const line = String(message).split('\n', 1)[0]!
  return cause === undefined ? line : `${line} ${messageOf(cause)}`
}

function append(variable: string, lines: readonly string[]): void {
  const file = process.env[variable]
  if (file && lines.length > 0) appendFileSync(file, lines.map(line => `${line}\n`).join(''))
}
