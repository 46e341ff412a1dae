// Many small photos while workers, Redis and Postgres are killed: nothing lost, doubled or left over
//
// The image server fails at times too. At the end every row is compared with an undisturbed run.
//
//   npm run bench -- soak [--photos 200000] [--processes 4] [--minutes 120] [--photos-per-job 64]
//     [--kill-seconds 15] [--redis-seconds 60] [--postgres-seconds 90] [--flap-seconds 45] [--sample-seconds 2]
//
// 0 seconds: never. Needs redis-server and Postgres with pgvector on the PATH (infra/dev/services.sh) and 5 KB of
// disk per photo in the temporary folder. The vision model only picks pixels: on two cores a real one would need
// hours. The exit code is 1 when anything was lost, doubled or left over.
import { fileURLToPath } from 'node:url'
import { createViteServer } from 'vitest/node'
import { readOptions, report, say } from './support/report.mjs'

const flags = readOptions({
  photos: { type: 'string', default: '200000' },
  processes: { type: 'string', default: '4' },
  minutes: { type: 'string', default: '120' },
  'photos-per-job': { type: 'string', default: '64' },
  'kill-seconds': { type: 'string', default: '15' },
  'redis-seconds': { type: 'string', default: '60' },
  'postgres-seconds': { type: 'string', default: '90' },
  'flap-seconds': { type: 'string', default: '45' },
  'sample-seconds': { type: 'string', default: '2' },
})

// Its servers and its pipeline are those of the tests, which are TypeScript.
const vite = await createViteServer({
  configFile: false,
  appType: 'custom',
  logLevel: 'error',
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, watch: null, ws: false },
})
try {
  const { soak } = await vite.ssrLoadModule(fileURLToPath(new URL('../test/faults/soak.ts', import.meta.url)))
  const result = await soak(
    {
      photos: Number(flags.photos),
      workers: Number(flags.processes),
      minutes: Number(flags.minutes),
      photosPerJob: Number(flags['photos-per-job']),
      killSeconds: Number(flags['kill-seconds']),
      redisSeconds: Number(flags['redis-seconds']),
      postgresSeconds: Number(flags['postgres-seconds']),
      flapSeconds: Number(flags['flap-seconds']),
      sampleSeconds: Number(flags['sample-seconds']),
    },
    say,
  )
  tell(result)
  const { lost, duplicates, jobsLeft } = result
  process.exitCode = lost + duplicates + jobsLeft > 0 ? 1 : 0
} finally {
  await vite.close()
}

function tell({
  photos,
  seconds,
  photosPerSecond,
  events,
  lost,
  duplicates,
  differences,
  jobsLeft,
  redisKeys,
  memory,
}) {
  const memoryRows = Object.entries(memory).map(([kind, { first, last }]) => ({
    'MiB, proportional': kind,
    'first quarter': Math.round(first),
    'last quarter': Math.round(last),
  }))
  report(flags, {
    bench: 'soak',
    tables: [
      {
        title: `${photos} photos in ${(seconds / 60).toFixed(1)} min, ${photosPerSecond.toFixed(0)} per second`,
        rows: [events],
      },
      { title: 'Memory', rows: memoryRows },
    ],
    notes: [
      `${lost} lost, ${duplicates} duplicates, ${jobsLeft} jobs left`,
      ...differences,
      `Redis: ${redisKeys.most} keys at most, ${redisKeys.atTheEnd} at the end`,
    ],
  })
}
