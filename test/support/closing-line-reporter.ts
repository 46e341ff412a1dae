import type { Reporter, TestModule } from 'vitest/node'

/** Lists the tests that passed only at the second try, and ends with `N passed, N failed`, which continuous integration reads. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    let skipped = 0
    const atSecondTry: string[] = []
    for (const module of modules) {
      const tests = [...module.children.allTests()]
      for (const test of tests) {
        const { state } = test.result()
        if (state === 'passed') passed++
        else if (state === 'failed') failed++
        else skipped++
        if (test.diagnostic()?.flaky) atSecondTry.push(`${module.relativeModuleId}: ${test.fullName}`)
      }
      if (module.state() === 'failed' && !tests.some(test => test.result().state === 'failed')) failed++
    }
    if (atSecondTry.length > 0)
      process.stdout.write(`\nPassed only at the second try, to be mended:\n  ${atSecondTry.join('\n  ')}\n`)
    process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
  }
}
