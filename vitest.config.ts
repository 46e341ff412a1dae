import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    // Hundreds of tests wait for real servers and processes beside each other. What passes only then is listed at the end.
    retry: process.env.CI ? 1 : 0,
    reporters: process.env.CI ? ['default', './test/support/closing-line-reporter.ts'] : ['default'],
  },
})
