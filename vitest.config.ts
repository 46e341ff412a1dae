import { availableParallelism } from 'node:os'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.js'

const REFUSE_STALE = 'tools/build/refuse-stale.mjs'
const SHARE_SERVERS = 'test/support/servers/shared-servers.ts'

/** Tests that start servers and processes mostly wait for them: with one test worker per core the cores would idle. */
const WAITING_WORKERS = Math.ceil(1.5 * Math.min(availableParallelism(), 4))

/** CONTRIBUTING.md has the kinds of test. */
const kind = (name: string, test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration => ({
  test: { name, testTimeout: 120_000, hookTimeout: 240_000, pool: 'forks', ...test },
})

export default defineConfig({
  test: {
    projects: [
      kind('unit', {
        include: ['test/**/*.test.ts'],
        exclude: ['test/**/*.{integration,slow}.test.ts'],
        globalSetup: [REFUSE_STALE],
        // Vitest leaves one core alone, which would be half of two.
        maxWorkers: WAITING_WORKERS,
      }),
      kind('integration', {
        include: ['test/**/*.integration.test.ts'],
        globalSetup: [REFUSE_STALE, SHARE_SERVERS],
        maxWorkers: WAITING_WORKERS,
        sequence: { groupOrder: 1 },
      }),
      kind('slow', {
        include: ['test/**/*.slow.test.ts'],
        globalSetup: [REFUSE_STALE, SHARE_SERVERS],
        maxWorkers: WAITING_WORKERS,
        sequence: { groupOrder: 2 },
      }),
    ],
    sequence: { sequencer: LongestFirst },
    // Hundreds of tests wait for real servers and processes beside each other. The reporter lists what passes only then.
    retry: process.env.CI ? 1 : 0,
    reporters: process.env.CI ? ['default', './test/support/closing-line-reporter.ts'] : ['default'],
  },
})
