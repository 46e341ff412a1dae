import { availableParallelism } from 'node:os'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.js'
import { steadyForks } from './test/support/steady-forks.js'

const REFUSE_STALE = 'tools/build/refuse-stale.mjs'
const SHARE_SERVERS = 'test/support/servers/shared-servers.ts'
const SETUP = ['test/support/equal-bytes.ts']
/** Of the processes that tests start. */
const NODE_OPTIONS = `--import=${new URL('test/support/baseline-wasm.mjs', import.meta.url).href}`

/** Unit tests of libraries whose settings hold for a whole process: sharp, ONNX Runtime. */
const NATIVE = 'test/{analysis,demo,demo-scenes,evaluation,images,models,workers}/**/*.test.ts'

/** Integration tests whose files share processes: all but those whose libraries have such settings, or that look at their process. */
const SHARING = 'test/{cli,db,docs,http,infra,limits,producers,queue,search,storage,web}/**/*.integration.test.ts'

/** Slow tests whose files share processes, by the same rule. */
const SLOW_SHARING = [
  'test/{cli,exports,faults,http,imports,infra,limits,pipeline,producers,queue,security,tools}/**/*.slow.test.ts',
  'test/db/{dump,indexes,ingest,labels}/**/*.slow.test.ts',
  'test/db/*.slow.test.ts',
]

/** Tests that start servers and processes mostly wait for them: with one test worker per core the cores would idle. */
const WAITING_WORKERS = Math.ceil(1.5 * Math.min(availableParallelism(), 4))

/** Faults are outages, and outages are waited for. */
const SLOW_WORKERS = 2 * Math.min(availableParallelism(), 4)

/** CONTRIBUTING.md has the kinds of test. */
const kind = (name: string, test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration => ({
  test: {
    name,
    testTimeout: 120_000,
    hookTimeout: 240_000,
    pool: steadyForks,
    setupFiles: SETUP,
    env: { NODE_OPTIONS },
    // Hundreds of tests wait for real servers and processes beside each other. The reporter lists what passes only then.
    retry: process.env.CI ? 1 : 0,
    ...test,
  },
})

export default defineConfig({
  test: {
    projects: [
      kind('unit', {
        include: ['test/**/*.test.ts'],
        exclude: ['test/**/*.{integration,slow}.test.ts', NATIVE],
        globalSetup: [REFUSE_STALE],
        // Loading the modules again for every file would take half of the time.
        isolate: false,
        // Vitest leaves one core alone, which would be half of two.
        maxWorkers: WAITING_WORKERS,
      }),
      kind('unit-native', {
        include: [NATIVE],
        exclude: ['test/**/*.{integration,slow}.test.ts'],
        globalSetup: [REFUSE_STALE],
        maxWorkers: WAITING_WORKERS,
      }),
      kind('integration', {
        include: [SHARING],
        globalSetup: [REFUSE_STALE, SHARE_SERVERS],
        // Loading the modules again for every file would take a fifth of the time.
        isolate: false,
        // Beside the unit tests, which compute while these wait.
        maxWorkers: WAITING_WORKERS,
      }),
      kind('integration-native', {
        include: ['test/**/*.integration.test.ts'],
        exclude: [SHARING],
        globalSetup: [REFUSE_STALE, SHARE_SERVERS],
        maxWorkers: WAITING_WORKERS,
      }),
      kind('slow', {
        include: SLOW_SHARING,
        globalSetup: [REFUSE_STALE, SHARE_SERVERS],
        isolate: false,
        maxWorkers: SLOW_WORKERS,
        sequence: { groupOrder: 1 },
      }),
      kind('slow-native', {
        include: ['test/**/*.slow.test.ts'],
        exclude: SLOW_SHARING,
        globalSetup: [REFUSE_STALE, SHARE_SERVERS],
        maxWorkers: SLOW_WORKERS,
        sequence: { groupOrder: 1 },
      }),
    ],
    sequence: { sequencer: LongestFirst },
    reporters: process.env.CI ? ['./test/support/closing-line-reporter.ts', 'default'] : ['default'],
  },
})
